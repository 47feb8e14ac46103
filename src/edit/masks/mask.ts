/** Masks: 1 × height × width, 1 where a picture may change and 0 where it may not. Geometry only. */
import { expected } from '../../core/errors.js'
import { formatShape, map, type Shape, sameShape, type Tensor, zeros } from '../../math/tensor.js'

/** Throws `bad-shape` for a mask that is not of the picture's size, `bad-option` for one with nothing in it. */
export function checkMask(mask: Tensor, imageShape: Shape): void {
  const wanted = [1, ...imageShape.slice(1)]
  if (!sameShape(mask.shape, wanted)) {
    const remedy = 'Draw it over the picture itself.'
    throw expected('bad-shape', `a mask of ${formatShape(wanted)}`, '`mask`', formatShape(mask.shape), remedy)
  }
  if (mask.data.some((value) => value > 0.5)) return
  throw expected('bad-option', 'a mask with a white part', '`mask`', 'one without', 'White is where the edit goes.')
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
  const [, height, width] = shape as [number, number, number]
  return { shape, data: spread(spread(data, height, width, 1, radius), 1, height, width, radius) }
}

/** 1 × h × w over the latent: 1 where any pixel that the entry stands for is inside. */
export function latentMask({ shape, data }: Tensor, [, rows, columns]: Shape): Tensor {
  const [, height, width] = shape as [number, number, number]
  const mask = zeros([1, rows!, columns!])
  data.forEach((value, i) => {
    const [y, x] = [Math.floor(i / width), i % width]
    const at = Math.floor((y * rows!) / height) * columns! + Math.floor((x * columns!) / width)
    if (value > 0.5) mask.data[at] = 1
  })
  return mask
}

/** A mask over a latent as one over its picture of height × width. */
export function pixelMask({ shape, data }: Tensor, height: number, width: number): Tensor {
  const [, rows, columns] = shape as [number, number, number]
  const mask = zeros([1, height, width])
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      mask.data[i] = data[Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width)]!
    }
  }
  return mask
}

/** `inside` where the mask is 1 and `outside` where it is 0; the mask, 1 × h × w, is every channel's. */
export function merged(inside: Tensor, outside: Tensor, { data }: Tensor): Tensor {
  return map(inside, (value, i) => {
    const share = data[i % data.length]!
    return share === 1 ? value : share === 0 ? outside.data[i]! : share * value + (1 - share) * outside.data[i]!
  })
}
