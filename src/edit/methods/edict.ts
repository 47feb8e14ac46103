/** Editing by EDICT's coupled samples: exact in closed form, two evaluations a step each way. */
import { define } from '../../core/define.js'
import { reversible } from '../../diffusion/inverters/reversible.js'
import { edict } from '../../diffusion/solvers/edict.js'
import { blendingFields, checkWalk, cleanestSteps, strengthField, targetDenoiser, walked } from '../parts/blending.js'
import type { EditMethod } from '../parts/edit-method.js'
import { fromPair, recovered } from '../parts/recovered.js'

/**
 * Undoes EDICT's steps under the source's prompt from x and a twin that is the same, and takes them again under the
 * target's from both.
 *
 * (x*, y*)[N] = (z, z); (x*, y*)[i] = unstep((x*, y*)[i+1]); (x, y)[0] = (x*, y*)[0], (x, y)[i+1] = step((x, y)[i]) of the target;
 * the edit is x[N]. The grid is that of the given solver, the steps are EDICT's; guidance is the same both ways. Blends only
 * where a mask is given, as `exact-blending` does, both copies. Shapes: latents of the model. Cost: two evaluations a step each way,
 * twice with guidance. Exact given the latent, from both copies: with target = source it comes back to rounding, which grows like
 * p^−2 a step. A known trajectory of another solver is not used. Errors: those of the model; `unsupported` at alpha = 0;
 * `bad-option` for blending at no step.
 * Source: Wallace et al., CVPR 2023, constants of its code (strength 0.8, p 0.93). Deviation: no attention control.
 *
 * @example
 * const { image } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: edictEdit() })
 */
export const edictEdit = define({
  id: 'edict',
  title: 'EDICT',
  source: 'Wallace et al., CVPR 2023',
  fields: {
    strength: { ...strengthField, default: 0.8 },
    p: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.93,
      description: 'Share of its own value that each copy keeps when mixed.',
    },
    ...blendingFields,
  },
  make: ({ strength, p, ...blending }): EditMethod => ({
    name: 'edict',
    findsMask: false,
    check: (problem) => checkWalk(problem, { strength, blending }),
    async *edit(latent, problem) {
      const solver = { ...edict({ p }), grid: cleanestSteps(problem.solver, strength).grid }
      const alone = { ...problem, known: undefined }
      const source = fromPair(yield* recovered(latent, alone, { solver, inverter: reversible() }))
      const [start, denoise] = [source.trajectory[0]!, await targetDenoiser(problem)]
      return { ...source, ...(yield* walked({ ...source, solver, start, denoise, blending }, problem)) }
    },
  }),
})
