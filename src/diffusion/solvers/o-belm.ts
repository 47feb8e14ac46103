/** O-BELM: the two-step rule of one evaluation that is most accurate, and exactly invertible. */
import { define } from '../../core/define.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import type { NoiseLevel } from '../level.js'
import { multistep } from '../multistep.js'
import { twoStepRule } from './parts/bidirectional.js'
import { isOnStraightPath } from './parts/flow.js'

/**
 * g = (α′/α_old)·(h/h_old)², h = σ/α − σ′/α′ and h_old = σ_old/α_old − σ/α; 0 where α_old is. On the straight path of a flow
 * (h/h_old)² with h = σ − σ′: the same rule for dx/dσ = v, which has no such level.
 */
function optimalWeight(older: NoiseLevel, from: NoiseLevel, to: NoiseLevel): number {
  if ([older, from, to].every(isOnStraightPath)) {
    return ((from.sigma - to.sigma) / (older.sigma - from.sigma)) ** 2
  }
  const slope = from.sigma / from.alpha
  const growth = (slope - to.sigma / to.alpha) / (older.sigma - older.alpha * slope)
  return to.alpha * older.alpha * growth ** 2
}

/**
 * x′/α′ from the last two x/α and one ε, exact for ε linear in σ/α.
 *
 * x′ = g·x_old + C·x + (α′ − g·α_old − C·α)·D(x), C = (σ′ − g·σ_old)/σ, g = (α′/α_old)·(h/h_old)², h the steps in σ/α:
 * BDIA with the gamma that cancels the second-order error. On a flow, alpha + sigma = 1, g = (h/h_old)² with the steps in σ: exact
 * for a velocity linear in σ. The first step is DDIM's. Order 2, one evaluation a step;
 * memory: the older x. Inverts in closed form, exact given the last two x's. Rounding is amplified by 1/g a step on the
 * way back, in all like the square of the first step over the last. Prefer grids whose steps in σ/α do not shrink too
 * far. Errors: `bad-option`; `unsupported` for undoing the step after alpha = 0. Source: Wang et al., BELM, NeurIPS
 * 2024, O-BELM (their aᵢ, bᵢ, rewritten for the estimate of x₀).
 *
 * @example const solver = oBelm({ steps: 50 })
 */
export const oBelm = define({
  id: 'o-belm',
  title: 'O-BELM',
  source: 'Wang et al., NeurIPS 2024',
  fields: gridFields,
  make: (options) =>
    multistep({
      name: 'o-belm',
      order: 2,
      past: { x: 1, denoised: 0 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => twoStepRule(grid, index, optimalWeight),
    }),
})
