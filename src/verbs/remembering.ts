/** An autoencoder that is not asked twice for what it has already answered, so that reporting costs no network runs. */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import type { Tensor } from '../math/tensor.js'

/**
 * The same autoencoder, remembering E(x) and D(z) of the very arrays it was given, for as long as somebody holds them.
 *
 * @example
 * const autoencoder = remembering(plain)
 * await autoencoder.roundTrip(latent)
 * await autoencoder.decode(latent) // no network run
 */
export function remembering(plain: Autoencoder): Autoencoder {
  const latents = new WeakMap<Tensor, Tensor>()
  const images = new WeakMap<Tensor, Tensor>()
  const { pullback } = plain
  return {
    profile: plain.profile,
    latentShape: (shape) => plain.latentShape(shape),
    async encode(image, signal) {
      const latent = latents.get(image) ?? (await plain.encode(image, signal))
      latents.set(image, latent)
      return latent
    },
    async decode(latent, signal) {
      const image = images.get(latent) ?? (await plain.decode(latent, signal))
      images.set(latent, image)
      return image
    },
    async roundTrip(latent, signal) {
      const found = await plain.roundTrip(latent, signal)
      images.set(latent, found.image)
      return found
    },
    ...(pullback && {
      async pullback(latent, target, signal) {
        const found = await pullback.call(plain, latent, target, signal)
        images.set(latent, found.image)
        return found
      },
    }),
  }
}
