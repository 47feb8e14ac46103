/** Drowned in noise and imagined anew by a diffusion model. */
import { define } from '../core/define.js'
import { sample } from '../diffusion/sample.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { combine } from '../math/tensor.js'
import { autoencoderOf } from '../model/views.js'
import { promptedDenoiser } from '../verbs/sampling.js'
import { modelAttack, repeatsField } from './parts/attack.js'

/**
 * Adds noise to the picture's latent as diffusion does, up to a time, and lets the model remove it.
 *
 * x_t = alpha·E(x) + sigma·ε at t = `strength` of the schedule; DDIM from there to the clean end with an empty prompt
 * at guidance 1; x′ = D(x₀); `repeats` times, 8 bits between. ε is drawn by the seed. Strength 1 keeps next to nothing
 * of the picture. Cost: `steps` evaluations, an encode and a decode for each repeat. Exact: the same seed gives the
 * same bytes, for one runtime and device. Errors: as `attackPicture`; `bad-shape` for sizes that the model does not
 * take, `bad-option` for more steps than whole times. Source: Zhao et al., NeurIPS 2024, by a diffusion model. The
 * released code stops at 60 of 1000 times (strength 0.06) with three steps of PNDM and samples the posterior. Here its
 * mean is taken. WAVES repeats it 2 and 4 times ("rinsing").
 *
 * @example const attacked = await attackPicture(image, regenerateAttack({ strength: 0.3, steps: 5 }), { pictures, model })
 */
export const regenerateAttack = define({
  id: 'regenerate',
  title: 'Regeneration by the model',
  source: 'Zhao et al., NeurIPS 2024',
  fields: {
    strength: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.2,
      unit: "of the schedule's time",
      description: 'How far into the noise; more is stronger.',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 10,
      unit: 'steps',
      description: 'From there to the clean end.',
    },
    repeats: repeatsField,
  },
  make: ({ strength, steps, repeats }) =>
    modelAttack('regenerate', repeats, async function* (image, model, { signal }, random) {
      const autoencoder = autoencoderOf(model, signal)
      const latent = await autoencoder.encode(image)
      const schedule = model.schedule(latent.shape)
      const noisiest = schedule.cleanest + strength * (schedule.noisiest - schedule.cleanest)
      const solver = ddim({ steps })
      const grid = solver.grid({ ...schedule, noisiest })
      const { alpha, sigma } = grid[0]!
      const noisy = combine([alpha, latent], [sigma, random.noise(latent.shape)])
      const { denoise } = await promptedDenoiser(model, { guidance: 1 }, signal)
      const { states } = yield* sample(noisy, solver, { grid, schedule, denoise })
      return await autoencoder.decode(states.at(-1)!.x)
    }),
})
