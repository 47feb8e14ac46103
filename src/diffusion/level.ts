/** Noise levels, schedules and grids: what a solver walks along. Not how a network is asked (denoiser.ts). */

/** x = alpha·x₀ + sigma·ε. lambda = ln(alpha/sigma), grows towards the image; t is only what the network is told. */
export interface NoiseLevel {
  readonly t: number
  readonly alpha: number
  readonly sigma: number
  readonly lambda: number
}

/** A family of levels over the times that a network was trained for. */
export interface Schedule {
  readonly name: string
  readonly noisiest: number
  readonly cleanest: number
  /** How many whole times, from `cleanest` up, the network was trained at; absent where time is continuous. */
  readonly trainingTimes?: number
  /** The level of a time between the two, fractions included. */
  level(t: number): NoiseLevel
  /** The time of a lambda: the inverse of `level(t).lambda`; the nearest end for a lambda beyond it. */
  time(lambda: number): number
}

/** Noisy → clean; steps = grid.length − 1. */
export type Grid = readonly NoiseLevel[]

export const noiseLevel = (t: number, alpha: number, sigma: number): NoiseLevel => ({
  t,
  alpha,
  sigma,
  lambda: Math.log(alpha) - Math.log(sigma),
})
