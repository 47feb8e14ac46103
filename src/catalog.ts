/** The methods by kind, written out: what command lines choose from and documentation lists. Not a registry. */
import { accelerated } from './autoencoder/accelerated.js'
import { encoderOnly } from './autoencoder/encoder-only.js'
import { gradient } from './autoencoder/gradient.js'
import { gradientFree } from './autoencoder/gradient-free.js'
import {
  bdia,
  bdiaDpmSolver,
  bdiaEdm,
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  edict,
  euler,
  flowEuler,
  flowMidpoint,
  heun,
  oBelm,
  rex,
} from './diffusion/solvers/index.js'

/** Inverters, the first the default, and the baselines of guided editing. */
export { guidedInverters, inverters } from './diffusion/inverters/index.js'

/** Decoder inversions; the first is the default. */
export const decoderInverters = [accelerated, gradientFree, gradient, encoderOnly] as const

/** Solvers; the first is the default: what inversions are measured on, and exactly invertible given the image. */
export const solvers = [
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver3M,
  dpmSolver2S,
  euler,
  heun,
  bdia,
  bdiaEdm,
  bdiaDpmSolver,
  oBelm,
  edict,
  rex,
  flowEuler,
  flowMidpoint,
] as const
