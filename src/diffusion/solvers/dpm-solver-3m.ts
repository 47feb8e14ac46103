/** DPM-Solver(++)-3M: third order for one evaluation a step, by remembering two estimates. For unguided sampling. */
import { define } from '../../core/define.js'
import { exponentialFields, exponentialStep, lowerOrderField, multistepOrder } from '../exponential.js'
import { gridOf } from '../grids.js'
import { interval, multistep } from '../multistep.js'

/**
 * The exponential step with a parabola through the last three estimates.
 *
 * Data (++): x′ = (σ′/σ)·x + w₀·D + w₁·D′ + w₂·D″ with divided differences over λ; noise: its twin with ε. Order 3, one
 * evaluation a step; memory: two older estimates, and two older x's for noise. The first two steps are of order 1 and 2, and
 * so are the last two in reverse when there are fewer than 15 (`lowerOrderFinal`); a step to sigma = 0 is of order 1.
 * Inverts by `sweep`, given the image. Errors: `bad-option` for a grid that does not fit.
 * Source: Lu et al., DPM-Solver++ 2022, appendix; diffusers' DPMSolverMultistepScheduler, `solver_order` 3.
 *
 * @example const solver = dpmSolver3M({ steps: 20 })
 */
export const dpmSolver3M = define({
  id: 'dpm-solver-3m',
  title: 'DPM-Solver, third order, multistep',
  source: 'Lu et al., DPM-Solver++, 2022',
  fields: { ...exponentialFields, lowerOrderFinal: lowerOrderField },
  make: (options) =>
    multistep({
      name: 'dpm-solver-3m',
      order: 3,
      past: { x: options.prediction === 'data' ? 0 : 2, denoised: 2 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const order = multistepOrder(grid, index, 3, options.lowerOrderFinal)
        const nodes = [from, grid[index - 1]!, grid[index - 2]!].slice(0, order)
        return exponentialStep(nodes, 0, to, { ...options, variant: 'midpoint' })
      },
    }),
})
