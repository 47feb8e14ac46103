/** Decoder inversion by gradients as a problem for `solve`: the pixel error and its true gradient. */
import { expected } from '../../core/errors.js'
import type { Problem, SolveOptions } from '../../iterations/parts/solve.js'
import { combine, distance, isFinite as isFiniteTensor, sizeOf, type Tensor } from '../../math/tensor.js'
import type { Autoencoder, Pullback } from '../autoencoder.js'
import { roundingVariance } from './rounding.js'

/**
 * When gradient steps end by themselves: ten in a row made the picture less than e^½ times as probable.
 *
 * −log p(x | z) = ‖D(z) − x‖²/(2s²), s² the variance of rounding; at ‖D(z) − x‖ = s·√count half a unit of it is s/(2·√count). Where a
 * decoder explains less of the picture, less than half a unit is enough to go on.
 *
 * @example solve(pixelProblem(start, image, autoencoder), lbfgs(), { iterations: 120, ...gradientStop(image, 256) })
 */
export const gradientStop = ({ shape }: Tensor, levels: number): Pick<SolveOptions, 'patience' | 'leastGain'> => ({
  patience: 10,
  leastGain: 0.5 * Math.sqrt(roundingVariance(levels) / sizeOf(shape)),
})

/**
 * ‖D(z) − x‖² from a start: the residual is ∇ = 2·J_D(z)ᵀ(D(z) − x), the merit ‖D(z) − x‖.
 *
 * One pullback for each evaluation. With a `lossScale` s it computes J_D(z)ᵀ·s(D(z) − x) and divides by s; s is halved, at the cost
 * of another pullback, whenever that overflows. Errors: `unsupported` for an autoencoder without gradients.
 *
 * @example await new Task(solve(pixelProblem(encoded, image, autoencoder), lbfgs(), { iterations: 30 }))
 */
export function pixelProblem(start: Tensor, image: Tensor, autoencoder: Autoencoder, lossScale = 1): Problem {
  const { pullback } = autoencoder
  if (!pullback) {
    const remedy = 'Use `automatic:gradients=never`, `rehearsed` or `gradient-free`, which need none.'
    throw expected('unsupported', 'an autoencoder with gradients', 'gradient', 'one without', remedy)
  }
  let scale = lossScale
  async function pulled(latent: Tensor): Promise<Pullback> {
    const result = await pullback!.call(autoencoder, latent, image, scale)
    if (scale === 1 || isFiniteTensor(result.gradient) || !isFiniteTensor(result.image)) return result
    scale = Math.max(1, scale / 2)
    return await pulled(latent)
  }
  return {
    start,
    async evaluate(latent) {
      const { image: decoded, gradient } = await pulled(latent)
      return { residual: combine([2, gradient]), merit: distance(decoded, image) }
    },
  }
}
