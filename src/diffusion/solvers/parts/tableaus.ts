/** Explicit Runge-Kutta rules as data, and the levels between two levels that their stages are at. */
import { type NoiseLevel, requiredSchedule, type Schedule } from '../../level.js'

export interface Tableau {
  readonly order: number
  /** Where each stage is in the step: 0 its start, 1 its end. */
  readonly nodes: readonly number[]
  /** What each stage takes of the stages before it. */
  readonly stages: readonly (readonly number[])[]
  /** What the step takes of each stage. */
  readonly weights: readonly number[]
}

export const tableauNames = ['euler', 'heun', 'midpoint', 'rk4'] as const

export const tableaus: Readonly<Record<(typeof tableauNames)[number], Tableau>> = {
  euler: { order: 1, nodes: [0], stages: [[]], weights: [1] },
  heun: { order: 2, nodes: [0, 1], stages: [[], [1]], weights: [1 / 2, 1 / 2] },
  midpoint: { order: 2, nodes: [0, 1 / 2], stages: [[], [1 / 2]], weights: [0, 1] },
  rk4: {
    order: 4,
    nodes: [0, 1 / 2, 1 / 2, 1],
    stages: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
    weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  },
}

/** The level of a lambda between two levels of a grid. Throws `unsupported` without the schedule of the grid. */
export function levelOfLambda(lambda: number, schedule: Schedule | undefined, name: string): NoiseLevel {
  const remedy = 'Pass `schedule` with the grid, or use `tableau=heun`, whose stages are at its levels.'
  const between = requiredSchedule(schedule, name, remedy)
  return between.level(between.time(lambda))
}
