/** Noise levels, schedules and grids: what a solver walks along. Not how a network is asked (denoiser.ts). */
import { expected, type UndiffuseError } from '../core/errors.js'

/** x = alpha·x₀ + sigma·ε. lambda = ln(alpha/sigma), grows towards the image; t is only what the network is told. */
export interface NoiseLevel {
  readonly t: number
  readonly alpha: number
  readonly sigma: number
  readonly lambda: number
  /** The levels that the step from here leads between, where they are not this one and the grid's next. */
  readonly step?: Leap
  /** The deviation of x where a run starts here from noise of deviation 1; absent is √(alpha² + sigma²). */
  readonly deviation?: number
}

/** The ends of a step. */
export interface Leap {
  readonly from: NoiseLevel
  readonly to: NoiseLevel
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
  /** Where a grid that is even in time is moved to, as shares of the noisiest time; absent is nowhere else. */
  readonly shift?: (share: number) => number
}

/** Noisy → clean; steps = grid.length − 1. */
export type Grid = readonly NoiseLevel[]

export const noiseLevel = (t: number, alpha: number, sigma: number): NoiseLevel => ({
  t,
  alpha,
  sigma,
  lambda: Math.log(alpha) - Math.log(sigma),
})

/** What is thrown where a formula divides by alpha and there is none: the start of a rectified flow. */
export const noImage = (what: string, { t }: NoiseLevel): UndiffuseError =>
  expected(
    'unsupported',
    'a level with some image in it',
    what,
    `alpha 0 at t = ${t}`,
    'Start the grid at a cleaner time, or use another solver.',
  )

/** The schedule that a grid was taken from, for levels between its own. Throws `unsupported` where it is not known. */
export function requiredSchedule(schedule: Schedule | undefined, name: string, remedy: string): Schedule {
  if (schedule) return schedule
  throw expected('unsupported', 'the schedule that the grid was taken from', `\`${name}\``, 'a grid alone', remedy)
}
