/** What other programs call an option: named to people who type it, as the option is called here. */
import { nearest } from 'undiffuse/operations'

/**
 * The names of options here, and what else people write for them. The first that a command has is meant: `--scheduler` is
 * `--solver`, and `--solvers` in `compare`.
 */
export const otherNames: Readonly<Record<string, readonly string[]>> = {
  guidance: ['cfg', 'cfg-scale', 'guidance-scale', 'scale', 'guidance-weight', 'w'],
  steps: ['num-inference-steps', 'inference-steps', 'num-steps', 'sampling-steps', 'ddim-steps'],
  negative: ['negative-prompt', 'neg-prompt', 'uncond'],
  solver: ['scheduler', 'sampler', 'sampling-method'],
  solvers: ['scheduler', 'schedulers', 'sampler', 'samplers', 'solver'],
  inverter: ['inversion', 'inversion-method'],
  inverters: ['inversion', 'inversions', 'inverter', 'methods'],
  size: ['height', 'width', 'resolution', 'image-size'],
  count: ['n', 'num-images', 'num-images-per-prompt', 'num-samples', 'number'],
  frames: ['num-frames', 'length'],
  output: ['out', 'out-file', 'output-file', 'output-dir', 'output-path', 'save', 'outdir'],
  out: ['output', 'output-dir', 'outdir'],
  seed: ['random-seed', 'manual-seed', 'generator'],
  model: ['model-id', 'model-path', 'checkpoint', 'ckpt', 'pretrained-model-name-or-path'],
  precision: ['dtype', 'torch-dtype', 'half', 'fp16', 'bits'],
  device: ['gpu', 'cuda', 'provider'],
  watermark: ['key', 'key-file', 'mark'],
  key: ['watermark', 'watermark-key', 'key-file', 'keys'],
  message: ['payload', 'msg', 'text'],
  member: ['user', 'user-id', 'owner'],
  fpr: ['false-positive-rate', 'threshold', 'alpha', 'significance'],
  scheme: ['method', 'watermark', 'algorithm'],
  with: ['attack', 'attacks', 'method'],
  from: ['source', 'source-prompt', 'src-prompt', 'prompt'],
  to: ['target', 'target-prompt', 'edit-prompt', 'instruction'],
  mask: ['mask-image', 'mask-path'],
  'save-noise': ['save-latents', 'noise-output'],
  decoder: ['decoder-inversion', 'vae-inversion'],
}

/** What other programs call a command, by what it is here. */
const otherCommands: readonly (readonly [here: string, names: readonly string[]])[] = [
  ['Here it is called `watermark detect`.', ['detect', 'verify', 'check', 'read', 'decode', 'extract']],
  ['Here it is called `watermark identify`.', ['identify', 'attribute', 'trace']],
  ['Here it is called `watermark keygen`.', ['keygen', 'key', 'genkey', 'generate-key', 'make-key', 'new-key']],
  ['Here it is called `watermark calibrate`.', ['calibrate', 'calibration']],
  ['Marks are written by `generate --watermark`.', ['mark', 'embed', 'imprint', 'encode', 'add', 'write', 'apply']],
  ['Here it is called `generate`.', ['sample', 'txt2img', 'text2img', 't2i', 'text-to-image', 'draw', 'create']],
  [
    'Here it is called `edit`.',
    [
      'img2img',
      'image-to-image',
      'i2i',
      'inpaint',
      'pix2pix',
      'prompt-to-prompt',
      'remove',
      'erase',
      'replace',
      'recolour',
      'recolor',
      'change',
    ],
  ],
  ['Here it is called `invert`.', ['inversion', 'ddim-inversion', 'ddim-invert', 'invert-image', 'undo']],
  ['Here it is called `roundtrip`.', ['round-trip', 'reconstruct', 'reconstruction']],
  ['Here it is called `bench`.', ['benchmark', 'benchmarks']],
]
/** Where a name means something else in a group of commands than elsewhere. */
const inGroup: Readonly<Record<string, string>> = {
  'watermark generate': 'Marks are written by `generate --watermark`.',
  'watermark sample': 'Marks are written by `generate --watermark`.',
  'watermark attack': 'Here it is called `attack`.',
  'watermark create': 'Here it is called `watermark keygen`.',
  'watermark new': 'Here it is called `watermark keygen`.',
}

/** What a command is called here that is known elsewhere; `path` is that of its group, as `watermark`. */
export function commandHere(said: string, path: string): string | undefined {
  const other = said.replaceAll('_', '-').toLowerCase()
  return inGroup[`${path} ${other}`] ?? otherCommands.find(([, names]) => names.includes(other))?.[0]
}

/** What a word that names no command may have meant: one of these names, or what another program calls a command. */
export function meantCommand(said: string, path: string, names: readonly string[]): string | undefined {
  const name = nearest(said, names)
  if (name !== undefined) return `Did you mean \`${name}\`?`
  const other = nearest(
    said,
    otherCommands.flatMap(([, elsewhere]) => elsewhere),
  )
  return other === undefined ? undefined : commandHere(other, path)
}

/** What is written as an option elsewhere, and here is an argument, by its name. */
const argumentNames: Readonly<Record<string, readonly string[]>> = {
  prompt: ['prompt', 'p', 'text'],
  source: ['image', 'images', 'input', 'i', 'picture', 'file'],
  picture: ['image', 'images', 'input', 'i', 'picture', 'file'],
}

const formatNames = ['output-format', 'format', 'image-format', 'file-format', 'ext', 'extension']
const places = ['first', 'second', 'third']

const plainName = (said: string): string =>
  said.replace(/^--?/, '').replace(/=.*$/s, '').replaceAll('_', '-').toLowerCase()

/** `--guidance` of `--cfg=3`, where the command has that option. */
export function nameHere(said: string, options: readonly string[]): string | undefined {
  const other = plainName(said)
  const [here] =
    Object.entries(otherNames).find(([here, names]) => options.includes(here) && names.includes(other)) ?? []
  return here === undefined ? undefined : `--${here}`
}

/** How an option that a command lacks is said here: by another option, by an argument, or by the ending of a file. */
export function optionHere(
  said: string,
  options: readonly string[],
  commandArguments: readonly string[],
): string | undefined {
  const other = plainName(said)
  const here = nameHere(said, options)
  if (here !== undefined) return `Here it is called \`${here}\`.`
  const place = commandArguments.findIndex((name) => argumentNames[name]?.includes(other))
  if (place >= 0)
    return `The ${commandArguments[place]} is the ${places[place]} argument: write it without \`${said}\`.`
  if (options.includes('output') && formatNames.includes(other)) return 'The ending of `-o` says the format.'
  return undefined
}
