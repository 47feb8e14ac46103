/**
 * Newton's method without derivatives: each product with the Jacobian is one more evaluation, nearby. For problems on which
 * fixed points and secants do not contract; dear where they do.
 */
import { combine, norm, subtract, type Tensor } from '../math/tensor.js'
import { type Difference, nearest } from './parts/differences.js'
import type { Iteration } from './parts/solve.js'

export interface NewtonKrylovOptions {
  /** Products with the Jacobian for each Newton step, at most. Default 20. */
  readonly products?: number
  /** A direction is good enough when it leaves this share of the residual, were the problem linear. Default 0.1. */
  readonly forcing?: number
  /** Length of the nearby moves, as a share of the point: well above the rounding of a float32 network. Default 1e-3. */
  readonly difference?: number
}

/** A step that does not lower the merit is halved so often; then it is taken as it is, for the next one to mend. */
const halvings = 4

/**
 * Takes the steps that make the linearised residual small, and shortens them until the merit falls.
 *
 * J·v ≈ (residual(x + h·v) − residual(x))/h with h = difference·‖x‖. Directions v: the residual, then what the last
 * least-squares fit γ = argmin ‖residual − Σ γᵢ·J·vᵢ‖ has left of it, up to `forcing` of it (generalised conjugate
 * residuals, which make the same points as GMRES). Then x ← x − s·Σ γᵢ·vᵢ with s = 1, ½, … until the merit falls. A
 * network's exact pushforward costs two to three evaluations, and a product here one. Memory: 2·products points.
 * Source: Knoll and Keyes, "Jacobian-free Newton–Krylov methods", 2004; Eisenstat, Elman and Schultz, 1983; Dembo,
 * Eisenstat and Steihaug, 1982.
 *
 * @example solve(problem, newtonKrylov(), { iterations: 100, tolerance: 1e-8 })
 */
export const newtonKrylov = ({
  products = 20,
  forcing = 0.1,
  difference = 1e-3,
}: NewtonKrylovOptions = {}): Iteration => ({
  name: 'newton-krylov',
  start: () => {
    let base: { readonly x: Tensor; readonly residual: Tensor; readonly merit: number } | undefined
    let known: Difference[] = []
    /** The nearby move that was asked for; undefined where a step was. */
    let nearby: Tensor | undefined
    let direction: Tensor
    let shortened = 0

    const trial = () => combine([1, base!.x], [-(0.5 ** shortened), direction])

    function ask(unresolved: Tensor): Tensor {
      const length = (difference * Math.max(norm(base!.x), norm(base!.residual))) / norm(unresolved)
      nearby = combine([length, unresolved])
      return combine([1, base!.x], [1, nearby])
    }

    return (x, residual, merit) => {
      if (base && nearby) {
        known = [{ step: nearby, change: subtract(residual, base.residual) }, ...known]
        const { step, change } = nearest(base.residual, known)
        const unresolved = subtract(base.residual, change)
        if (known.length < products && norm(unresolved) > forcing * norm(base.residual)) return ask(unresolved)
        nearby = undefined
        direction = step
        shortened = 0
        return trial()
      }
      if (base && merit >= base.merit && shortened < halvings) {
        shortened++
        return trial()
      }
      base = { x, residual, merit }
      known = []
      return ask(residual)
    }
  },
})
