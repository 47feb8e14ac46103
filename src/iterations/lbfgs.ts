/** L-BFGS: a quasi-Newton minimiser for true gradients, one evaluation at a time. */
import { combine, dot, norm, type Tensor } from '../math/tensor.js'
import { type Difference, differences } from './parts/differences.js'
import type { Iteration } from './parts/solve.js'

export interface LbfgsOptions {
  /** How many differences model the curvature, at least 1. Default 10. */
  readonly window?: number
}

/** A pair whose curvature ⟨s, y⟩ is below this share of ‖s‖‖y‖ is rounding or not convex. */
const smallestCurvature = 1e-10
/** A failed step is shortened to between these shares of itself. */
const shortest = 0.1
const longest = 0.5
/** Below this step along a quasi-Newton direction the model is wrong: forget it. */
const hopeless = 1e-3

/**
 * Steps along −H∇, where H is the inverse curvature that the last differences of gradients show (two-loop recursion).
 *
 * A point is accepted when the merit fell; otherwise the step from the last accepted point is shortened by the secant
 * of the two slopes along it. The first step is min(1, 1/‖∇‖₁) as in PyTorch. Only the merit's order is used, so ‖r‖
 * serves as well as ‖r‖². Memory: 2·window points. Each trial costs one evaluation.
 * Source: Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4 and 7.5; simple decrease instead of Wolfe's
 * conditions, with pairs of too little curvature left out.
 *
 * @example solve(problem, lbfgs(), { iterations: 30 })
 */
export const lbfgs = ({ window = 10 }: LbfgsOptions = {}): Iteration => ({
  name: 'lbfgs',
  start: () => {
    const memory = differences(window, hasCurvature)
    let accepted: { readonly x: Tensor; readonly gradient: Tensor; readonly merit: number } | undefined
    let direction: Tensor
    let step = 1

    function aim(x: Tensor, gradient: Tensor) {
      direction = quasiNewton(gradient, memory.newestFirst)
      step = memory.newestFirst.length > 0 ? 1 : Math.min(1, 1 / sumOfMagnitudes(gradient))
      return combine([1, x], [step, direction])
    }

    return (x, gradient, merit) => {
      if (!accepted || merit < accepted.merit) {
        accepted = { x, gradient, merit }
        memory.push(x, gradient)
        return aim(x, gradient)
      }
      const before = dot(accepted.gradient, direction)
      const secant = before / (before - dot(gradient, direction))
      step *= secant > 0 ? Math.min(Math.max(secant, shortest), longest) : longest
      if (step < hopeless && memory.newestFirst.length > 0) {
        memory.clear()
        memory.push(accepted.x, accepted.gradient)
        return aim(accepted.x, accepted.gradient)
      }
      return combine([1, accepted.x], [step, direction])
    }
  },
})

const hasCurvature = ({ step, change }: Difference): boolean =>
  dot(step, change) > smallestCurvature * norm(step) * norm(change)

const sumOfMagnitudes = (x: Tensor): number => x.data.reduce((sum, value) => sum + Math.abs(value), 0)

/** −H·gradient, with H scaled by the newest pair. */
function quasiNewton(gradient: Tensor, newestFirst: readonly Difference[]): Tensor {
  let q = gradient
  const shares = newestFirst.map(({ step, change }) => {
    const share = dot(step, q) / dot(step, change)
    q = combine([1, q], [-share, change])
    return share
  })
  const newest = newestFirst[0]
  q = combine([newest ? -dot(newest.step, newest.change) / dot(newest.change, newest.change) : -1, q])
  for (let i = newestFirst.length - 1; i >= 0; i--) {
    const { step, change } = newestFirst[i]!
    q = combine([1, q], [-shares[i]! - dot(change, q) / dot(step, change), step])
  }
  return q
}
