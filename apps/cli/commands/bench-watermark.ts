/** `undiffuse bench watermark`: how sure marks in the noise are, what they survive, and what breaks them. */
import { type Command, Option } from 'commander'
import { attacks, decoderInverters, openDiffusionModel, parseAttacks, type Runtime } from 'undiffuse'
import { modelFingerprint, nodeFiles } from 'undiffuse/node'
import { undoField, undoNothing, undoOf } from 'undiffuse/operations'
import type { Cells } from '../../../measurements/shared/cells.js'
import { type SampledModel, schedulerSteps } from '../../../measurements/shared/solver.js'
import { benchAttacks } from '../../../measurements/watermark/attacks.js'
import { attackPlots, attackText } from '../../../measurements/watermark/attacks-text.js'
import { benchIdentify, identifyText } from '../../../measurements/watermark/identify.js'
import { benchKeys } from '../../../measurements/watermark/keys.js'
import { keysText } from '../../../measurements/watermark/keys-text.js'
import { comparedSchemes, schemeOf, schemesWithKeys } from '../../../measurements/watermark/marks.js'
import { benchNull } from '../../../measurements/watermark/null.js'
import { nullText } from '../../../measurements/watermark/null-text.js'
import { benchThreeKeys } from '../../../measurements/watermark/three-keys.js'
import { threeKeysText } from '../../../measurements/watermark/three-keys-text.js'
import { benchWeaknesses, weaknessText } from '../../../measurements/watermark/weaknesses.js'
import {
  cellsOf,
  chunkOption,
  openRuntime,
  type ResumableOptions,
  resumable,
  share,
  withBenchModel,
} from '../bench-options.js'
import { explain, rareOptions } from '../help.js'
import { drive, jsonText, prepareFolder, writeResults } from '../measurements.js'
import { finiteNumber, integerAtLeast } from '../numbers.js'
import { runCommand, type Terminal } from '../terminal.js'

interface WatermarkBenchOptions extends ResumableOptions {
  readonly table: keyof typeof tables
  readonly chunk: number
  readonly solver: string
  readonly guidance: number
  readonly decoder: string
  readonly inverter: string
  readonly noises: number
  readonly pictures?: number
  readonly keys?: number
  readonly count?: number
  readonly schemes?: readonly string[]
  readonly attacks: readonly string[]
  readonly decoders?: readonly string[]
  readonly inverters: readonly string[]
  readonly prompt: 'known' | 'unknown'
  readonly undo: readonly string[]
  readonly full: boolean
  readonly members: number
  readonly unmarked: number
  readonly averaged: number
  readonly imprinted: number
}

/** As `detect` takes it where the prompt is not known. */
const decoderWithoutPrompt = `${decoderInverters[0].definition.id}:gradients=never`

/** How pictures are made and inverted. */
const recoveryOf = ({ solver, guidance, decoder, inverter }: WatermarkBenchOptions) => ({
  solver,
  guidance,
  decoder,
  inverter,
})

/** What a table is measured with. */
interface Bench {
  readonly io: Terminal
  readonly folder: string
  readonly model: SampledModel
  readonly runtime: Runtime
  readonly cells: Cells
  readonly modelVersion: string
}

async function runNull({ io, model, cells, modelVersion }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const { pictures = 1000, keys = 20 } = options
  const asked = { ...options, pictures, keys, cells, modelVersion, signal: io.signal }
  const result = await drive(io, benchNull(model, asked))
  io.say(nullText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-null.json': jsonText(result),
    'watermark-null.txt': `${nullText(result)}\n`,
  }))
  io.result(result)
}

async function runKeys({ io, model, cells, modelVersion }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const { schemes = schemesWithKeys, pictures = 400, keys = 400, chunk } = options
  const asked = { ...recoveryOf(options), schemes, pictures, keys, chunk, cells, modelVersion, signal: io.signal }
  const result = await drive(io, benchKeys(model, asked))
  io.say(keysText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-keys.json': jsonText(result),
    'watermark-keys.txt': `${keysText(result)}\n`,
  }))
  io.result(result)
}

/** The attacks that are told of in the documentation; `--full` takes every one at the strength that was published. */
const usualAttacks = ['none', 'jpeg:quality=50', 'crop:share=0.75', 'noise:deviation=0.05', 'blur:sigma=1'] as const

async function runAttacks({ io, model, cells, modelVersion }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const { schemes = comparedSchemes, full } = options
  const { decoders = full ? [...usualDecoders] : ['encoder-only', decoderWithoutPrompt] } = options
  const asked = {
    ...options,
    undo: options.undo.filter((one) => one !== undoNothing),
    count: options.count ?? 24,
    schemes,
    attacks: full ? attacks.map(({ definition }) => definition.id) : options.attacks,
    decoders,
    plainDecoders: full || options.decoders ? [] : ['gradient-free:iterations=50', 'gradient:iterations=100'],
    inverters: full ? ['naive', 'automatic'] : options.inverters,
    cells,
    modelVersion,
    signal: io.signal,
  }
  for (const attack of asked.attacks) parseAttacks(attack)
  undoOf(options.undo.map((text) => ({ text, method: undoField.read(text) })))
  const result = await drive(io, benchAttacks(model, asked))
  io.say(attackText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-attacks.json': jsonText(result),
    'watermark-attacks.txt': `${attackText(result)}\n`,
    ...(await attackPlots(result)),
  }))
  io.result(result)
}

/** Those that the paper compares, and ours, the quick one and the default. */
const usualDecoders = [
  'encoder-only',
  'gradient:iterations=100',
  'gradient-free:iterations=100',
  'accelerated',
  'automatic',
] as const

async function runThreeKeys({ io, folder }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const open = async () => {
    const runtime = openRuntime(options)()
    return { runtime, model: await openDiffusionModel(nodeFiles, folder, runtime) }
  }
  const { solver, guidance, inverter, chunk, decoders = usualDecoders } = options
  const asked = { solver, guidance, inverter, chunk, decoders, prompts: options.count ?? 20, signal: io.signal }
  const result = await drive(io, benchThreeKeys(open, asked))
  io.say(threeKeysText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-three-keys.json': jsonText(result),
    'watermark-three-keys.txt': `${threeKeysText(result)}\n`,
  }))
  io.result(result)
}

async function runIdentify({ io, model }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const { count: marked = 16, members, unmarked, prompt, chunk } = options
  const asked = { ...recoveryOf(options), marked, members, unmarked, prompt, chunk, signal: io.signal }
  const result = await drive(io, benchIdentify(model, asked))
  io.say(identifyText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-identify.json': jsonText(result),
    'watermark-identify.txt': `${identifyText(result)}\n`,
  }))
  io.result(result)
}

async function runWeaknesses({ io, model }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const { schemes = comparedSchemes, averaged, imprinted, count: tried = 8, chunk } = options
  const asked = { ...recoveryOf(options), schemes, averaged, tried, imprinted, chunk, signal: io.signal }
  const result = await drive(io, benchWeaknesses(model, asked))
  io.say(weaknessText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-weaknesses.json': jsonText(result),
    'watermark-weaknesses.txt': `${weaknessText(result)}\n`,
  }))
  io.result(result)
}

const tables = {
  attacks: { run: runAttacks, title: 'marks found and messages read after attacks, by decoder inversion' },
  'three-keys': { run: runThreeKeys, title: 'the three-key experiment of Hong et al., as released and centred' },
  identify: { run: runIdentify, title: 'which of very many keys is in a picture' },
  weaknesses: {
    run: runWeaknesses,
    title: 'what removes marks and what forges them: averaging, reprompting, imprinting',
  },
  keys: { run: runKeys, title: 'false positives of single keys, as drawn and as `keygen --unmarked` keeps them' },
  null: { run: runNull, title: 'false positives in white noise and unmarked pictures, against what p-values promise' },
} as const

async function runBench(io: Terminal, options: WatermarkBenchOptions): Promise<void> {
  for (const scheme of options.schemes ?? []) schemeOf(scheme)
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  await withBenchModel(
    options,
    async (model, runtime, folder) => {
      const modelVersion = await modelFingerprint(folder)
      await tables[options.table].run({ io, folder, model, runtime, cells, modelVersion }, options)
    },
    schedulerSteps(options.solver),
  )
}

const help = {
  details: `
Tables:${Object.entries(tables)
    .map(([name, { title }]) => `\n  ${name.padEnd(14)}${title}`)
    .join('')}

Finished cells are kept in the folder of \`--out\`; \`--resume\` takes them from there.`,
  examples: [
    'bench watermark --out out/watermark --resume',
    'bench watermark --attacks jpeg:quality=25 blur:sigma=2+noise:deviation=0.1 --count 50',
    'bench watermark --table three-keys --out out/three-keys',
    'bench watermark --table identify --members 100000',
    'bench watermark --table null --out out/watermark',
    'bench watermark --table null --noises 2000 --pictures 0',
    'bench watermark --table keys --out out/watermark --resume',
  ],
}

export function addWatermarkBench(bench: Command): void {
  resumable(share(explain(bench.command('watermark'), help)))
    .description('false positives, power under attacks, identification and weaknesses of marks in the noise')
    .addOption(new Option('--table <name>', 'what to measure').choices(Object.keys(tables)).default('attacks'))
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option(
      '--count <n>',
      'marked pictures (default: 24; three-keys: 20 with each key; identify: 16; weaknesses: 8)',
      integerAtLeast(1),
    )
    .option('--schemes <method:options...>', 'marks, see `undiffuse help schemes`')
    .option('--attacks <attack:options...>', 'see `undiffuse help attacks`; joined by +', [...usualAttacks])
    .option('--full', 'every attack, decoder inversion and two inverters: hours', false)
    .optionsGroup(rareOptions)
    .addOption(chunkOption('pictures', 8))
    .option('--solver <method:options>', 'of making and of inverting', 'ddim:spacing=lambda,steps=50')
    .option('--guidance <n>', 'of making', finiteNumber, 3)
    .option('--decoder <method:options>', 'decoder inversion', decoderWithoutPrompt)
    .option('--inverter <method:options>', 'inversion to the noise', 'naive')
    .option('--noises <n>', 'white noises of the null table', integerAtLeast(1), 20000)
    .option('--pictures <n>', 'unmarked pictures (default: null table 1000, keys table 400)', integerAtLeast(0))
    .option(
      '--keys <n>',
      'keys that each of them is read under (default: null table 20, keys table 400)',
      integerAtLeast(1),
    )
    .option('--decoders <method:options...>', 'decoder inversions of the attacks and three-keys tables')
    .option('--inverters <method:options...>', 'inversions of the attacks table', ['naive'])
    .addOption(
      new Option('--prompt <which>', 'whether the detector of the attacks and identify tables knows the prompt')
        .choices(['known', 'unknown'])
        .default('unknown'),
    )
    .option('--undo <restoration:options...>', 'what the detector of the attacks table undoes', [...undoField.default])
    .option('--members <n>', 'keys of a family of the identify table', integerAtLeast(1), 100_000)
    .option('--unmarked <n>', 'noises without a mark of the identify table', integerAtLeast(1), 100)
    .option(
      '--averaged <n>',
      'pictures of one key that the attacker of the weaknesses table has',
      integerAtLeast(2),
      32,
    )
    .option('--imprinted <n>', 'pictures of the imprint attack, minutes each', integerAtLeast(0), 1)
    .action((options: WatermarkBenchOptions) => runCommand(options.json, (io) => runBench(io, options)))
}
