/** Latents to rehearse with: of the very autoencoder that is to be inverted, and known. */
import type { TorchGenerator } from '../math/noise.js'
import { combine, norm, type Tensor } from '../math/tensor.js'

/**
 * E(x), and white noise as large as encoder and decoder disagree there.
 *
 * r = E(x) + √(mean T²)·ε with T = E(D(E(x))) − E(x). The picture D(r) is much like x, and its latent is known, so steps can
 * be fitted and their errors measured. The encoder's own answers lack what the encoder cannot see; the latents that are
 * looked for do not, so the noise puts something there. Without it the expected errors are too low by about 3 dB.
 *
 * @example const known = rehearsalLatent(encoded, subtract(again, encoded), torchGenerator(0))
 */
export const rehearsalLatent = (encoded: Tensor, residual: Tensor, random: TorchGenerator): Tensor =>
  combine([1, encoded], [norm(residual) / Math.sqrt(residual.data.length), random.noise(encoded.shape)])
