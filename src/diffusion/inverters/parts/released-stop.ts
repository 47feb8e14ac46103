/** When the released code of "On Exact Inversion of DPM-Solvers" stops a step; shared by its two algorithms. */
import { sizeOf, type Tensor } from '../../../math/tensor.js'

const stops = ['as-released', 'per-element'] as const
type Stop = (typeof stops)[number]

/** The options of both. */
export const releasedFields = {
  stop: {
    type: 'choice',
    choices: stops,
    default: 'as-released',
    description: 'The loss is summed over the latent, as released, or scaled to its size.',
  },
  iterations: { type: 'integer', minimum: 1, default: 500, unit: 'evaluations', description: 'Budget of each step.' },
} as const

/** Σ(F(x) − y)² below which the released code stops, and the size of the latents it was released for. */
const releasedLoss = 1e-3
const releasedSize = 4 * 64 * 64

/** The released stop as ‖F(x) − y‖, for a latent of this shape. */
export const stopNorm = (stop: Stop, { shape }: Tensor): number =>
  Math.sqrt(stop === 'as-released' ? releasedLoss : (releasedLoss * sizeOf(shape)) / releasedSize)
