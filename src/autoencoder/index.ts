/** From a picture to its latent: the contract, and one file for each method. */

export { accelerated } from './accelerated.js'
export type {
  Autoencoder,
  DecoderInverter,
  LatentSolution,
  Pullback,
  RoundTrip,
  Why,
} from './autoencoder.js'
export { automaticDecoder } from './automatic.js'
export { encoderOnly } from './encoder-only.js'
export { gradient } from './gradient.js'
export { gradientFree } from './gradient-free.js'
export { measureProfile, type ProfileOptions } from './measure-profile.js'
export { gradientStop, pixelProblem } from './parts/pixel-problem.js'
export { isLikeness, rehearsalLatent } from './parts/rehearsal.js'
export { roundingNorm, roundingVariance } from './parts/rounding.js'
export type { ExpectedErrors, Profile } from './profile.js'
export { rehearsed } from './rehearsed.js'
