/** DPM-Solver(++)-3M: third order for one evaluation a step, by remembering two estimates. For unguided sampling. */
import { define } from '../../core/define.js'
import { gridOf } from '../grids.js'
import { interval, multistep } from '../multistep.js'
import {
  exponentialFields,
  exponentialStep,
  firstOrderFinalField,
  lowerOrderField,
  multistepOrder,
  variantField,
} from './parts/exponential.js'

/**
 * The exponential step with a parabola through the last three estimates.
 *
 * Data (++): x′ = (σ′/σ)·x + w₀·D + w₁·D′ + w₂·D″, weights and derivatives over λ as in `exponentialStep`; noise: its
 * twin with ε. One evaluation a step; memory: two older estimates, and two older x's for noise. The released codes put
 * the second divided difference in the place of D″, which is twice that: `curvature: 'released'` does the same and is
 * of order 2. 'exact' is of order 3, as long as the first two steps, of order 1 and 2, are taken where x is nearly
 * noise. The last two steps are of order 2 and 1 when there are fewer than 15 (`lowerOrderFinal`); a step to sigma = 0
 * is of order 1. Inverts by `sweep`, given the latent. Errors: `bad-option` for a grid that does not fit. Source: Lu et
 * al., DPM-Solver++ 2022, appendix; diffusers' DPMSolverMultistepScheduler, `solver_order` 3 (released). That a factor
 * 2 is missing there is our derivation; its single-step third-order rule has it.
 *
 * @example const solver = dpmSolver3M({ steps: 20, curvature: 'exact' })
 */
export const dpmSolver3M = define({
  id: 'dpm-solver-3m',
  title: 'DPM-Solver, third order, multistep',
  source: 'Lu et al., DPM-Solver++, 2022',
  fields: {
    ...exponentialFields,
    variant: { ...variantField, description: `Of the steps of order 2. ${variantField.description}` },
    lowerOrderFinal: lowerOrderField,
    firstOrderFinal: firstOrderFinalField,
    curvature: {
      type: 'choice',
      choices: ['released', 'exact'],
      default: 'released',
      description: 'The second derivative: half of it, as in the released codes (order 2), or all of it (order 3).',
    },
  },
  make: (options) =>
    multistep({
      name: 'dpm-solver-3m',
      order: options.curvature === 'exact' ? 3 : 2,
      past: { x: options.prediction === 'data' ? 0 : 2, denoised: 2 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const order = multistepOrder(grid, index, 3, options)
        const nodes = [from, grid[index - 1]!, grid[index - 2]!].slice(0, order)
        return exponentialStep(nodes, 0, to, { ...options, curvature: shares[options.curvature] })
      },
    }),
})

/** The released codes use the second divided difference, which is half of the second derivative. */
const shares = { released: 0.5, exact: 1 }
