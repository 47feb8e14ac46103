/** What the solvers of rectified flows share: levels on the straight path alpha + sigma = 1. */
import { expected } from '../../../core/errors.js'
import type { Grid, NoiseLevel } from '../../level.js'
import { interval } from '../../multistep.js'

/** Levels of a float32 configuration are on the path to this. */
const rounding = 1e-6

export const isOnStraightPath = ({ alpha, sigma }: NoiseLevel): boolean => Math.abs(alpha + sigma - 1) <= rounding

/** `interval`, on the straight path. Throws `bad-option` for a level that is not on it. */
export function flowInterval(grid: Grid, index: number): ReturnType<typeof interval> {
  const ends = interval(grid, index)
  for (const level of [ends.from, ends.to]) {
    const { t, alpha, sigma } = level
    if (!isOnStraightPath(level)) {
      throw expected(
        'bad-option',
        'alpha + sigma = 1',
        'a solver of rectified flows',
        `alpha ${alpha}, sigma ${sigma} at t = ${t}`,
        'Use a rectified-flow schedule, or another solver.',
      )
    }
  }
  return ends
}
