/**
 * The contract of inversions that change what the unconditional branch of guidance is told, instead of the noise: the
 * baselines of guided editing. Inversions that leave it alone are `Inverter`s.
 */
import { expected } from '../../../core/errors.js'
import type { Steps } from '../../../core/progress.js'
import { combine, type Tensor } from '../../../math/tensor.js'
import type { Denoiser, Solver, State, Trajectory } from '../../diffusion.js'
import type { Grid, NoiseLevel } from '../../level.js'

/** A denoiser that is told an embedding, and the gradient with respect to it. */
export interface EmbeddedDenoiser {
  denoise(x: Tensor, level: NoiseLevel, embedding: Tensor): Promise<Tensor>
  /** (∂D/∂embedding)ᵀ·cotangent: one run of a gradient graph. */
  pullback?(x: Tensor, level: NoiseLevel, embedding: Tensor, cotangent: Tensor): Promise<Tensor>
}

export interface EmbeddedDiffusion {
  readonly grid: Grid
  readonly denoiser: EmbeddedDenoiser
  /** Of the prompt, and of the empty one. */
  readonly prompt: Tensor
  readonly empty: Tensor
}

export interface GuidedInversion extends Trajectory {
  /** What the unconditional branch is to be told at each step, noisiest first. */
  readonly embeddings: readonly Tensor[]
  /** The distance between the given and the guided trajectory after each step, as a mean square. */
  readonly losses: readonly number[]
}

export interface GuidedInverter {
  readonly name: string
  invert(clean: State, solver: Solver, diffusion: EmbeddedDiffusion): Steps<GuidedInversion>
}

/** The denoiser of the prompt alone. */
export const promptDenoiser =
  ({ denoiser, prompt }: EmbeddedDiffusion): Denoiser =>
  (x, level) =>
    denoiser.denoise(x, level, prompt)

/**
 * The guided denoiser with one embedding for each step: what samples the inverted trajectory again, or an edit of it with
 * another `prompt`.
 *
 * D = D_null[i] + w·(D_prompt − D_null[i]) at grid[i]. Two evaluations. Errors: `bad-option` at a level that is not one of
 * the grid's.
 *
 * @example sample(noise, solver, { grid, denoise: withEmbeddings({ ...diffusion, prompt: edited }, embeddings, 7.5) })
 */
export function withEmbeddings(
  { grid, denoiser, prompt }: EmbeddedDiffusion,
  embeddings: readonly Tensor[],
  guidance: number,
): Denoiser {
  return async (x, level) => {
    const embedding = embeddings[grid.findIndex(({ t, sigma }) => t === level.t && sigma === level.sigma)]
    if (!embedding) {
      const remedy = 'Sample on the grid that was inverted.'
      throw expected('bad-option', `a level with an embedding`, 'guided editing', `t = ${level.t}`, remedy)
    }
    const [given, none] = await Promise.all([denoiser.denoise(x, level, prompt), denoiser.denoise(x, level, embedding)])
    return combine([guidance, given], [1 - guidance, none])
  }
}
