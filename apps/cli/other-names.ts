/** What other programs call an option: named to people who type it, as the option is called here. */

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

/** `--guidance` of `--cfg=3`, where the command has that option. */
export function nameHere(said: string, options: readonly string[]): string | undefined {
  const other = said.replace(/^--?/, '').replace(/=.*$/s, '').replaceAll('_', '-').toLowerCase()
  const [here] =
    Object.entries(otherNames).find(([here, names]) => options.includes(here) && names.includes(other)) ?? []
  return here === undefined ? undefined : `--${here}`
}
