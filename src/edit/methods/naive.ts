/** Editing by naive DDIM inversion: the baseline. Prefer `exact-blending`, which costs two or three times as much. */
import { define } from '../../core/define.js'
import { blendingFields, checkWalk, strengthField } from '../parts/blending.js'
import type { EditMethod } from '../parts/edit-method.js'
import { naivelyWalked } from '../parts/naive-walk.js'

/**
 * Walks the first-order rule backwards under the source's prompt, then samples under the target's.
 *
 * x*[i] = naive step of x*[i+1], as the inverter `naive`; x[0] = x*[0], x[i+1] = step(x[i]; target), with the given solver and
 * the same guidance both ways. Blends only where a mask is given, as `exact-blending` does, with the naive trajectory.
 * Shapes: latents of the model. Cost: N evaluations back and N forth, each twice with guidance. Exact: no: the source does
 * not come back, and strong guidance makes that much worse; a known trajectory does. Errors: `bad-option` for blending at no
 * step; those of the inverter and the model. Source: DDIM inversion, Song et al., ICLR 2021.
 *
 * @example
 * const { image } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: naiveEdit() })
 */
export const naiveEdit = define({
  id: 'naive',
  title: 'Naive inversion',
  source: 'DDIM inversion: Song et al., ICLR 2021',
  fields: { strength: { ...strengthField, default: 1 }, ...blendingFields },
  make: ({ strength, ...blending }): EditMethod => ({
    name: 'naive',
    findsMask: false,
    check: (problem) => checkWalk(problem, { strength, blending }),
    edit: (latent, problem) => naivelyWalked(latent, problem, { strength, blending }),
  }),
})
