/** Steps whose shares were fitted beforehand, where the answer was known: for problems of one kind, solved often. */
import { combine, type Tensor } from '../../math/tensor.js'
import type { Iteration } from './solve.js'

/**
 * The point that one row of shares leads to: x⁰ − Σᵢ shareᵢ·residual(xⁱ).
 *
 * @example fittedPoint(start, [0.8], [residualAtTheStart])
 */
export const fittedPoint = (start: Tensor, shares: readonly number[], residuals: readonly Tensor[]): Tensor =>
  combine([1, start], ...shares.map((share, i) => [-share, residuals[i]!] as const))

/**
 * Steps from the start by fitted shares of all residuals so far.
 *
 * xᵏ⁺¹ = x⁰ − Σᵢ sharesₖᵢ·residual(xⁱ), i ≤ k; after the last row the point stays. On a linear problem A·x = b this is a polynomial
 * in A whose coefficients are the rows. Memory: one point for each step. Source: polynomial acceleration, Varga, 1962; the fit is ours.
 *
 * @example solve(problem, fittedSteps([[0.8], [0.9, 0.6]]), { iterations: 3 })
 */
export const fittedSteps = (shares: readonly (readonly number[])[]): Iteration => ({
  name: 'fitted-steps',
  start: (start) => {
    const residuals: Tensor[] = []
    return (x, residual) => {
      residuals.push(residual)
      const row = shares[residuals.length - 1]
      return row ? fittedPoint(start, row, residuals) : x
    }
  },
})
