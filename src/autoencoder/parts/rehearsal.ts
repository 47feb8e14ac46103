/** Latents to rehearse with: of the very autoencoder that is to be inverted, and known. */
import type { TorchGenerator } from '../../math/noise.js'
import { combine, norm, type Tensor } from '../../math/tensor.js'

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

/** What a step may leave of ‖T‖: the first most of it, where steps help about half; later ones not much more than all. */
const largestRest = { first: 0.75, later: 1.1 }

/**
 * Whether a step that removed known errors removed this picture's as well, by its residuals before and after it:
 * ‖T(zᵏ)‖ ≤ 0.75·‖T(zᵏ⁻¹)‖ for the first, 1.1 times for later ones.
 *
 * E∘D may reverse or turn what the picture's error is made of, and not what the known errors are; then the latent before the
 * step is the better one. Not for NaN.
 *
 * @example isLikeness(tensor([2], [0.3, 0]), tensor([2], [1, 0]), 1)   // true: 0.3 of the residual is left
 */
export const isLikeness = (after: Tensor, before: Tensor, step: number): boolean =>
  norm(after) <= (step === 1 ? largestRest.first : largestRest.later) * norm(before)
