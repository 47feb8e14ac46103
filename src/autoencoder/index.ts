/** From a picture to its latent: the contract, and one file for each method. */
export { accelerated } from './accelerated.js'
export type {
  Autoencoder,
  BatchedAutoencoder,
  DecoderInverter,
  LatentSolution,
  Pullback,
  RoundTrip,
  Why,
} from './autoencoder.js'
export { automaticDecoder } from './automatic.js'
export { type Coalesced, coalesce } from './coalesce.js'
export { counted, type Evaluations } from './counted.js'
export { encoderOnly } from './encoder-only.js'
export { type Fit, type Fitted, fitToMultiple } from './fit.js'
export { type FrameOptions, invertFrames } from './frames.js'
export { gradient } from './gradient.js'
export { gradientFree } from './gradient-free.js'
export { measureProfile, type ProfileOptions } from './measure-profile.js'
export { pixelProblem } from './pixel-problem.js'
export type { ExpectedErrors, Profile } from './profile.js'
export { isLikeness, rehearsalLatent } from './rehearsal.js'
export { rehearsed } from './rehearsed.js'
export { roundingNorm, roundingVariance } from './rounding.js'
