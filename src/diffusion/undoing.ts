/** Whether a run can be traced back later, asked before it is made; and the grid on which it can. */
import type { Solver } from './diffusion.js'
import { automatic } from './inverters/automatic.js'
import { whatIsLost } from './inverters/parts/walk-back.js'
import type { Grid, Schedule } from './level.js'

/**
 * Why nobody will find the noise of a picture that this solver makes on this grid; undefined where it can be found.
 *
 * A step to sigma = 0 keeps the estimate alone, and clipped estimates are the same for many noises. No evaluations.
 *
 * @example if (whyNotUndone(solver, grid)) throw new Error('This run cannot be undone.')
 */
export function whyNotUndone(solver: Solver, grid: Grid): string | undefined {
  const lost = whatIsLost(solver, grid)
  if (lost !== undefined) return lost
  const answer = automatic().accepts(solver, grid)
  return answer === true ? undefined : answer
}

/** A level this near to the cleanest, in lambda, is the cleanest: tables are float32. */
const sameLevel = 1e-3

/**
 * The solver on a grid that can be undone: its steps to sigma = 0 end at the schedule's cleanest level instead, and are left
 * out where the step before them ends there already.
 *
 * @example const undoable = endingWithNoise(solver)
 */
export const endingWithNoise = (solver: Solver): Solver => ({
  ...solver,
  grid: (schedule) => withoutZero(solver.grid(schedule), schedule),
})

function withoutZero(grid: Grid, schedule: Schedule): Grid {
  const first = grid.findIndex((level, i) => level.sigma === 0 || (i < grid.length - 1 && level.step?.to.sigma === 0))
  if (first < 0) return grid
  // The last level with noise keeps nothing of where its step led.
  const { step: _, ...last } = grid[grid[first]!.sigma === 0 ? first - 1 : first]!
  const kept = grid.slice(0, grid[first]!.sigma === 0 ? first - 1 : first)
  const cleanest = schedule.level(schedule.cleanest)
  return kept.length > 0 && last.lambda > cleanest.lambda - sameLevel ? [...kept, last] : [...kept, last, cleanest]
}
