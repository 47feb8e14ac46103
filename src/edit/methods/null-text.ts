/** Editing with an optimised unconditional branch. Needs gradients, and many evaluations. */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { nullText } from '../../diffusion/guided-editing/null-text.js'
import {
  type EmbeddedDenoiser,
  type EmbeddedDiffusion,
  withEmbeddings,
} from '../../diffusion/guided-editing/parts/guided-editing.js'
import type { Tensor } from '../../math/tensor.js'
import { type Condition, withValue } from '../../model/condition.js'
import { requireMixed } from '../../model/guidance.js'
import type { DiffusionModel } from '../../model/model.js'
import { blendingFields, checkWalk, cleanestSteps, strengthField, walked } from '../parts/blending.js'
import type { EditMethod, EditProblem } from '../parts/edit-method.js'

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
      requireMixed(problem.model, '`null-text`')
      checkStates(problem.model)
      checkWalk(problem, { strength, blending })
    },
    async *edit(latent, problem) {
      const { model, from, to, negativePrompt = '', guidance, schedule } = problem
      const solver = cleanestSteps(problem.solver, strength)
      const grid = solver.grid(schedule)
      const conditionOf = (text: string) => model.condition(text, problem.signal)
      const [source, negative, target] = [
        await conditionOf(from),
        await conditionOf(negativePrompt),
        await conditionOf(to),
      ]
      const [prompt, empty] = [statesOf(model, source), statesOf(model, negative)]
      const diffusion: EmbeddedDiffusion = {
        grid,
        denoiser: embeddedDenoiser([source, target], negative, problem),
        prompt,
        empty,
      }
      const clean = { index: grid.length - 1, x: latent, memory: [] }
      const found = yield* nullText({ guidance, iterations }).invert(clean, solver, diffusion)
      const edited = { ...diffusion, prompt: statesOf(model, target) }
      const denoise = withEmbeddings(edited, found.embeddings, guidance)
      const walk = { trajectory: found.states, grid, exact: 'no', outcome: 'exhausted' } as const
      const start = found.states[0]!
      return { ...walk, ...(yield* walked({ ...walk, solver, start, denoise, blending }, problem)) }
    },
  }),
})

/** The value of a condition that is bent. */
const states = 'encoder_hidden_states'

/** The model as a denoiser that is told states, with their gradient: those of a known condition, or the negative's bent. */
function embeddedDenoiser(
  known: readonly Condition[],
  negative: Condition,
  { model, signal }: EditProblem,
): EmbeddedDenoiser {
  const conditionOf = (embedding: Tensor) =>
    known.find(({ values }) => values[states] === embedding) ?? withValue(negative, states, embedding)
  return {
    async denoise(x, level, embedding) {
      return (await model.ask('denoise', [{ x, level, condition: conditionOf(embedding) }], signal))[0]!
    },
    async pullback(x, level, embedding, cotangent) {
      const ask = { x, level, condition: conditionOf(embedding), cotangent, wrt: states }
      return (await model.ask('pullback', [ask], signal))[0]!
    },
  }
}

function statesOf(model: DiffusionModel, { values }: Condition): Tensor {
  const found = values[states]
  if (found) return found
  throw unbendable(model)
}

function checkStates(model: DiffusionModel): void {
  if (!model.answers.has('pullback')) throw unbendable(model)
}

function unbendable({ name }: DiffusionModel) {
  const remedy = 'Use `negative-prompt`, which needs none.'
  return expected('unsupported', `gradients with respect to \`${states}\``, '`null-text`', `\`${name}\``, remedy)
}
