/**
 * Anderson acceleration: the forward step from the combination of recent points whose residual would be smallest.
 * The choice for smooth problems when evaluations are dear; safeguarded, since on others it can jump.
 */
import { combine, subtract, type Tensor } from '../math/tensor.js'
import { differences, nearest } from './parts/differences.js'
import { type StepSizes, stepAt } from './parts/schedules.js'
import type { Iteration } from './parts/solve.js'

export interface AndersonOptions {
  /** How many differences are remembered, at least 1. Default 5. */
  readonly window?: number
  /** Share of the combined residual that is taken off, one or a schedule. Default 1. */
  readonly damping?: StepSizes
  /** A merit above this multiple of the best one seen causes a restart from there with half the damping. Default 2. */
  readonly growth?: number
}

/**
 * Accelerates forward steps by a least-squares fit over the last moves (type II).
 *
 * With ΔX, ΔR the last differences of points and residuals: γ = argmin ‖r − ΔR γ‖, x̄ = x − ΔX γ, r̄ = r − ΔR γ,
 * next = x̄ − damping·r̄. On a linear problem of n unknowns with window ≥ n it converges like GMRES, in at most n + 1
 * updates. Memory: 2·window points. Cost beyond the evaluation: about 8·window² operations per entry.
 * Source: Anderson, 1965; Walker and Ni, "Anderson acceleration for fixed-point iterations", 2011. The fit is by
 * Gram–Schmidt with dependent columns left out; the restart is ours.
 *
 * @example solve(problem, anderson({ window: 8 }), { iterations: 20, tolerance: 1e-8 })
 */
export const anderson = ({ window = 5, damping = 1, growth = 2 }: AndersonOptions = {}): Iteration => ({
  name: 'anderson',
  start: () => {
    const memory = differences(window)
    let best: { readonly x: Tensor; readonly residual: Tensor; readonly merit: number } | undefined
    let reduction = 1
    let index = 0
    return (x, residual, merit) => {
      const forward = (from: Tensor, rest: Tensor) => combine([1, from], [-reduction * stepAt(damping, index++), rest])
      if (!best || merit < best.merit) best = { x, residual, merit }
      if (merit > growth * best.merit) {
        memory.clear()
        memory.push(best.x, best.residual)
        reduction /= 2
        return forward(best.x, best.residual)
      }
      memory.push(x, residual)
      const { step, change } = nearest(residual, memory.newestFirst)
      return forward(subtract(x, step), subtract(residual, change))
    }
  },
})
