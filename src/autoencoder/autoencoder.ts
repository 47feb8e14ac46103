/**
 * The contract of an autoencoder, as decoder inversions see it.
 * Pixels in [−1, 1], channels × height × width; latents in model units: the scale factor lives inside.
 *
 * D here is the decoder and the clip to [−1, 1] after it. A picture file is round8(clip(D(z))), and what the clip cuts off
 * is up to 16 times the rounding; a method that compares unclipped pixels looks for another latent. Gradients are zero
 * where a pixel is clipped.
 */
import type { Steps } from '../core/progress.js'
import type { Solution } from '../iterations/parts/solve.js'
import type { Tensor } from '../math/tensor.js'
import type { Profile } from './profile.js'

/** D(z) and E(D(z)), which one run of the composed graph yields. */
export interface RoundTrip {
  readonly image: Tensor
  readonly latent: Tensor
}

/** D(z) and J_D(z)ᵀ·(D(z) − x) = ∇_z ½‖D(z) − x‖², which one run of the gradient graph yields. */
export interface Pullback {
  readonly image: Tensor
  readonly gradient: Tensor
}

/**
 * Why an inversion returned the latent that it returned: the last step was expected to gain nothing more; the picture's
 * rounding explains what is left; the budget was spent; or no latent was nearer to the picture than the encoder's.
 */
export type Why = 'nothing-to-gain' | 'rounding-reached' | 'budget-spent' | 'encoder-nearer'

/** A solution that knows how far from the true latent it may be. */
export interface LatentSolution extends Solution {
  readonly why?: Why
  /** The error to expect, ‖z − z*‖²/‖z*‖² in dB: measured where the latent is known, for pictures that a decoder made. */
  readonly expectedNmseDb?: number
}

/** One picture or latent at a time. `autoencoderOf` makes one of a model, with a signal that ends it. */
export interface Autoencoder {
  /** What was measured of these weights, where it was. */
  readonly profile?: Profile | undefined
  /** The posterior mean of the encoder. */
  encode(image: Tensor): Promise<Tensor>
  decode(latent: Tensor): Promise<Tensor>
  /** D(z) and E(D(z)) in one run: what an iteration of gradient-free inversion costs. */
  roundTrip(latent: Tensor): Promise<RoundTrip>
  /**
   * D(z) and the gradient of ½‖D(z) − x‖² in one run. Present only where a gradient graph can be opened. The backward pass
   * computes with `scale` times the error (default 1) and the gradient is divided by it, in full precision: in 16 bits
   * small numbers then do not underflow. Who computes in more digits may leave it alone.
   */
  pullback?(latent: Tensor, image: Tensor, scale?: number): Promise<Pullback>
}

export interface DecoderInverter {
  readonly name: string
  invert(image: Tensor, autoencoder: Autoencoder): Steps<LatentSolution>
}
