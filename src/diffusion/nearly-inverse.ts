/**
 * The inverse of a linearised sampling run, nearly, as a linear map with its transposed: what makes equations in the noise
 * as well conditioned as equations in the latent. Not an inversion: those solve each step to a tolerance.
 */
import { combine, type Tensor } from '../math/tensor.js'
import type { Diffusion, State } from './diffusion.js'
import { firstOrderStep } from './multistep.js'

/** K ≈ (∂(x at the clean end)/∂(x at the noisy end))⁻¹. */
export interface NearlyInverse {
  /** K·y, from the clean end to the noisy one. */
  forward(y: Tensor): Promise<Tensor>
  /** Kᵀ·x. */
  back(x: Tensor): Promise<Tensor>
}

/**
 * K = K[0]·K[1]⋯K[N−1], where K[i] nearly undoes the first-order step a·x + b·D(x) at a known x.
 *
 * With c = a + b·alpha/(alpha² + sigma²), the slope of the step where the velocity is held fixed: k = y/c, then one
 * correction, K[i]·y = k + (y − a·k − b·J[i]·k)/c. Its transposed is the same with J[i]ᵀ. The better, the smaller the
 * steps; of multistep rules it undoes the first-order part. Cost: a pushforward, or a pullback, of the guided denoiser a step.
 * Source: Neumann's series, Golub and Van Loan, Matrix Computations, section 2.3.4; the slope as in `implicit`.
 *
 * @example const { forward, back } = nearlyInverse(states, diffusion)   // M = K·Kᵀ conditions equations in the noise
 */
export function nearlyInverse(states: readonly State[], { grid, pushforward, pullback }: Diffusion): NearlyInverse {
  async function undone(index: number, y: Tensor, derivative: typeof pullback): Promise<Tensor> {
    const from = grid[index]!
    const rule = firstOrderStep(from, grid[index + 1]!)
    const [ofX, ofEstimate] = [rule.x[0]!, rule.denoised[0]!]
    const slope = ofX + (ofEstimate * from.alpha) / (from.alpha ** 2 + from.sigma ** 2)
    const first = combine([1 / slope, y])
    const changed = await derivative!(states[index]!.x, from, first)
    return combine([1 - ofX / slope, first], [1 / slope, y], [-ofEstimate / slope, changed])
  }
  const steps = grid.slice(1).map((_, i) => i)
  return {
    async forward(y) {
      let x = y
      for (const i of steps.toReversed()) x = await undone(i, x, pushforward)
      return x
    },
    async back(x) {
      let y = x
      for (const i of steps) y = await undone(i, y, pullback)
      return y
    },
  }
}
