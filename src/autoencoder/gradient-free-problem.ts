/** Decoder inversion without gradients as a problem for `solve`: the residual that every such method drives to zero. */
import type { Signal } from '../core/progress.js'
import type { Problem } from '../iterations/solve.js'
import { norm, subtract, type Tensor } from '../math/tensor.js'
import type { Autoencoder } from './autoencoder.js'

/**
 * T(z) = E(D(z)) − E(x), started at E(x); the merit is the pixel residual ‖D(z) − x‖, which the same run yields.
 *
 * One encode now, one round trip for each evaluation. Source: Hong et al., NeurIPS 2024.
 */
export async function gradientFreeProblem(image: Tensor, autoencoder: Autoencoder, signal?: Signal): Promise<Problem> {
  const start = await autoencoder.encode(image, signal)
  return {
    start,
    async evaluate(latent, signal) {
      const { image: decoded, latent: again } = await autoencoder.roundTrip(latent, signal)
      return { residual: subtract(again, start), merit: norm(subtract(decoded, image)) }
    },
  }
}
