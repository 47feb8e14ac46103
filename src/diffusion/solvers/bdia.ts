/**
 * BDIA-DDIM: DDIM made exactly invertible for no further evaluation. For high accuracy from few steps prefer `o-belm`.
 */
import { define } from '../../core/define.js'
import { gridOf } from '../grids.js'
import { multistep } from '../multistep.js'
import { bidirectionalFields, twoStepRule } from './parts/bidirectional.js'

/**
 * DDIM's step, minus gamma of what the last step did wrong.
 *
 * x′ = γ·x_old − γ·S_back(x) + S(x), S DDIM's step to the next level, S_back to the last one; the first step is DDIM's.
 * Order 1, and 2 at γ = 1 on grids whose steps vary smoothly; one evaluation a step; memory: the older x. Inverts in
 * closed form, exact given the last two x's. Given the latent alone `recall` guesses the older x by one DDIM step back,
 * and then the noise is another one that leads to the same image. Rounding is amplified like γ^−steps on the way back:
 * γ in [0.92, 1] for 50 steps. Errors: `bad-option`. Source: Zhang, Lewis and Kleijn, ECCV 2024, in the form of its
 * code (READMEs before 2024 print γ for 1 − γ).
 *
 * @example const solver = bdia({ steps: 50, gamma: 0.96 })
 */
export const bdia = define({
  id: 'bdia',
  title: 'BDIA-DDIM',
  source: 'Zhang et al., ECCV 2024',
  fields: bidirectionalFields,
  make: (options) =>
    multistep({
      name: 'bdia',
      order: options.gamma === 1 ? 2 : 1,
      past: { x: 1, denoised: 0 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => twoStepRule(grid, index, () => options.gamma),
    }),
})
