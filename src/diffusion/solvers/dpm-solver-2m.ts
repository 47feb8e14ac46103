/** DPM-Solver(++)-2M: second order for one evaluation a step, by remembering the last estimate. */
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
 * The exponential step with a straight line through the last two estimates.
 *
 * Data (++): x′ = (σ′/σ)·x + c·D + ½·c·(D − D_old)/r, c = α′·(1 − e⁻ʰ), h = λ′ − λ, r = (λ − λ_old)/h; noise: its twin
 * with ε, α′/α and −σ′·(eʰ − 1). Order 2, one evaluation a step; memory: one older x, one older estimate. The first
 * step is of order 1; so are the last one when there are fewer than 15 (`lowerOrderFinal`) and a step to sigma = 0.
 * Inverts by Algorithm 2 of Hong et al. (near-exact) or `sweep`, given the latent. Errors: `bad-option` for a grid that
 * does not fit.
 * Source: Lu et al., DPM-Solver++ 2022, Algorithm 2; diffusers' DPMSolverMultistepScheduler, `solver_order` 2.
 *
 * @example const solver = dpmSolver2M({ steps: 20 })
 */
export const dpmSolver2M = define({
  id: 'dpm-solver-2m',
  title: 'DPM-Solver, second order, multistep',
  source: 'Lu et al., DPM-Solver++, 2022',
  also: {
    'dpm-solver++': 'dpm-solver-2m',
    'dpmpp-2m': 'dpm-solver-2m',
    'dpm++2m': 'dpm-solver-2m',
  },
  fields: {
    ...exponentialFields,
    variant: variantField,
    lowerOrderFinal: lowerOrderField,
    firstOrderFinal: firstOrderFinalField,
  },
  make: (options) =>
    multistep({
      name: 'dpm-solver-2m',
      order: 2,
      past: { x: options.prediction === 'data' ? 0 : 1, denoised: 1 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const order = multistepOrder(grid, index, 2, options)
        return exponentialStep([from, grid[index - 1]!].slice(0, order), 0, to, options)
      },
    }),
})
