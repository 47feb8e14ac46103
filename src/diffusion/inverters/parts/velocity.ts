/**
 * How an estimate of x₀ moves with x, before anything is known of the network: as for data of unit variance. What is
 * left of the estimate is the velocity, and holding that fixed is the first guess of every iteration here.
 */
import { combine, type Tensor } from '../../../math/tensor.js'
import type { NoiseLevel } from '../../level.js'

/**
 * ∂D/∂x for Gaussian data of unit variance: alpha/(alpha² + sigma²).
 *
 * Between the estimate held fixed (0) and the noise held fixed (1/alpha), the two bounds of a denoiser of log-concave
 * data; finite at both ends of every schedule.
 */
export const velocitySlope = ({ alpha, sigma }: NoiseLevel): number => alpha / (alpha ** 2 + sigma ** 2)

/** v in D = slope·x − sigma·v; on variance-preserving levels v = alpha·ε − sigma·x₀. Of order 1 at every level. */
export const velocityOf = (x: Tensor, denoised: Tensor, level: NoiseLevel): Tensor =>
  combine([velocitySlope(level) / level.sigma, x], [-1 / level.sigma, denoised])
