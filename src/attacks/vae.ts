/** Through the model's autoencoder: what its bottleneck does not carry is gone. */
import { define } from '../core/define.js'
import { autoencoderOf } from '../model/views.js'
import { modelAttack, repeatsField } from './parts/attack.js'

/**
 * Encodes the picture and decodes it again.
 *
 * x′ = D(E(x)), E the posterior mean; `repeats` times, rounded to 8 bits each time. Cost: an encode and a decode for each
 * repeat. Exact: the same picture gives the same bytes, for one runtime and device. Errors: as `attackPicture`;
 * `bad-shape` for sizes that the autoencoder does not take.
 * Source: Zhao et al., NeurIPS 2024 ("Invisible image watermarks are provably removable using generative AI") and WAVES,
 * who use autoencoders made for compression, and WAVES that of Stable Diffusion too. Here it is the model's own: mild, for
 * watermarks in its latents pass through it by construction.
 *
 * @example const attacked = await attackPicture(image, vaeAttack({ repeats: 2 }), { pictures, model })
 */
export const vaeAttack = define({
  id: 'vae',
  title: 'Autoencoder round trip',
  source: 'Zhao et al., NeurIPS 2024; An et al., ICML 2024',
  fields: {
    repeats: repeatsField,
  },
  make: ({ repeats }) =>
    modelAttack('vae', repeats, async function* (image, model, { signal }) {
      const autoencoder = autoencoderOf(model, signal)
      yield { stage: 'vae', done: 0, total: 2 }
      const latent = await autoencoder.encode(image)
      yield { stage: 'vae', done: 1, total: 2 }
      const decoded = await autoencoder.decode(latent)
      yield { stage: 'vae', done: 2, total: 2 }
      return decoded
    }),
})
