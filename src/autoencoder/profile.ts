/**
 * What was measured of an autoencoder's weights, and what decoder inversion makes of it: how to step, when to stop, and
 * which error to expect. Data, tied to the weights; `measureProfile` measures it.
 */

/** Latent errors, ‖z − z*‖²/‖z*‖² in dB: means over latents that were not fitted on. */
export interface ExpectedErrors {
  /**
   * Of the residual at the encoder, ‖T(E(x))‖²/‖z*‖²: another picture's errors are these, moved by as much as its own residual
   * is larger or smaller.
   */
  readonly residualNmseDb: number
  /** Of the encoder alone. */
  readonly encoderNmseDb: number
  /** Of the fitted steps: entry k after k + 1 round trips. */
  readonly fittedNmseDb: readonly number[]
  /** Of Anderson's steps likewise. */
  readonly andersonNmseDb: readonly number[]
  /** After `pullbacks` gradient steps that follow; absent where there are no gradients. */
  readonly gradientNmseDb?: number
}

export interface Profile {
  /** The weights that it was measured on, as `fingerprint` names them. */
  readonly weights: string
  /** Where the latents came from that it was measured on, how many there were, and their shape. */
  readonly latents: string
  readonly latentCount: number
  readonly latentShape: readonly number[]
  /** How to step: by the fitted shares, or by Anderson acceleration. */
  readonly steps: 'fitted' | 'anderson'
  /** Round trips that are worth their cost. */
  readonly roundTrips: number
  /** Row k: the shares of the residuals T(z⁰) … T(zᵏ) that lead from z⁰ = E(x) to zᵏ⁺¹. */
  readonly shares: readonly (readonly number[])[]
  /** Gradient steps that bring the latent nearer after the round trips, or do no harm, at most; 0 where they gain nothing. */
  readonly pullbacks: number
  readonly expected: ExpectedErrors
}
