/**
 * A smooth autoencoder that is known in closed form: D bends a latent of 12 numbers into a picture of 48, E is the left
 * inverse of D's linear part, so that E∘D is the identity plus a known bend.
 *
 * D(z) = A·z + bend·B·tanh(C·z) with orthonormal columns A; E(x) = Aᵀx. For bend below 1, z ↦ E(D(z)) is one to one.
 */
import type { Autoencoder } from '../../src/autoencoder/index.js'
import { expected } from '../../src/core/errors.js'
import {
  combine,
  formatShape,
  map,
  type Shape,
  sameShape,
  subtract,
  type Tensor,
  tensor,
} from '../../src/math/index.js'
import { type Ask, type Axis, doorOf, type Kind, type Layout, type Model } from '../../src/model/index.js'
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
    encode: async (image) => encode(image),
    decode: async (latent) => decode(latent),
    roundTrip: async (latent) => {
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

/** A model of pictures over an autoencoder for single ones, with the runs that it was asked for and their sizes. */
export function pictureModel(single: Autoencoder, shapes = { picture: imageShape, latent: latentShape }) {
  const batches: [kind: Kind, size: number][] = []
  const each = <Asked, Answered>(kind: Kind, run: (ask: Asked) => Promise<Answered>) => {
    return (asks: readonly Asked[]): Promise<Answered[]> => {
      batches.push([kind, asks.length])
      return Promise.all(asks.map(run))
    }
  }
  const { pullback } = single
  const model: Model = {
    name: 'analytic',
    layout: oneLayout(shapes.picture, shapes.latent),
    profile: single.profile,
    ...doorOf('analytic', {
      encode: each('encode', single.encode),
      decode: each('decode', single.decode),
      roundTrip: each('roundTrip', single.roundTrip),
      ...(pullback && {
        decodeGradient: each('decodeGradient', ({ latent, reference, scale }: Ask<'decodeGradient'>) =>
          pullback(latent, reference, scale),
        ),
      }),
    }),
    close: async () => {},
  }
  return { model, batches }
}

/** A layout of one size. */
export function oneLayout(picture: Shape, latent: Shape): Layout {
  const named: Readonly<Record<number, readonly Axis[]>> = {
    2: ['channels', 'width'],
    3: ['channels', 'height', 'width'],
    4: ['channels', 'frames', 'height', 'width'],
  }
  const checked = (wanted: Shape, given: Shape): void => {
    if (sameShape(given, wanted)) return
    throw expected('bad-shape', formatShape(wanted), '`analytic`', formatShape(given), 'It has one size.')
  }
  return {
    axes: named[latent.length]!,
    picture,
    multiple: 1,
    latentShape(given) {
      checked(picture, given)
      return latent
    },
    pictureShape(given) {
      checked(latent, given)
      return picture
    },
    check: (given) => checked(latent, given),
  }
}
