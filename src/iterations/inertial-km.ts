/** The inertial Krasnoselskii–Mann iteration: forward steps with momentum. */
import { combine } from '../math/tensor.js'
import { type StepSizes, stepAt } from './parts/schedules.js'
import type { Iteration } from './parts/solve.js'

export interface InertialKmOptions {
  /** ρ = 2λβ, one or a schedule; point per residual. Default 0.001, with which the paper tests its assumption. */
  readonly rho?: StepSizes
  /** The paper's α: how much of the last move is repeated, 0 ≤ α < 1. Default 0.9. */
  readonly inertia?: number
}

/**
 * Forward steps from a point ahead in the direction of the last move.
 *
 * yᵏ = zᵏ + α(zᵏ − zᵏ⁻¹), zᵏ⁺¹ = yᵏ − ρ·T(yᵏ), with z⁻¹ = z⁰. The points evaluated, and so returned, are the yᵏ, which
 * share their limit with the zᵏ. Converges as `inertialKmStepLimit` says. Memory: one point.
 * Source: Hong et al., "Gradient-free decoder inversion", NeurIPS 2024, eqs. 10-11 and Theorem 2.
 *
 * @example solve(problem, inertialKm({ rho: 0.3, inertia: 0.5 }), { iterations: 100 })
 */
export const inertialKm = ({ rho = 0.001, inertia = 0.9 }: InertialKmOptions = {}): Iteration => ({
  name: 'inertial-km',
  start: (start) => {
    let z = start
    let index = 0
    return (y, residual) => {
      const next = combine([1, y], [-stepAt(rho, index++), residual])
      const ahead = combine([1 + inertia, next], [-inertia, z])
      z = next
      return ahead
    }
  },
})

/**
 * The step size below which Theorem 2 promises convergence, from the constant β of ⟨T y, y − z*⟩ ≥ β‖T y‖².
 *
 * ρ < 2λβ with λ = (1 − α)²/(1 − α + 2α²): 1.761 β for α = 0.1, 0.5 β for α = 0.5, 0.01163 β for α = 0.9.
 * Source: Hong et al., NeurIPS 2024, Theorem 2.
 *
 * @example inertialKm({ inertia: 0.5, rho: 0.9 * inertialKmStepLimit(0.5, beta) })
 */
export const inertialKmStepLimit = (inertia: number, beta: number): number =>
  (2 * beta * (1 - inertia) ** 2) / (1 - inertia + 2 * inertia ** 2)
