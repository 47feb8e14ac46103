/** A picture at half its size: what the reader looks at. Pictures of any even size; not a general resampler. */
import type { Image } from '../image.js'

/** Means of 2 × 2 pixels. */
export function halve(data: ArrayLike<number>, width: number, height: number): Image {
  const half = { width: width / 2, height: height / 2, data: new Float32Array(data.length / 4) }
  for (let row = 0, i = 0; row < 3 * half.height; row++) {
    for (let column = 0; column < half.width; column++, i++) {
      const at = 2 * row * width + 2 * column
      half.data[i] = (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4
    }
  }
  return half
}
