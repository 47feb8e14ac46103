/** The root of a long step by way of shorter ones: for steps on which nothing contracts from any start that is at hand. */
import type { Steps } from '../../../core/progress.js'
import type { Tensor } from '../../../math/tensor.js'
import type { Diffusion, Solver } from '../../diffusion.js'
import { extrapolation } from './extrapolation.js'
import { levelsBetween } from './naive-step.js'
import { type StepEquation, type StepSolution, stepEquation } from './step-equation.js'

/** So many shorter steps, the next where one of them was not undone. */
const counts = [4, 16]
/** Roots on the way are starts of the next: they need not be exact. */
const looseTolerance = 1e-3

/**
 * Follows the root of "from the level s to the known x in one step" from s at the known x, where it is that x, to the noisier
 * level.
 *
 * A parabola through the last roots is the start of the next. Levels are even in time, 4 of them, then 16. Where all of them
 * have roots, the same parabola is a start for the step itself. Cost: a solution for each level.
 * Undefined where the schedule is not known, the step is several steps of the grid, or a root was lost on the way.
 * Source: Allgower and Georg, Numerical Continuation Methods, 1990.
 */
export async function* continued(
  equation: StepEquation,
  solver: Pick<Solver, 'name' | 'step'>,
  diffusion: Diffusion,
  solveFrom: (equation: StepEquation, start: Tensor, tolerance: number) => Steps<StepSolution>,
): Steps<Tensor | undefined> {
  const { schedule } = diffusion
  const { from, to, target, count } = equation
  if (!schedule || count > 1 || from.step) return undefined
  const length = schedule.time(from.lambda) - schedule.time(to.lambda)
  for (const shorter of counts) {
    let roots = extrapolation().and(to, target)
    let lost = false
    for (const level of levelsBetween(to, from, length / shorter, schedule).slice(0, -1)) {
      const part = stepEquation(solver, { ...diffusion, grid: [level, to] }, 0, 1, target)
      const { solution } = yield* solveFrom(part, roots.at(level)!, looseTolerance)
      roots = roots.and(level, solution.value)
      lost = solution.residual > looseTolerance
      if (lost) break
    }
    if (!lost) return roots.at(from)!
  }
  return undefined
}
