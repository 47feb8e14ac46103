/**
 * The forward step with the released schedule of "On Exact Inversion of DPM-Solvers": for reproducing it. For solving
 * anything prefer `anderson`.
 */
import { combine } from '../math/tensor.js'
import type { Iteration } from './parts/solve.js'

export interface PlateauStepOptions {
  /** Share of the residual taken off after the warm-up. Default 0.5. */
  readonly rho?: number
  /** Updates over which the step grows evenly to rho. Default 20. */
  readonly warmUp?: number
  /** The step is halved after more than so many updates in a row without a loss lower by 1e-4 of itself. Default 20. */
  readonly patience?: number
}

const factor = 0.5
const threshold = 1e-4

/**
 * Forward steps that warm up, and are halved where the merit no longer falls.
 *
 * xᵏ⁺¹ = xᵏ − ρₖ·residual(xᵏ); ρₖ = ρ·(k+1)/warmUp during the warm-up, which overwrites what was halved meanwhile, then
 * ρ, halved on a plateau of the squared merit. Memory: none. Source: github.com/smhongok/inv-dpm, with PyTorch's
 * ReduceLROnPlateau (factor 0.5, relative threshold 1e-4).
 *
 * @example solve(problem, plateauStep({ rho: 0.5 }), { iterations: 500, absoluteTolerance: 0.03 })
 */
export const plateauStep = ({ rho = 0.5, warmUp = 20, patience = 20 }: PlateauStepOptions = {}): Iteration => ({
  name: 'plateau-step',
  start: () => {
    let step = rho
    let lowest = Number.POSITIVE_INFINITY
    let fruitless = 0
    let index = 0
    return (x, residual, merit) => {
      if (index < warmUp) step = (rho * (index + 1)) / warmUp
      index++
      const next = combine([1, x], [-step, residual])
      const loss = merit * merit
      fruitless = loss < lowest * (1 - threshold) ? 0 : fruitless + 1
      if (fruitless === 0) lowest = loss
      if (fruitless > patience) {
        step *= factor
        fruitless = 0
      }
      return next
    }
  },
})
