/** A guarantee in pixels: outside the mask an edit is the source, to a bound in 8-bit levels. Not an edit itself. */
import { expected, gotText } from '../../core/errors.js'
import { formatShape, map, sameShape, type Tensor } from '../../math/tensor.js'
import { byteOf, pixelOf } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'
import { checkMask } from './mask.js'

export interface LockOptions {
  /** Largest difference outside the mask, in 8-bit levels. Default 0: the source itself. */
  readonly boundLevels?: number
  /** Width of the seam inside the mask, in pixels. Default 8. */
  readonly featherPixels?: number
}

/**
 * The edit inside the mask, the source outside it, rounded to 8 bits.
 *
 * out = kept + w·(edited − kept), kept = the edit's 8-bit values clamped to source ± `boundLevels`; w is 0 outside the mask,
 * and inside grows by a smooth step of the distance to the nearest pixel outside, to 1 at `featherPixels`. So the seam
 * lies inside the mask, and outside it no 8-bit value is further than the bound from the source's. Shapes: pictures
 * 3 × H × W, mask 1 × H × W of 1 and 0. Cost: no network. Exact given the picture outside the mask at bound 0. Errors:
 * `bad-option` for an invalid bound or width; `bad-shape` for sizes that differ.
 *
 * @example
 * const { image: edited, source, mask } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star' })
 * const locked = lockBackground(edited, source, mask)
 */
export function lockBackground(
  edited: Tensor,
  source: Tensor,
  mask: Tensor,
  { boundLevels = 0, featherPixels = 8 }: LockOptions = {},
): Tensor {
  checkWhole('boundLevels', boundLevels, 255)
  checkWhole('featherPixels', featherPixels, 1024)
  if (!sameShape(edited.shape, source.shape)) {
    const got = formatShape(edited.shape)
    throw expected('bad-shape', formatShape(source.shape), 'the edited picture', got, 'Edit the source itself.')
  }
  if (mask.data.some((value) => value > 0)) checkMask(mask, source.shape)
  const weight = feathered(mask, featherPixels)
  return map(edited, (value, i) => {
    const [ours, theirs] = [byteOf(value), byteOf(source.data[i]!)]
    const kept = Math.min(Math.max(ours, theirs - boundLevels), theirs + boundLevels)
    const share = weight[i % weight.length]!
    return pixelOf(byteOf(pixelOf(kept + share * (ours - kept))))
  })
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return
  const remedy = name === 'boundLevels' ? '0 keeps the source itself.' : '8 is the default, 0 a sharp seam.'
  throw expected('bad-option', `an integer from 0 to ${most}`, `\`${name}\``, gotText(value), remedy)
}

/** 0 outside; inside 3t² − 2t³ of t = min(1, distance to the nearest pixel outside / (width + 1)). */
function feathered({ shape, data }: Tensor, width: number): Float64Array {
  const { height: rows, width: columns } = planesOf(shape)
  const reach = width + 1
  /** Squared distance to the nearest pixel outside in the same column, at most reach². */
  const vertical = new Float64Array(data.length).fill(reach ** 2)
  for (let i = 0; i < data.length; i++) {
    const y = Math.floor(i / columns) % rows
    for (let k = Math.max(0, y - width); k <= Math.min(rows - 1, y + width); k++) {
      if (data[i + (k - y) * columns] === 0) vertical[i] = Math.min(vertical[i]!, (k - y) ** 2)
    }
  }
  return vertical.map((_, i) => {
    const x = i % columns
    let nearest = reach ** 2
    for (let k = Math.max(0, x - width); k <= Math.min(columns - 1, x + width); k++) {
      nearest = Math.min(nearest, vertical[i - x + k]! + (k - x) ** 2)
    }
    const t = Math.sqrt(nearest) / reach
    return t * t * (3 - 2 * t)
  })
}
