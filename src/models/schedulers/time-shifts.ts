/**
 * How far a pipeline moves the times of a flow towards the noise, by how many tokens the latent has: mu. Each family has a
 * rule of its own; a scheduler's configuration has the numbers of the linear one.
 */

export interface LinearMu {
  readonly base_shift?: number
  readonly max_shift?: number
  readonly base_image_seq_len?: number
  readonly max_image_seq_len?: number
}

/**
 * mu linear in the tokens: `base_shift` at `base_image_seq_len` and `max_shift` at `max_image_seq_len`.
 *
 * Source: `calculate_shift` of diffusers' pipelines of Flux, Qwen-Image, LTX and others, with Flux's numbers.
 */
export const linearMu = ({
  base_shift: low = 0.5,
  max_shift: high = 1.15,
  base_image_seq_len: few = 256,
  max_image_seq_len: many = 4096,
}: LinearMu = {}) => {
  const slope = (high - low) / (many - few)
  return (tokens: number): number => tokens * slope + (low - slope * few)
}

/**
 * mu = √(tokens/base)·max_shift + base_shift.
 *
 * Source: `calculate_shift` of diffusers' CogView4Pipeline.
 */
export const rootMu = (
  tokens: number,
  { base_shift = 0.25, max_shift = 0.75, base_image_seq_len = 256 }: LinearMu = {},
) => Math.sqrt(tokens / base_image_seq_len) * max_shift + base_shift

/**
 * mu by tokens and steps, fitted: linear in the steps between two lines in the tokens, and the line of 200 steps above 4300.
 *
 * Source: `compute_empirical_mu` of diffusers' Flux2KleinPipeline.
 */
export function empiricalMu(tokens: number, steps: number): number {
  const of200 = 0.00016927 * tokens + 0.45666666
  if (tokens > 4300) return of200
  const of10 = 8.73809524e-5 * tokens + 1.89833333
  const slope = (of200 - of10) / 190
  return slope * steps + (of200 - 200 * slope)
}

/** 1 … 1/steps, even: the shares of noise that the pipelines of Flux, Qwen-Image, LTX and Z-Image pass to their scheduler. */
export const evenShares = (steps: number): number[] =>
  Array.from({ length: steps }, (_, k) => (steps === 1 ? 1 : 1 + (k * (1 / steps - 1)) / (steps - 1)))
