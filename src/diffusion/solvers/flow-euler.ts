/** Euler's method on a rectified flow: what InstaFlow, Stable Diffusion 3 and Flux are sampled with. */
import { define } from '../../core/define.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderStep, multistep } from '../multistep.js'
import { flowInterval } from './parts/flow.js'

/**
 * One explicit step of dx/ds = v(x), x = (1 − s)·x₀ + s·ε, v = (x − D)/s.
 *
 * x′ = x + (s′ − s)·v(x). Order 1, one evaluation a step, no memory; with one step InstaFlow's sampler. Inverts as an
 * implicit equation, exact given the latent, its step to s = 0 too: x − s·v(x) keeps x. Errors: `bad-option` off the straight path.
 * Source: Liu et al., Rectified Flow, ICLR 2023; diffusers' FlowMatchEulerDiscreteScheduler without its time shift.
 *
 * @example const solver = flowEuler({ steps: 28 })
 */
export const flowEuler = define({
  id: 'flow-euler',
  title: 'Flow Euler',
  source: 'Liu et al., ICLR 2023',
  fields: gridFields,
  make: (options) => ({
    ...multistep({
      name: 'flow-euler',
      order: 1,
      past: { x: 0, denoised: 0 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = flowInterval(grid, index)
        return firstOrderStep(from, to)
      },
    }),
    keepsToZero: true,
  }),
})
