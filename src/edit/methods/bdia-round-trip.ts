/** Editing by BDIA's round trip: one evaluation a step each way. The seam and the background are the prompt's to keep. */
import { define } from '../../core/define.js'
import { reversible } from '../../diffusion/inverters/reversible.js'
import { bdia } from '../../diffusion/solvers/bdia.js'
import { gammaField } from '../../diffusion/solvers/parts/bidirectional.js'
import { blendingFields, checkWalk, cleanestSteps, strengthField, targetDenoiser, walked } from '../parts/blending.js'
import type { EditMethod } from '../parts/edit-method.js'
import { fromPair, recovered } from '../parts/recovered.js'

/**
 * Undoes BDIA's steps under the source's prompt, and takes them again under the target's from the pair that was
 * reached.
 *
 * x*[N−1] is guessed from x*[N] by one first-order step back; then x*[i−1] = (x*[i+1] − S(x*[i]))/γ + S_back(x*[i])
 * down to the pair (x*[0], x*[1]), from which x[i+1] = γ·x[i−1] − γ·S_back(x[i]) + S(x[i]) of the target. The grid is
 * that of the given solver, the steps are BDIA's; guidance is the same both ways. Blends only where a mask is given, as
 * `exact-blending` does. Shapes: latents of the model. Cost: one evaluation a step each way, twice with guidance. Exact
 * given the latent, from the pair: with target = source it comes back to rounding, which grows like γ^−steps. A known
 * trajectory of another solver is not used. Errors: `bad-option` for fewer than two steps (the first is not walked
 * again) and for blending at no step; those of the model. Source: Zhang et al., ECCV 2024, its code's round trip
 * (strength 0.8, gamma 0.94). Deviation: the latent is the posterior's mean or an inverted one, not a sample.
 *
 * @example
 * const { image } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: bdiaRoundTrip() })
 */
export const bdiaRoundTrip = define({
  id: 'bdia-round-trip',
  title: 'BDIA round trip',
  source: 'Zhang et al., ECCV 2024',
  fields: {
    strength: { ...strengthField, default: 0.8 },
    gamma: { ...gammaField, default: 0.94 },
    ...blendingFields,
  },
  make: ({ strength, gamma, ...blending }): EditMethod => ({
    name: 'bdia-round-trip',
    findsMask: false,
    check: (problem) => checkWalk(problem, { strength, blending, start: 1 }),
    async *edit(latent, problem) {
      const solver = { ...bdia({ gamma }), grid: cleanestSteps(problem.solver, strength).grid }
      const alone = { ...problem, known: undefined }
      const source = fromPair(yield* recovered(latent, alone, { solver, inverter: reversible() }))
      // The first state has lost its partner: the pair is the second's.
      const [start, denoise] = [source.trajectory[1]!, await targetDenoiser(problem)]
      return { ...source, ...(yield* walked({ ...source, solver, start, denoise, blending }, problem)) }
    },
  }),
})
