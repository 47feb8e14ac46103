/** Heun's step on the probability flow, between any two levels: shared by `heun` and BDIA on EDM. */
import { combine, type Tensor } from '../../../math/tensor.js'
import { noiseOf } from '../../denoiser.js'
import type { Denoiser } from '../../diffusion.js'
import { type NoiseLevel, noImage } from '../../level.js'
import { firstOrderMove } from '../../multistep.js'

/**
 * Euler's prediction, then the trapezoid: x′/α′ = x/α + (σ′/α′ − σ/α)·(ε(x) + ε(x̃))/2, x̃ the prediction.
 *
 * One evaluation more than the estimate in hand; none where the trapezoid needs σ′ > 0 and the step is Euler's.
 * Throws `unsupported` at alpha = 0.
 */
export async function trapezoidMove(
  x: Tensor,
  denoised: Tensor,
  from: NoiseLevel,
  to: NoiseLevel,
  denoise: Denoiser,
): Promise<Tensor> {
  const predicted = firstOrderMove(x, denoised, from, to)
  if (to.sigma === 0) return predicted
  if (from.alpha === 0) throw noImage('a step of Heun', from)
  const ratio = to.alpha / from.alpha
  const half = (to.sigma - from.sigma * ratio) / 2
  const after = noiseOf(predicted, await denoise(predicted, to), to)
  return combine([ratio, x], [half, noiseOf(x, denoised, from)], [half, after])
}
