/** An autoencoder whose inversion can be computed by hand. For one that bends: laws/analytic-autoencoder.ts. */
import type { Autoencoder } from '../src/autoencoder/index.js'
import { combine, subtract, type Tensor } from '../src/math/index.js'

/**
 * D(z) = z, E(x) = gain·x: then T(z) = gain·(z − z*), the start gain·z* is (1 − gain)·z* off, and a forward step of ρ
 * multiplies the error by 1 − ρ·gain. Latents and pictures have one shape.
 */
export function linearAutoencoder(gain: number): Required<Autoencoder> {
  const encode = async (image: Tensor) => combine([gain, image])
  return {
    profile: undefined,
    encode,
    decode: async (latent) => latent,
    roundTrip: async (latent) => ({ image: latent, latent: await encode(latent) }),
    pullback: async (latent, image) => ({ image: latent, gradient: subtract(latent, image) }),
  }
}
