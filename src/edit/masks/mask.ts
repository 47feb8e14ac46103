/** Masks: 1 × the sides of a picture, 1 where it may change and 0 where it may not. Geometry only. */
import { expected } from '../../core/errors.js'
import { formatShape, map, type Shape, sameShape, type Tensor, zeros } from '../../math/tensor.js'
import { planesOf } from '../../pictures/planes.js'

/** Throws `bad-shape` for a mask that is not of the picture's size, `bad-option` for one with nothing in it; `name` is what messages call it. */
export function checkMask(mask: Tensor, imageShape: Shape, name = '`mask`'): void {
  const wanted = [1, ...imageShape.slice(1)]
  if (!sameShape(mask.shape, wanted)) {
    const remedy = 'Draw it over the picture itself.'
    throw expected('bad-shape', `a mask of ${formatShape(wanted)}`, name, formatShape(mask.shape), remedy)
  }
  if (mask.data.some((value) => value > 0.5)) return
  throw expected('bad-option', 'a mask with a white part', name, 'one without', 'White is where the edit goes.')
}

/** 1 above a half, 0 elsewhere. */
export const binary = (mask: Tensor): Tensor => map(mask, (value) => (value > 0.5 ? 1 : 0))

/** The largest value of a window of 2·radius + 1 along one axis, of an array of outer × size × inner. */
function spread(from: Float64Array, outer: number, size: number, inner: number, radius: number): Float64Array {
  const to = new Float64Array(from.length)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < size; i++) {
      const [first, last] = [Math.max(0, i - radius), Math.min(size - 1, i + radius)]
      for (let n = 0; n < inner; n++) {
        let largest = 0
        for (let k = first; k <= last; k++) largest = Math.max(largest, from[(o * size + k) * inner + n]!)
        to[(o * size + i) * inner + n] = largest
      }
    }
  }
  return to
}

/** The mask grown by `radius` pixels in each of the eight directions: a dilation by a square. */
export function grown({ shape, data }: Tensor, radius: number): Tensor {
  const { count, height, width } = planesOf(shape)
  return { shape, data: spread(spread(data, count * height, width, 1, radius), count, height, width, radius) }
}

/**
 * The mask grown and shrunk again by `radius`: closed over gaps of up to 2·radius, and as large as before elsewhere. A
 * morphological closing by a square. Beyond the border all counts as inside: a gap of up to `radius` before it is closed too.
 */
export function closed(mask: Tensor, radius: number): Tensor {
  const inverse = (one: Tensor) => map(one, (value) => 1 - value)
  return inverse(grown(inverse(grown(mask, radius)), radius))
}

/** Of each place of one grid the place of another grid of as many axes that holds it: ⌊place·size/size⌋ along each axis. */
function placeIn(to: Shape, from: Shape): (place: number) => number {
  return (place) => {
    let [at, rest, stride] = [0, place, 1]
    for (let axis = from.length - 1; axis >= 0; axis--) {
      const [size, wanted] = [from[axis]!, to[axis]!]
      at += Math.floor(((rest % size) * wanted) / size) * stride
      rest = Math.floor(rest / size)
      stride *= wanted
    }
    return at
  }
}

/** A mask over a picture as one over its latent: 1 where any pixel that the entry stands for is inside. */
export function latentMask({ shape, data }: Tensor, latentShape: Shape): Tensor {
  const mask = zeros([1, ...latentShape.slice(1)])
  const entryOf = placeIn(mask.shape, shape)
  data.forEach((value, pixel) => {
    if (value > 0.5) mask.data[entryOf(pixel)] = 1
  })
  return mask
}

/** A mask over a latent as one over its picture. */
export function pixelMask({ shape, data }: Tensor, imageShape: Shape): Tensor {
  const mask = zeros([1, ...imageShape.slice(1)])
  const entryOf = placeIn(shape, mask.shape)
  return map(mask, (_, pixel) => data[entryOf(pixel)]!)
}

/** `inside` where the mask is 1 and `outside` where it is 0; the mask is every channel's. */
export function merged(inside: Tensor, outside: Tensor, { data }: Tensor): Tensor {
  return map(inside, (value, i) => {
    const share = data[i % data.length]!
    return share === 1 ? value : share === 0 ? outside.data[i]! : share * value + (1 - share) * outside.data[i]!
  })
}
