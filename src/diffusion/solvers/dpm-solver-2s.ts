/**
 * DPM-Solver(++)-2S: second order in pairs of steps that remember nothing else. Steadier than 2M under strong guidance.
 */
import { define } from '../../core/define.js'
import { gridOf } from '../grids.js'
import { interval, multistep } from '../multistep.js'
import { exponentialFields, exponentialStep, variantField } from './parts/exponential.js'
import { singleStepFinalField, singleStepOrder } from './parts/single-step.js'

/**
 * Two steps make one of order 2: a first-order one to the level between, then one from the start of the pair over both.
 *
 * Data (++), from x at λ over x₁ at λ₁: x′ = (σ′/σ)·x + c·D + ½·c·(D₁ − D)/r, c = α′·(1 − e⁻ʰ), h = λ′ − λ, r = (λ₁ −
 * λ)/h; noise: its twin. Order 2 counted in steps of the grid, one evaluation a step; memory in the middle of a pair:
 * the x and the estimate of its start. An odd last step and a step to sigma = 0 are of order 1. Inverts as one implicit
 * equation for each pair (`stride` 2), given the latent. Errors: `bad-option` for a grid that does not fit.
 * Source: Lu et al., DPM-Solver++ 2022, Algorithm 1; diffusers' DPMSolverSinglestepScheduler, `solver_order` 2:
 * its `lower_order_final` is the same here, where it is false if nothing is said.
 *
 * @example const solver = dpmSolver2S({ steps: 20 })
 */
export const dpmSolver2S = define({
  id: 'dpm-solver-2s',
  title: 'DPM-Solver, second order, single-step',
  source: 'Lu et al., DPM-Solver++, 2022',
  fields: { ...exponentialFields, variant: variantField, lowerOrderFinal: singleStepFinalField },
  make: (options) =>
    multistep({
      name: 'dpm-solver-2s',
      order: 2,
      past: { x: 1, denoised: 1 },
      stride: 2,
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        return singleStepOrder(grid, index, 2, options.lowerOrderFinal) === 2
          ? exponentialStep([from, grid[index - 1]!], 1, to, options)
          : exponentialStep([from], 0, to, options)
      },
    }),
})
