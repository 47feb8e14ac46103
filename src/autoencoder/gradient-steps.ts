/** Gradient steps from a latent that is nearly right, held by what is known of its error. */
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { lbfgs } from '../iterations/lbfgs.js'
import { type Solution, solve } from '../iterations/solve.js'
import { combine, norm, subtract, type Tensor } from '../math/tensor.js'
import type { Autoencoder } from './autoencoder.js'
import { roundingVariance } from './rounding.js'

export interface GradientStepsOptions {
  /** Budget of pullbacks, at least 1. */
  readonly pullbacks: number
  /** The error of the start, ‖start − z*‖²/‖z*‖² in dB; without it nothing holds the latent. */
  readonly expectedNmseDb?: number | undefined
  /** Values that a channel of the picture was rounded to. Default 256. */
  readonly levels?: number
  readonly signal?: Signal | undefined
}

/**
 * The most probable latent, given the picture and a start whose error is known in size.
 *
 * min ‖clip(D(z)) − x‖²/s² + ‖z − start‖²/τ², s² the variance of rounding, τ² that of the start's error, by L-BFGS on the true
 * gradient from the start. It goes on where rounding explains ‖D(z) − x‖ already: gradient-free steps weigh the rounding as the
 * encoder does, these as it is, and gain 2 dB there. The merit is the root of the objective times s, in
 * pixels. Cost: a pullback each, about twice a decode and three to five times its memory. Errors: `unsupported` without
 * gradients. Exact: no. Source: maximum a posteriori with Gaussian errors; L-BFGS of Nocedal and Wright.
 *
 * @example
 * const { value } = await new Task(gradientSteps(encoded, image, autoencoder, { pullbacks: 30, expectedNmseDb: -13 }))
 */
export async function* gradientSteps(
  start: Tensor,
  image: Tensor,
  autoencoder: Autoencoder,
  { pullbacks, expectedNmseDb, levels = 256, signal }: GradientStepsOptions,
): Steps<Solution> {
  const { pullback } = autoencoder
  if (!pullback) {
    const remedy = 'Use `gradients=never`.'
    throw expected('unsupported', 'an autoencoder with gradients', 'gradient steps', 'one without', remedy)
  }
  const variance =
    expectedNmseDb === undefined ? Infinity : (10 ** (expectedNmseDb / 10) * norm(start) ** 2) / start.data.length
  const weight = roundingVariance(levels) / variance
  const problem = {
    start,
    async evaluate(latent: Tensor, signal?: Signal) {
      const { image: decoded, gradient } = await pullback.call(autoencoder, latent, image, signal)
      const moved = subtract(latent, start)
      const misfit = norm(subtract(decoded, image))
      return {
        residual: combine([1, gradient], [weight, moved]),
        merit: Math.sqrt(misfit ** 2 + weight * norm(moved) ** 2),
      }
    },
  }
  return yield* solve(problem, lbfgs(), { iterations: pullbacks, stage: 'gradient steps', signal })
}
