/** The midpoint rule on a rectified flow: second order for two evaluations a step. */
import { define } from '../../core/define.js'
import { combine } from '../../math/tensor.js'
import type { Solver } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { noiseLevel } from '../level.js'
import { firstOrderMove } from '../multistep.js'
import { flowInterval } from './parts/flow.js'

/**
 * One step of dx/ds = v(x) with the velocity halfway.
 *
 * x₁ = x + ½(s′ − s)·v(x, s); x′ = x + (s′ − s)·v(x₁, (s + s′)/2), v = (x − D)/s. Order 2, two evaluations a step, no
 * memory. Inverts as an implicit equation, exact given the latent. Errors: `bad-option` off the straight path.
 * Source: Runge's midpoint rule; as RF-Solver and FireFlow use it for inversion (2024).
 *
 * @example const solver = flowMidpoint({ steps: 14 })
 */
export const flowMidpoint = define({
  id: 'flow-midpoint',
  title: 'Flow midpoint',
  source: 'Runge 1895, on rectified flow',
  fields: { ...gridFields, steps: { ...gridFields.steps, default: 25 } },
  make: (options): Solver => ({
    name: 'flow-midpoint',
    order: 2,
    evaluationsPerStep: 2,
    grid: (schedule) => gridOf(schedule, options),
    start: (x) => ({ index: 0, x, memory: [] }),
    async step({ index, x }, { grid, denoise }) {
      const { from, to } = flowInterval(grid, index)
      const middle = noiseLevel((from.t + to.t) / 2, (from.alpha + to.alpha) / 2, (from.sigma + to.sigma) / 2)
      const halfway = firstOrderMove(x, await denoise(x, from), from, middle)
      const share = (to.sigma - from.sigma) / middle.sigma
      const denoised = await denoise(halfway, middle)
      return { index: index + 1, x: combine([1, x], [share, halfway], [-share, denoised]), memory: [] }
    },
  }),
})
