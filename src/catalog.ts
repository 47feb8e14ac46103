/** The methods by kind, written out: what command lines choose from and documentation lists. Not a registry. */
import { accelerated } from './autoencoder/accelerated.js'
import { encoderOnly } from './autoencoder/encoder-only.js'
import { gradient } from './autoencoder/gradient.js'
import { gradientFree } from './autoencoder/gradient-free.js'

/** Decoder inversions; the first is the default. */
export const decoderInverters = [accelerated, gradientFree, gradient, encoderOnly] as const
