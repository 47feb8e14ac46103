/** DDIM: the first-order deterministic sampler, and what every inversion here is measured on. */
import { define } from '../../core/define.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderSolver } from '../multistep.js'

/**
 * Moves to the next level with the estimate held fixed.
 *
 * x′ = (σ′/σ)·x + (α′ − α·σ′/σ)·D(x) = α′·D(x) + σ′·ε(x), ε = (x − α·D)/σ. Order 1, one evaluation a step, no memory.
 * Inverts as an implicit equation, exact given the latent; not in closed form. The paper's αₜ is alpha².
 * Errors: `bad-option` for a grid that does not fit the schedule. Source: Song et al., ICLR 2021, eq. 12 with η = 0;
 * DPM-Solver-1 and DPM-Solver++-1 are the same step.
 *
 * @example
 * const solver = ddim({ steps: 50 })
 * const { states } = await new Task(sample(noise, solver, { grid: solver.grid(schedule), denoise }))
 */
export const ddim = define({
  id: 'ddim',
  title: 'DDIM',
  source: 'Song et al., ICLR 2021',
  fields: gridFields,
  make: (options) => firstOrderSolver('ddim', (schedule) => gridOf(schedule, options)),
})
