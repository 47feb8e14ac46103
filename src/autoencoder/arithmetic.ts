/** In how many bits a method that mimics the paper's half path computes its own steps. */
import type { Autoencoder } from './autoencoder.js'

/** As asked; otherwise as the networks do, which are 32 bits where they do not say. */
export const arithmetic = (asked: '16' | '32' | undefined, { precision = 32 }: Autoencoder): 16 | 32 =>
  asked === undefined ? precision : asked === '16' ? 16 : 32
