/** Negative-prompt inversion: null-text optimisation without optimising. A baseline of guided editing. */
import { define } from '../../core/define.js'
import { naive } from '../inverters/naive.js'
import type { GuidedInverter } from './parts/guided-editing.js'
import { promptDenoiser } from './parts/guided-editing.js'

/**
 * Inverts naively with the prompt alone, and tells the unconditional branch the prompt too.
 *
 * Then D_null = D_prompt, guidance cancels whatever its weight, and sampling with the source prompt follows the naive
 * trajectory back; with an edited prompt guidance leads from one to the other. Shapes: any. Cost: one evaluation a step.
 * Exact: no, as naive inversion; losses are not known. Errors: as `naive`. Source: Miyake et al., "Negative-prompt inversion",
 * 2023, arXiv 2305.16807.
 *
 * @example const { states, embeddings } = await new Task(negativePrompt().invert(clean, ddim(), diffusion))
 */
export const negativePrompt = define({
  id: 'negative-prompt',
  title: 'Negative-prompt inversion',
  source: 'Miyake et al., 2023, arXiv 2305.16807',
  fields: {},
  make: (): GuidedInverter => ({
    name: 'negative-prompt',
    async *invert(clean, solver, diffusion) {
      const { grid, prompt } = diffusion
      const trajectory = yield* naive().invert(clean, solver, { grid, denoise: promptDenoiser(diffusion) })
      return {
        ...trajectory,
        embeddings: trajectory.solutions.map(() => prompt),
        losses: trajectory.solutions.map(() => Number.POSITIVE_INFINITY),
      }
    },
  }),
})
