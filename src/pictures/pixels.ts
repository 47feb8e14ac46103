/**
 * Pictures as numbers: tensors of channels × height × width with values in [−1, 1]. Rounding to 8 bits, the distance
 * between two pictures, and changes of size. Not a codec: reading and writing files is the host's business.
 */
import { expected } from '../core/errors.js'
import { distance, map, sizeOf, subtract, type Tensor, zeros } from '../math/tensor.js'
import { planesOf, withSides } from './planes.js'

/** The integer of 0 to 255 that a file holds for a pixel: clamp, then round half to even, as NumPy and Pillow do. */
export function byteOf(pixel: number): number {
  const scaled = Math.min(Math.max((pixel + 1) / 2, 0), 1) * 255
  const nearest = Math.round(scaled)
  return nearest - scaled === 0.5 && nearest % 2 === 1 ? nearest - 1 : nearest
}

/** The pixel that an integer of 0 to 255 stands for. */
export const pixelOf = (byte: number): number => (byte / 255) * 2 - 1

/**
 * The picture as it comes back from an 8-bit file.
 *
 * round8(x) = 2·round(255·clamp((x + 1)/2, 0, 1))/255 − 1, halves to even; idempotent; NaN stays NaN.
 * Source: diffusers `VaeImageProcessor` (denormalize, then `(images * 255).round().astype("uint8")`).
 *
 * @example const published = round8(await autoencoder.decode(latent))
 */
export const round8 = (image: Tensor): Tensor => map(image, (pixel) => pixelOf(byteOf(pixel)))

/**
 * Peak signal-to-noise ratio in dB of two pictures: 10·log₁₀(2² / mean (a − b)²), since pixels span 2; Infinity when
 * they are equal. Throws `bad-shape` when the shapes differ.
 */
export function psnrDb(a: Tensor, b: Tensor): number {
  const meanSquare = distance(a, b) ** 2 / sizeOf(a.shape)
  return 10 * Math.log10(4 / meanSquare)
}

/** A picture of where two pictures differ: −1 (black) where equal, +1 where gain·|a − b| reaches the full range 2. */
export const errorMap = (a: Tensor, b: Tensor, gain = 1): Tensor =>
  map(subtract(a, b), (difference) => Math.min(gain * Math.abs(difference), 2) - 1)

/** A rectangle of pixels. */
export interface Window {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

/** The part of a picture from (`top`, `left`); outside the picture its nearest edge pixel is repeated. */
export function region(image: Tensor, top: number, left: number, height: number, width: number): Tensor {
  const { count, height: imageHeight, width: imageWidth } = planesOf(image.shape)
  const part = zeros(withSides(image.shape, height, width))
  const inside = (position: number, size: number) => Math.min(Math.max(position, 0), size - 1)
  let i = 0
  for (let plane = 0; plane < count; plane++) {
    for (let y = 0; y < height; y++) {
      const row = (plane * imageHeight + inside(top + y, imageHeight)) * imageWidth
      for (let x = 0; x < width; x++) part.data[i++] = image.data[row + inside(left + x, imageWidth)]!
    }
  }
  return part
}

/**
 * The picture at another size: linear interpolation when enlarging, a triangle over as many pixels when shrinking, so
 * that fine detail is averaged and not aliased. Throws `bad-option` for sides that are not whole numbers. Source: Pillow's BILINEAR resampling, Resample.c.
 */
export function resize(image: Tensor, height: number, width: number): Tensor {
  if (![height, width].every((side) => Number.isSafeInteger(side) && side > 0)) {
    const got = `${height} and ${width}`
    throw expected('bad-option', 'whole numbers of pixels', 'height and width of a picture', got, 'Round them.')
  }
  const { count, height: imageHeight, width: imageWidth } = planesOf(image.shape)
  const rows = resizeLines(image.data, count * imageHeight, imageWidth, 1, width)
  const data = resizeLines(rows, count, imageHeight, width, height)
  return { shape: withSides(image.shape, height, width), data }
}

/** Resizes the middle axis of an array of outer × size × inner. */
function resizeLines(from: Float64Array, outer: number, size: number, inner: number, newSize: number): Float64Array {
  if (newSize === size) return from
  const to = new Float64Array(outer * newSize * inner)
  const step = size / newSize
  const reach = Math.max(step, 1)
  for (let i = 0; i < newSize; i++) {
    const centre = (i + 0.5) * step - 0.5
    const first = Math.max(Math.ceil(centre - reach), 0)
    const last = Math.min(Math.floor(centre + reach), size - 1)
    const weights = Array.from({ length: last - first + 1 }, (_, k) => 1 - Math.abs(first + k - centre) / reach)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < weights.length; k++) {
        const share = weights[k]! / total
        const source = (o * size + first + k) * inner
        const target = (o * newSize + i) * inner
        for (let n = 0; n < inner; n++) to[target + n]! += share * from[source + n]!
      }
    }
  }
  return to
}
