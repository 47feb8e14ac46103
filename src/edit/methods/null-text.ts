/** Editing with an optimised unconditional branch. Needs gradients, and many evaluations. */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { nullText } from '../../diffusion/guided-editing/null-text.js'
import { type EmbeddedDiffusion, withEmbeddings } from '../../diffusion/guided-editing/parts/guided-editing.js'
import type { DiffusionModel } from '../../verbs/diffusion-model.js'
import { blendingFields, checkWalk, cleanestSteps, strengthField, walked } from '../parts/blending.js'
import type { EditMethod } from '../parts/edit-method.js'

/**
 * Finds an unconditional embedding for each step under which guided sampling follows the source, then samples the target's
 * prompt with these embeddings.
 *
 * The inverter `null-text` gives x*[0 … N] and e[0 … N−1]; x[0] = x*[0], x[i+1] = step(x[i]) of D = D(e[i]) + w·(D(target) − D(e[i])).
 * Blends only where a mask is given, as `exact-blending` does, with the naive trajectory x*. Shapes: latents of the model, embeddings
 * tokens × width. Cost: N evaluations, for each step one and up to `iterations` of an evaluation and a gradient, 2·N forth.
 * Exact: no, near the source as far as the embeddings can bend a step. Errors: `unsupported` for models without gradients
 * with respect to embeddings and for steps that are not of first order; `bad-option` for blending at
 * no step; those of the model. Source: Mokady et al., CVPR 2023.
 * Deviations: as the inverter's; no prompt-to-prompt attention control.
 *
 * @example
 * const { image } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: nullTextEdit() })
 */
export const nullTextEdit = define({
  id: 'null-text',
  title: 'Null-text optimisation',
  source: 'Mokady et al., CVPR 2023, arXiv 2211.09794',
  fields: {
    strength: { ...strengthField, default: 1 },
    iterations: { type: 'integer', minimum: 1, default: 10, unit: 'gradients', description: 'Budget of each step.' },
    ...blendingFields,
  },
  make: ({ strength, iterations, ...blending }): EditMethod => ({
    name: 'null-text',
    findsMask: false,
    check(problem) {
      embeddedOf(problem.model)
      checkWalk(problem, { strength, blending })
    },
    async *edit(latent, problem) {
      const { model, from, to, negativePrompt = '', guidance, signal } = problem
      const embedded = embeddedOf(model)
      const solver = cleanestSteps(problem.solver, strength)
      const grid = solver.grid(model.schedule)
      const [prompt, empty, target] = [
        await embedded.states(from, signal),
        await embedded.states(negativePrompt, signal),
        await embedded.states(to, signal),
      ]
      const diffusion: EmbeddedDiffusion = { grid, denoiser: embedded, prompt, empty, signal }
      const clean = { index: grid.length - 1, x: latent, memory: [] }
      const found = yield* nullText({ guidance, iterations }).invert(clean, solver, diffusion)
      const denoise = withEmbeddings({ ...diffusion, prompt: target }, found.embeddings, guidance)
      const source = { trajectory: found.states, grid, exact: 'no', outcome: 'exhausted' } as const
      const start = found.states[0]!
      return { ...source, ...(yield* walked({ ...source, solver, start, denoise, blending }, problem)) }
    },
  }),
})

function embeddedOf({ name, embedded }: DiffusionModel): Required<DiffusionModel>['embedded'] {
  if (embedded) return embedded
  const remedy = 'Use `negative-prompt`, which needs none.'
  throw expected('unsupported', 'a model that is told embeddings', '`null-text`', `\`${name}\``, remedy)
}
