/** The forward step method: a fixed or scheduled multiple of the residual. The paper's plain method; slow but simple. */
import { combine } from '../math/tensor.js'
import { type StepSizes, stepAt } from './parts/schedules.js'
import type { Iteration } from './parts/solve.js'

/**
 * Steps against the residual T.
 *
 * zᵏ⁺¹ = zᵏ − ρ·T(zᵏ). Converges to a zero z* when ⟨T z, z − z*⟩ ≥ β‖T z‖² along the run and 0 < ρ < 2β; then
 * ‖z − z*‖ never grows. Memory: none. `rho` in units of point per residual, one or a schedule, default 1.
 * Source: Hong et al., "Gradient-free decoder inversion", NeurIPS 2024, eq. 8 and Theorem 1.
 *
 * @example solve(problem, forwardStep({ rho: 0.5 }), { iterations: 100 })
 */
export const forwardStep = ({ rho = 1 }: { readonly rho?: StepSizes } = {}): Iteration => ({
  name: 'forward-step',
  start: () => {
    let index = 0
    return (x, residual) => combine([1, x], [-stepAt(rho, index++), residual])
  },
})
