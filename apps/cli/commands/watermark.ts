/** `undiffuse watermark`: keys, marks in pictures, who made them, and what unmarked pictures look like. */
import { type Command, InvalidArgumentError } from 'commander'
import { defaultFalsePositiveRate, restorations, watermarks } from 'undiffuse'
import { type CalibrateRequest, calibrate } from '../calibration.js'
import { type DetectRequest, detectMarks } from '../detection.js'
import { type IdentifyRequest, identifyMarks } from '../identification.js'
import { addRecoveryOptions, inversionHelp } from '../inversion-options.js'
import type { Member } from '../key-files.js'
import { type KeygenRequest, makeKey } from '../keygen.js'
import { describeMethods } from '../methods.js'
import { defaultUndo, undoNothing } from '../noise-recovery.js'
import { integerAtLeast, pictureSize, positiveShare, rate } from '../numbers.js'
import { runCommand } from '../terminal.js'

interface Json {
  readonly json: boolean
}

const keygenHelp = `
The key file holds 32 bytes of chance, which are never printed, with everything that they belong to; only its owner may read
it. It marks pictures of one size of one model. A family has many marks of one secret: one for each user, say. Who holds the
file can find the mark, forge it and remove it; without the file nobody can find it any more.

Examples:
  $ undiffuse watermark keygen -o key.json
  $ undiffuse watermark keygen --scheme tree-ring:pattern=rand --members 1000000 -o users.json
  $ undiffuse watermark keygen --scheme gaussian-shading:bits=64 --size 192x128 -o key.json
  $ undiffuse generate "a large red ball at the top" --watermark key.json --message c0de -o marked.png`

const detectHelp = `
Each picture is inverted to its noise once for all keys. The p-value is the probability that a picture without the mark
would look so much like a marked one; \`marked\` is one whose p-value, times the number of marks that were asked, is at most
\`--fpr\`. What it rests on is told: most schemes' is exact for any picture, over the draw of the key; that of tree-ring marks
of zeros, of constants and of the released mask needs a \`--calibration\`, and without one the verdict is \`undecided\`.
A calibration of \`undiffuse watermark calibrate\` says how its pictures were inverted: what is not said here is taken from it,
and what is said otherwise is refused. It gives no p-value below 1/(pictures + 1).
The power is how often a mark is found where it is, if noise is recovered with that correlation.

A picture that was changed is read as what it may have been, too: \`--undo\` says which changes are thought of, and p is
multiplied by how many pictures that makes. A border of one colour is filled unless told otherwise. Keys that need a
calibration are read in the picture as it is alone.

A .safetensors file of \`undiffuse invert\` with a \`noise\` is read as it is. In folders, and among several pictures, one
that cannot be read or is of another size is a result \`failed\` and not the end of the run. With \`--out\` each picture is a
line of JSON, written to <file>.part as it is finished; the first line holds the settings. A run that was ended in any way
goes on with \`--resume\`, which also takes up pictures that were added to the folder since; failed ones stay failed. A second
run with the same \`--out\` is refused while the first is under way.
With \`--sheet\` the first 12 pictures that can be read are rows of a picture: as given, what the latent decodes to, the
recovered noise, and what the mark reads there: log |F| with the mask's rim, or the signs. That rim is all that is drawn of a
key. Of more than 1000 pictures no sheet is made; with \`--resume\` it shows those that were not finished before.
The exit code is 0 whatever the verdict; with \`--exit-code\` it is 1 where no picture is marked.

Examples:
  $ undiffuse watermark detect marked.png --key key.json
  $ undiffuse watermark detect marked.png --key key.json --prompt "a large red ball at the top" --message c0de --json
  $ undiffuse watermark detect marked.png --key key.json --sheet marked.sheet.png
  $ undiffuse watermark detect photo.png --key users.json --member all --fpr 1e-9
  $ undiffuse watermark detect shared.png --key key.json --undo border flip rotation:range=5
  $ undiffuse watermark detect part.png --key key.json --undo crop resize
  $ undiffuse watermark detect pictures/ --key a.json,b.json --out results.jsonl --resume
  $ undiffuse watermark detect photo.png --key zeros.json --calibration calibration.safetensors --fpr 1e-2 --reference`

const identifyHelp = `
All members of a family are asked at once: seconds for a million. The p-value of the nearest, times the members, is what any
of them would reach in a picture that carries none; at most \`--fpr\` of such pictures are taken for marked. Schemes without
families carry a message, which is told. Pictures, folders and .safetensors files as in \`undiffuse watermark detect\`.

Examples:
  $ undiffuse watermark keygen --scheme tree-ring:pattern=rand --members 1000000 -o users.json
  $ undiffuse generate "a large red ball at the top" --watermark users.json --member 271828 -o marked.png
  $ undiffuse watermark identify marked.png --key users.json
  $ undiffuse watermark identify pictures/ --key users.json --fpr 1e-9 --out who.jsonl --json`

const calibrateHelp = `
The noise that is recovered from unmarked pictures, for marks whose p-value is not exact without it: with n pictures none
below 1/(n + 1) is claimed. It holds for pictures of the same kind, inverted in the same way, which the file remembers.
With \`--prompt\` prompts count as known: pictures are inverted with it, those that the model makes with their own.
Pictures that the model makes, rounded to 8 bits, tell how well noise is recovered: its correlation with what they were
made from, from which \`detect\` works out its power. They are unmarked too, and count among the others.
Finished pictures are kept in <file>.part: a run that was ended in any way goes on with \`--resume\`.

Examples:
  $ undiffuse watermark calibrate photos/ -o calibration.safetensors
  $ undiffuse watermark calibrate photos/ --size 128 --fit resize --inverter naive --steps 20 -o calibration.safetensors
  $ undiffuse watermark calibrate --generated 100 --prompts prompts.txt -o calibration.safetensors --resume
  $ undiffuse watermark detect photo.png --key zeros.json --calibration calibration.safetensors --fpr 1e-2`

/** Reads a number of a mark, or `all`. */
function memberOf(text: string): Member {
  if (text === 'all') return 'all'
  try {
    return integerAtLeast(0)(text)
  } catch {
    throw new InvalidArgumentError('It must be a whole number of at least 0, or `all`.')
  }
}

/** Of `--key a,b --key c`. */
const keyFiles = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text.split(',').filter((path) => path !== ''),
]

function addKeygen(group: Command): void {
  group
    .command('keygen')
    .description('make a key that marks pictures of a model')
    .option('--scheme <method:options>', 'how noise is marked, see below', watermarks[0].definition.id)
    .option('--members <n>', 'marks of this key: a family', integerAtLeast(1), 1)
    .option(
      '--size <pixels>',
      'side, or width x height, of the pictures (default: as the model was trained)',
      pictureSize,
    )
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option('-o, --output <file>', 'the key', 'key.json')
    .option('--force', 'write over a key that is there', false)
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', `${describeMethods('Schemes (method:option=value,...):', watermarks)}\n${keygenHelp}`)
    .action((options: KeygenRequest & Json) => runCommand(options.json, (io) => makeKey(io, options)))
}

/** Lines in a file, which a run that was killed goes on with. */
const addLinesOptions = (command: Command): Command =>
  command
    .option('--out <file>', 'results, a line of JSON for each picture as it is finished')
    .option('--resume', 'go on with a run that was ended', false)

/** What may have been done to pictures. */
const addUndoOption = (command: Command): Command =>
  command.option(
    '--undo <restoration:options...>',
    `what may have been done to pictures, see below; \`${undoNothing}\`: read them as they are`,
    [...defaultUndo],
  )

const undoHelp = (help: string): string =>
  `${describeMethods('What is undone (restoration:option=value,...), joined by + where one follows another:', restorations)}\n${help}`

const falsePositives = [
  '--fpr <rate>',
  'share of unmarked pictures that may be taken for marked (default: 1e-6)',
] as const

function addDetect(group: Command): void {
  const command = group
    .command('detect <source...>')
    .description('say whether pictures are marked, with a p-value that means it')
    .requiredOption('--key <file,file>', 'keys to look for; may be given several times', keyFiles)
    .option('--member <n|all>', 'which mark of a family; all: any of them (default: 0)', memberOf)
    .option('--message <hex>', 'that is expected: says whether it is the one')
    .option(...falsePositives, rate)
    .option('--calibration <file>', 'noise of unmarked pictures, for marks whose p-value needs it')
    .option('--correlation <rho>', 'of recovered noise with that of the picture, for the power', positiveShare)
    .option('--reference', 'add the published p-value of tree-ring marks, which is miscalibrated', false)
  addLinesOptions(addRecoveryOptions(addUndoOption(command)))
    .option('--sheet <file>', 'a .png file to look at: pictures, their noise, and what the mark reads there')
    .option('--exit-code', 'end with 1 where no picture is marked', false)
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', inversionHelp(undoHelp(detectHelp)))
    .action((sources: readonly string[], options: DetectRequest & Json & { readonly exitCode: boolean }) =>
      runCommand(options.json, async (io) => {
        const marked = await detectMarks(io, sources, options)
        if (options.exitCode && marked === 0) process.exitCode = 1
      }),
    )
}

function addIdentify(group: Command): void {
  const command = group
    .command('identify <source...>')
    .description('say which member of a family marked a picture')
    .requiredOption('--key <file>', 'the key of the family')
    .option(
      '--fpr <rate>',
      'share of unmarked pictures in which any member may be found',
      rate,
      defaultFalsePositiveRate,
    )
  addLinesOptions(addRecoveryOptions(addUndoOption(command)))
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', inversionHelp(undoHelp(identifyHelp)))
    .action((sources: readonly string[], options: IdentifyRequest & Json) =>
      runCommand(options.json, (io) => identifyMarks(io, sources, options)),
    )
}

function addCalibrate(group: Command): void {
  const command = group
    .command('calibrate [picture...]')
    .description('learn what the noise of unmarked pictures looks like')
    .option('--generated <n>', 'pictures that the model makes, as well', integerAtLeast(0), 0)
    .option('--prompts <file>', 'what they show, a prompt a line (default: the `--prompt`)')
    .option('--seed <n>', 'of the first of them', integerAtLeast(0), 0)
    .option(
      '--size <pixels>',
      'side, or width x height, of all pictures (default: as the model was trained)',
      pictureSize,
    )
  addRecoveryOptions(command)
    .option('-o, --output <file>', 'the calibration, a .safetensors file', 'calibration.safetensors')
    .option('--resume', 'go on with a run that was ended', false)
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', inversionHelp(calibrateHelp))
    .action((pictures: readonly string[], options: CalibrateRequest & Json) =>
      runCommand(options.json, (io) => calibrate(io, pictures, options)),
    )
}

export function addWatermark(program: Command): void {
  const group = program.command('watermark').description('mark the noise of pictures, and find the marks')
  for (const add of [addKeygen, addDetect, addIdentify, addCalibrate]) add(group)
}
