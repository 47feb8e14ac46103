/** Gradient descent that finds its own step size. For true gradients: the residual alone need not lead downhill. */
import { combine, type Tensor } from '../math/tensor.js'
import type { Iteration } from './parts/solve.js'

export interface GradientDescentOptions {
  /** The first step size; point per gradient. Default 1. */
  readonly step?: number
}

/** Growing slowly and shrinking fast wastes few evaluations: one failure pays for four successes. */
const grow = 1.2
const shrink = 0.5

/**
 * Steps against the gradient from the best point, with longer steps after success and shorter ones after failure.
 *
 * next = best − s·∇(best), with s ← 1.2 s when the merit fell and s ← s/2 when it did not. Memory: one point and one
 * gradient. Source: the "bold driver" rule, Battiti, 1989.
 *
 * @example solve(problem, gradientDescent({ step: 0.1 }), { iterations: 100 })
 */
export const gradientDescent = ({ step: first = 1 }: GradientDescentOptions = {}): Iteration => ({
  name: 'gradient-descent',
  start: () => {
    let best: { readonly x: Tensor; readonly gradient: Tensor; readonly merit: number } | undefined
    let step = first
    return (x, gradient, merit) => {
      const better = !best || merit < best.merit
      if (best) step *= better ? grow : shrink
      if (!best || better) best = { x, gradient, merit }
      return combine([1, best.x], [-step, best.gradient])
    }
  },
})
