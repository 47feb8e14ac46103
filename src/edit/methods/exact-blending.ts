/**
 * Editing by exact inversion of an ordinary sampler, with what lies outside a mask put back at every step. The default: a
 * source comes back as it was, and only the mask is another picture.
 */
import { define } from '../../core/define.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { requireMixed } from '../../model/guidance.js'
import { attentionMask, checkAttention } from '../masks/attention-mask.js'
import { differenceMask } from '../masks/difference-mask.js'
import { joinedMask, placedMask } from '../masks/joined-mask.js'
import { pixelMask } from '../masks/mask.js'
import { blendingFields, checkWalk, cleanestSteps, strengthField, targetDenoiser, walked } from '../parts/blending.js'
import type { EditMethod } from '../parts/edit-method.js'
import { recovered } from '../parts/recovered.js'

const finders = { automatic: placedMask, attention: attentionMask, difference: differenceMask, both: joinedMask }

/**
 * Recovers the trajectory x*[0 … N] of the source under its own prompt, then samples from x*[0] under the target's,
 * blending.
 *
 * x[i+1] = M·step(x[i]; target) + (1 − M)·x*[i+1], with the given solver and M the mask over the latent: any entry with
 * a pixel inside. Where no mask is given it is found on the recovered trajectory (`mask`, `looks`), by attention only
 * where a word changes. `automatic` joins attention that is all over the picture, as of the word "left", with the difference;
 * a network whose attention is not known has the difference alone.
 * With `guideFrom=nothing` guidance is the same both ways. With `source` the source is inverted at guidance 1 and
 * D = D_source + w·(D_target − D_source) samples: as exact, and cheaper. It is for pictures that no model made, whose noise under strong guidance is unknown to any model. With `blendUntil` 1 the latent outside M is
 * the source's own. Below 1, as in the published experiments, the last steps are free and the seam heals. The outside
 * then drifts by as much as the trajectory is wrong and the prompts differ there.
 *
 * Shapes: latents of the model, masks 1 × H × W. Cost: the inverter's evaluations (2 to 7 a step for DDIM on a grid
 * even in lambda, twice with guidance), N for the target, twice with guidance, and 2·`looks` for a mask. A joined mask costs twice
 * that. Exact given the latent, where every step converged: with target = source the source comes back. Errors: those of the inverter and
 * the model; `unsupported` for a mask by attention where that is not known, `bad-option` where no word changes and for
 * blending at no step. Source: Hong et al., CVPR 2024, with the blending of Patashnik et al., ICCV 2023;
 * `guideFrom=source` after negative-prompt inversion, Miyake et al., 2023. Deviations: accelerated inversion; blending
 * at every step, not at one; the masks of attention-mask.ts, difference-mask.ts and joined-mask.ts.
 *
 * @example
 * const { image, mask } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star', method: exactBlending() })
 */
export const exactBlending = define({
  id: 'exact-blending',
  title: 'Exact inversion with local blending',
  source: 'Hong et al., CVPR 2024; Patashnik et al., ICCV 2023',
  fields: {
    strength: { ...strengthField, default: 1 },
    guideFrom: {
      type: 'choice',
      choices: ['nothing', 'source'],
      default: 'nothing',
      description: 'What guidance leads away from: the same both ways, or from the source to the target alone.',
    },
    ...blendingFields,
    mask: {
      type: 'choice',
      choices: ['automatic', 'attention', 'difference', 'both'],
      default: 'automatic',
      description:
        'Where no mask is given: from cross-attention of the changed words, from where the prompts disagree, or from both, for things that move. `automatic` is attention, both where that is all over the picture, and difference where the network does not tell its attention.',
    },
    looks: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 6,
      unit: 'levels',
      description: 'At so many levels the mask is looked for.',
    },
    tolerance: {
      type: 'number',
      minimum: 0,
      description: 'Of the inversion, in units of the noise of a step. Default: 1e-5.',
    },
    iterations: {
      type: 'integer',
      minimum: 1,
      default: 50,
      unit: 'evaluations of a step',
      description: 'Budget of the inversion of each step.',
    },
  },
  make: ({ strength, guideFrom, mask: finder, looks, tolerance, iterations, ...blending }): EditMethod => ({
    name: 'exact-blending',
    findsMask: true,
    check(problem) {
      if (guideFrom === 'source') requireMixed(problem.model, '`exact-blending` with `guideFrom=source`')
      checkWalk(problem, { strength, blending })
      const byAttention = finder === 'automatic' ? problem.model.answers.has('looks') : finder !== 'difference'
      if (!problem.mask && byAttention) checkAttention(problem)
    },
    async *edit(latent, problem) {
      const solver = cleanestSteps(problem.solver, strength)
      const fromSource = guideFrom === 'source'
      const guidance = fromSource ? 1 : problem.guidance
      const source = yield* recovered(latent, problem, {
        solver,
        inverter: automatic({ tolerance, iterations }),
        guidance,
      })
      const mask = problem.mask ?? pixelMask(yield* finders[finder](source, problem, looks), problem.imageShape)
      const [start, denoise] = [
        source.trajectory[0]!,
        await targetDenoiser(problem, fromSource ? problem.from : undefined),
      ]
      return { ...source, ...(yield* walked({ ...source, solver, start, denoise, mask, blending }, problem)) }
    },
  }),
})
