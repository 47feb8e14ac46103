/** DPM-Solver-1: DDIM on DPM-Solver's usual grid. Prefer `dpm-solver-2m`, which is as cheap and of order 2. */
import { define } from '../../core/define.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderSolver } from '../multistep.js'

/**
 * The first-order exponential step, the same for predicted noise and predicted data, and the same as DDIM's.
 *
 * x′ = (σ′/σ)·x − α′·(e⁻ʰ − 1)·D(x), h = λ′ − λ. Order 1, one evaluation a step, no memory. Inverts as an implicit
 * equation, exact given the latent. Errors: `bad-option` for a grid that does not fit the schedule.
 * Source: Lu et al., DPM-Solver, NeurIPS 2022, eq. 3.7; DPM-Solver++ with k = 1.
 *
 * @example const solver = dpmSolver1({ steps: 20 })
 */
export const dpmSolver1 = define({
  id: 'dpm-solver-1',
  title: 'DPM-Solver, first order',
  source: 'Lu et al., NeurIPS 2022',
  fields: { ...gridFields, steps: { ...gridFields.steps, default: 20 } },
  make: (options) => firstOrderSolver('dpm-solver-1', (schedule) => gridOf(schedule, options)),
})
