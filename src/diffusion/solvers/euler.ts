/** Euler's method on the probability flow, on Karras and colleagues' grid: the plain sampler of EDM-style models. */
import { define } from '../../core/define.js'
import { karrasFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderSolver } from '../multistep.js'

/**
 * One explicit step of d(x/α)/d(σ/α) = ε(x).
 *
 * x′/α′ = x/α + (σ′/α′ − σ/α)·ε(x), ε = (x − α·D)/σ: algebraically DDIM's step; what differs is the usual grid. With
 * alpha = 1, EDM's x′ = x + (σ′ − σ)·(x − D)/σ. Order 1, one evaluation a step, no memory. Inverts as an implicit
 * equation, exact given the latent and an end above sigma = 0. Errors: `bad-option` for a grid that does not fit the
 * schedule.
 * Source: Karras et al., NeurIPS 2022, Algorithm 1 without its correction; diffusers' EulerDiscreteScheduler, whose
 * samples are x/α.
 *
 * @example const solver = euler({ steps: 40 })
 */
export const euler = define({
  id: 'euler',
  title: 'Euler',
  source: 'Karras et al., NeurIPS 2022',
  fields: karrasFields,
  make: (options) => firstOrderSolver('euler', (schedule) => gridOf(schedule, options)),
})
