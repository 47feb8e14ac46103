/** The methods by kind, written out: what command lines choose from and documentation lists. Not a registry. */
import { accelerated } from './autoencoder/accelerated.js'
import { automaticDecoder } from './autoencoder/automatic.js'
import { encoderOnly } from './autoencoder/encoder-only.js'
import { gradient } from './autoencoder/gradient.js'
import { gradientFree } from './autoencoder/gradient-free.js'
import { rehearsed } from './autoencoder/rehearsed.js'
import { mostProbable } from './verbs/most-probable.js'

/** Inverters and solvers, the first of each the default, and the baselines of guided editing. */
export { guidedInverters } from './diffusion/guided-editing/index.js'
export { inverters } from './diffusion/inverters/index.js'
export { solvers } from './diffusion/solvers/index.js'
/** Edits; the first is the default. */
export { edits } from './edit/methods/index.js'

/** Decoder inversions; the first is the default. */
export const decoderInverters = [automaticDecoder, rehearsed, accelerated, gradientFree, gradient, encoderOnly] as const

/** What makes the noise of a picture more probable; the first is the default where one is asked for. */
export const refiners = [mostProbable] as const

/** Attacks on watermarks; the first is the default: none. */
export { attacks } from './attacks/index.js'
/** What is undone before pictures are read; the first is the default. */
export { restorations } from './restorations/index.js'
/** Ways to mark noise; the first is the default. */
export { watermarks } from './watermark/schemes/index.js'
