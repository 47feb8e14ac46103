/** Editing with the source's prompt as the negative one. The cheapest that nearly keeps a source under strong guidance. */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { requireMixed } from '../../model/guidance.js'
import { blendingFields, checkWalk, strengthField } from '../parts/blending.js'
import type { AskedEdit, EditMethod } from '../parts/edit-method.js'
import { naivelyWalked } from '../parts/naive-walk.js'

/**
 * Inverts naively under the source's prompt alone, then samples with guidance from the source's prompt to the target's.
 *
 * x*[i] = naive step of x*[i+1] at guidance 1; x[i+1] = step(x[i]) of D = D_source + w·(D_target − D_source), w the guidance:
 * with target = source that is the source's prompt alone whatever w. Blends only where a mask is given, as `exact-blending`
 * does. Shapes: latents of the model. Cost: N evaluations back and 2·N forth. Exact: no, as naive inversion without guidance.
 * A negative prompt has no place in it and is refused. Errors: `bad-option` for that and for blending at no
 * step; those of the model. Source: Miyake et al., "Negative-prompt inversion", 2023, arXiv 2305.16807. Deviation: none but the optional mask.
 *
 * @example
 * const { image } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: negativePromptEdit() })
 */
export const negativePromptEdit = define({
  id: 'negative-prompt',
  title: 'Negative-prompt inversion',
  source: 'Miyake et al., 2023, arXiv 2305.16807',
  fields: { strength: { ...strengthField, default: 1 }, ...blendingFields },
  make: ({ strength, ...blending }): EditMethod => ({
    name: 'negative-prompt',
    findsMask: false,
    check(problem) {
      requireMixed(problem.model, '`negative-prompt`')
      refuseNegative(problem)
      checkWalk(problem, { strength, blending })
    },
    edit: (latent, problem) =>
      naivelyWalked(latent, problem, { strength, blending, guidance: 1, negative: problem.from }),
  }),
})

function refuseNegative({ negativePrompt }: AskedEdit): void {
  if (negativePrompt === undefined) return
  const remedy = "The source's prompt takes its place; use another method."
  throw expected('bad-option', 'no negative prompt', '`negative-prompt`', `“${negativePrompt}”`, remedy)
}
