/**
 * The default decoder inversion: gradient-free, Anderson-accelerated, stopped where the picture's rounding to 8 bits
 * leaves nothing to learn. How it was chosen: docs/decisions/0002-default-decoder-inversion.md.
 */
import { define } from '../core/define.js'
import { anderson } from '../iterations/anderson.js'
import { solve } from '../iterations/parts/solve.js'
import { sizeOf } from '../math/tensor.js'
import type { DecoderInverter } from './autoencoder.js'
import { gradientFreeProblem } from './parts/gradient-free-problem.js'
import { roundingNorm } from './parts/rounding.js'

/**
 * Anderson-accelerated forward steps on T(z) = E(D(z)) − E(x), until ‖D(z) − x‖ is what rounding alone explains.
 *
 * From z⁰ = E(x), zᵏ⁺¹ = z̄ − damping·T̄ with the combination (z̄, T̄) of the last `window` + 1 points whose residual is
 * smallest. Stops at ‖D(z) − x‖ ≤ margin·δ, δ = 2/255·√(pixels/12): beyond that, iterations fit the rounding error and
 * the latent gets worse while the pixels get better (Morozov's discrepancy principle). Stops as well when `patience`
 * evaluations in a row bring the pixels no nearer: photographs never come to δ. Returns the evaluated point with the
 * smallest ‖D(z) − x‖. Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, then at most
 * `iterations` round trips, all forward; 16 bits are enough. Exact: no; given the picture, up to its rounding.
 * Errors: `bad-option`, `bad-shape`, `not-finite` when E(x) is not finite.
 * Source: ours. The residual is Hong et al.'s (NeurIPS 2024), the acceleration Walker and Ni's (2011), the stop
 * Morozov's (1966).
 *
 * @example
 * const { value, outcome } = await new Task(accelerated().invert(image, autoencoder))
 */
export const accelerated = define({
  id: 'accelerated',
  title: 'Accelerated gradient-free decoder inversion',
  source: 'undiffuse; residual of Hong et al., NeurIPS 2024',
  fields: {
    iterations: { type: 'integer', minimum: 1, default: 20, unit: 'round trips', description: 'Budget.' },
    window: { type: 'integer', minimum: 1, maximum: 50, default: 5, description: 'Differences that are remembered.' },
    damping: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 2,
      default: 1,
      description: 'Share of the residual taken off.',
    },
    levels: {
      type: 'integer',
      minimum: 2,
      default: 256,
      description: 'Values that a channel of the picture was rounded to: 256 for 8 bits, 65536 for 16.',
    },
    margin: {
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'Stop at this multiple of the rounding; 0 never.',
    },
    patience: {
      type: 'integer',
      minimum: 1,
      default: 5,
      unit: 'round trips',
      description: 'Stop after so many that brought the pixels no nearer, as with pictures that did not come from D.',
    },
  },
  make: ({ iterations, window, damping, levels, margin, patience }): DecoderInverter => ({
    name: 'accelerated',
    async *invert(image, autoencoder) {
      const problem = await gradientFreeProblem(image, autoencoder)
      const sufficientMerit = margin * roundingNorm(sizeOf(image.shape), levels)
      return yield* solve(problem, anderson({ window, damping }), {
        iterations,
        sufficientMerit,
        patience,
        stage: 'accelerated',
      })
    },
  }),
})
