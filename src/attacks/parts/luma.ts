/** Brightness as eyes weigh it: what contrast and saturation are measured from. */

import type { Tensor } from '../../math/tensor.js'
import { round8 } from '../../pictures/pixels.js'

/** ITU-R BT.601: 0.299·R + 0.587·G + 0.114·B, one channel, rounded to 8 bits as Pillow's mode L is. */
export function lumaOf({ shape, data }: Tensor): Tensor {
  const area = data.length / 3
  const luma = Float64Array.from(
    { length: area },
    (_, i) => 0.299 * data[i]! + 0.587 * data[area + i]! + 0.114 * data[2 * area + i]!,
  )
  return round8({ shape: [1, ...shape.slice(1)], data: luma })
}
