/**
 * A smooth autoencoder that is known in closed form: D bends a latent of 12 numbers into a picture of 48, E is the left
 * inverse of D's linear part, so that E∘D is the identity plus a known bend.
 *
 * D(z) = A·z + bend·B·tanh(C·z) with orthonormal columns A; E(x) = Aᵀx. For bend below 1, z ↦ E(D(z)) is one to one.
 */
import type { Autoencoder, BatchedAutoencoder } from '../../src/autoencoder/index.js'
import { combine, map, subtract, type Tensor, tensor } from '../../src/math/index.js'
import { apply, orthonormalRows, transposed } from './problems.js'

export const imageShape = [3, 4, 4]
export const latentShape = [3, 2, 2]
const [pixels, entries] = [48, 12]

const flat = (x: Tensor) => tensor([x.data.length], x.data)

export function analyticAutoencoder(bend: number): Autoencoder & Required<Pick<Autoencoder, 'pullback'>> {
  const encoder = orthonormalRows(21, entries, pixels)
  const decoder = transposed(encoder)
  const into = orthonormalRows(22, entries, entries)
  const out = transposed(orthonormalRows(23, entries, pixels))
  const decode = (z: Tensor) => {
    const bent = map(apply(into, flat(z)), Math.tanh)
    return tensor(imageShape, combine([1, apply(decoder, flat(z))], [bend, apply(out, bent)]).data)
  }
  const encode = (x: Tensor) => tensor(latentShape, apply(encoder, flat(x)).data)
  return {
    latentShape: () => latentShape,
    encode: async (image, signal) => {
      signal?.throwIfAborted()
      return encode(image)
    },
    decode: async (latent) => decode(latent),
    roundTrip: async (latent, signal) => {
      signal?.throwIfAborted()
      const image = decode(latent)
      return { image, latent: encode(image) }
    },
    // J = A + bend·B·diag(1 − tanh²)·C
    pullback: async (latent, image) => {
      const decoded = decode(latent)
      const error = flat(subtract(decoded, image))
      const slope = map(apply(into, flat(latent)), (value) => 1 - Math.tanh(value) ** 2)
      const pulled = apply(transposed(out), error)
      const bent = apply(
        transposed(into),
        map(pulled, (value, i) => value * slope.data[i]!),
      )
      const gradient = combine([1, apply(encoder, error)], [bend, bent])
      return { image: decoded, gradient: tensor(latentShape, gradient.data) }
    },
  }
}

/** Runs of a batch and their sizes, over an autoencoder for single pictures. */
export function batchedOver(single: Autoencoder) {
  const batches: [kind: string, size: number][] = []
  const each = <T>(kind: string, count: number, run: (index: number) => Promise<T>) => {
    batches.push([kind, count])
    return Promise.all(Array.from({ length: count }, (_, i) => run(i)))
  }
  const { pullback } = single
  const batched: BatchedAutoencoder = {
    latentShape: single.latentShape,
    encode: (images, signal) => each('encode', images.length, (i) => single.encode(images[i]!, signal)),
    decode: (latents, signal) => each('decode', latents.length, (i) => single.decode(latents[i]!, signal)),
    roundTrip: (latents, signal) => each('roundTrip', latents.length, (i) => single.roundTrip(latents[i]!, signal)),
    ...(pullback && {
      pullback: (latents, images, signal) =>
        each('pullback', latents.length, (i) => pullback(latents[i]!, images[i]!, signal)),
    }),
  }
  return { batched, batches }
}
