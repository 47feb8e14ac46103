/** When the released code of "On Exact Inversion of DPM-Solvers" stops a step; shared by its two algorithms. */
import { sizeOf, type Tensor } from '../../math/tensor.js'

export const stops = ['as-released', 'per-element'] as const
export type Stop = (typeof stops)[number]

/** Σ(F(x) − y)² below which the released code stops, and the size of the latents it was released for. */
const releasedLoss = 1e-3
const releasedSize = 4 * 64 * 64

/** The released stop as ‖F(x) − y‖, for a latent of this shape. */
export const stopNorm = (stop: Stop, { shape }: Tensor): number =>
  Math.sqrt(stop === 'as-released' ? releasedLoss : (releasedLoss * sizeOf(shape)) / releasedSize)
