/** Heun's method on a rectified flow: second order, its second evaluation at the end of the step. */
import { define } from '../../core/define.js'
import { combine } from '../../math/tensor.js'
import type { Solver } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderMove } from '../multistep.js'
import { flowInterval } from './parts/flow.js'

/**
 * One step of dx/ds = v(x) with the mean of the velocities at both ends.
 *
 * x̃ = x + (s′ − s)·v(x, s); x′ = x + (s′ − s)·(v(x, s) + v(x̃, s′))/2, v = (x − D)/s. Order 2, two evaluations a step, one
 * for a step to s = 0, which is Euler's; no memory. Inverts as an implicit equation, exact given the latent and an end
 * above s = 0. Errors: `bad-option` off the straight path.
 * Source: Heun's rule; diffusers' FlowMatchHeunDiscreteScheduler.
 *
 * @example const solver = flowHeun({ steps: 14 })
 */
export const flowHeun = define({
  id: 'flow-heun',
  title: 'Flow Heun',
  source: 'Heun 1900, on rectified flow',
  fields: { ...gridFields, steps: { ...gridFields.steps, default: 25 } },
  make: (options): Solver => ({
    name: 'flow-heun',
    order: 2,
    evaluationsPerStep: 2,
    grid: (schedule) => gridOf(schedule, options),
    start: (x) => ({ index: 0, x, memory: [] }),
    async step({ index, x }, { grid, denoise }) {
      const { from, to } = flowInterval(grid, index)
      const denoised = await denoise(x, from)
      const predicted = firstOrderMove(x, denoised, from, to)
      if (to.sigma === 0) return { index: index + 1, x: predicted, memory: [] }
      const share = (to.sigma - from.sigma) / to.sigma / 2
      const after = await denoise(predicted, to)
      // x + (s′ − s)·v/2 is halfway to the prediction.
      const next = combine([0.5, x], [0.5 + share, predicted], [-share, after])
      return { index: index + 1, x: next, memory: [] }
    },
  }),
})
