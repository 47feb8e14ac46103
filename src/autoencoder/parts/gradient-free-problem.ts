/** Decoder inversion without gradients as a problem for `solve`: the residual that every such method drives to zero. */
import { expected } from '../../core/errors.js'
import type { Problem } from '../../iterations/parts/solve.js'
import { distance, isFinite as isFiniteTensor, subtract, type Tensor } from '../../math/tensor.js'
import type { Autoencoder } from '../autoencoder.js'

/**
 * T(z) = E(D(z)) − E(x), started at E(x); the merit is the pixel residual ‖D(z) − x‖, which the same run yields.
 *
 * One encode now, one round trip for each evaluation. Source: Hong et al., NeurIPS 2024.
 */
export async function gradientFreeProblem(image: Tensor, autoencoder: Autoencoder): Promise<Problem> {
  const start = await autoencoder.encode(image)
  return {
    start,
    async evaluate(latent) {
      const { image: decoded, latent: again } = await autoencoder.roundTrip(latent)
      return { residual: subtract(again, start), merit: distance(decoded, image) }
    },
  }
}

/** E(x); throws `not-finite` where it is not. */
export async function finiteStart(image: Tensor, autoencoder: Autoencoder, method: string): Promise<Tensor> {
  const start = await autoencoder.encode(image)
  if (isFiniteTensor(start)) return start
  throw expected('not-finite', 'finite numbers', `the start of ${method}`, 'NaN or infinity', 'Check what made it.')
}

/** ‖picture − image‖; infinite where the picture is not finite. */
export function pixelDistance(picture: Tensor, image: Tensor): number {
  const found = distance(picture, image)
  return Number.isFinite(found) ? found : Number.POSITIVE_INFINITY
}
