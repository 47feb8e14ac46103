/** Sampling: levels and grids, denoisers, solvers. How a network is opened and run is not known here. */
export {
  denoiser,
  denoiserPullback,
  denoiserPushforward,
  guided,
  guidedPullback,
  guidedPushforward,
  type Network,
  type NetworkPullback,
  type NetworkPushforward,
  noiseOf,
  type Prediction,
  predictions,
} from './denoiser.js'
export type {
  Coefficients,
  Denoiser,
  DenoiserPullback,
  DenoiserPushforward,
  Diffusion,
  Inverter,
  RootCheck,
  Solver,
  State,
  StepInversion,
  Trajectory,
} from './diffusion.js'
export { type GridOptions, gridOf } from './grids.js'
export { type Grid, type NoiseLevel, noiseLevel, type Schedule } from './level.js'
export { isLinearizable, type LinearizedSampler, linearized } from './linearized.js'
export { firstOrderMove, firstOrderStep, type MultistepOptions, multistep } from './multistep.js'
export { inBfloat16, roundingDb } from './rounded.js'
export { sample } from './sample.js'
export {
  type BetaKind,
  type BetaOptions,
  betaKinds,
  betas,
  edmSchedule,
  rectifiedFlow,
  variancePreserving,
} from './schedules.js'
export * from './solvers/index.js'
export { endingWithNoise, whyNotUndone } from './undoing.js'
