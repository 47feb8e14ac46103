/** Heun's method on the probability flow: EDM's deterministic sampler. */
import { define } from '../../core/define.js'
import type { Solver } from '../diffusion.js'
import { karrasFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { interval } from '../multistep.js'
import { trapezoidMove } from './parts/trapezoid.js'

/**
 * Euler's prediction, then the mean of the slopes at both ends.
 *
 * x̃/α′ = x/α + (σ′/α′ − σ/α)·ε(x); x′/α′ = x/α + (σ′/α′ − σ/α)·(ε(x) + ε(x̃))/2, ε = (x − α·D)/σ. Order 2, two
 * evaluations a step, one for a step to sigma = 0, which is Euler's; no memory. Inverts as an implicit equation, exact
 * given the latent and an end above sigma = 0. Errors: `bad-option` for a grid that does not fit; `unsupported` at alpha
 * = 0.
 * Source: Karras et al., NeurIPS 2022, Algorithm 1 (S_churn = 0); diffusers' HeunDiscreteScheduler, whose samples are
 * x/α.
 *
 * @example const solver = heun({ steps: 18 })
 */
export const heun = define({
  id: 'heun',
  title: 'Heun',
  source: 'Karras et al., NeurIPS 2022, Algorithm 1',
  fields: { ...karrasFields, steps: { ...karrasFields.steps, default: 18 } },
  make: (options): Solver => ({
    name: 'heun',
    order: 2,
    evaluationsPerStep: 2,
    grid: (schedule) => gridOf(schedule, options),
    start: (x) => ({ index: 0, x, memory: [] }),
    async step({ index, x }, { grid, denoise }) {
      const { from, to } = interval(grid, index)
      const denoised = await denoise(x, from)
      return { index: index + 1, x: await trapezoidMove(x, denoised, from, to, denoise), memory: [] }
    },
  }),
})
