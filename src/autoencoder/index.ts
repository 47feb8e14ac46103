/** From a picture to its latent: the contract, and one file for each method. */
export { accelerated, roundingNorm } from './accelerated.js'
export type { Autoencoder, BatchedAutoencoder, DecoderInverter, Pullback, RoundTrip } from './autoencoder.js'
export { counted, type Evaluations } from './counted.js'
export { encoderOnly } from './encoder-only.js'
export { type Fit, type Fitted, fitToMultiple } from './fit.js'
export { gradient } from './gradient.js'
export { gradientFree } from './gradient-free.js'
