/** How alike two pictures are where a mask is 0, and across its edge: what an edit leaves of a background. */

import { expected } from '../core/errors.js'
import { formatShape, sameShape, type Tensor } from '../math/tensor.js'
import { byteOf } from './pixels.js'
import { planesOf } from './planes.js'
import { ssimMap } from './ssim.js'

export interface Likeness {
  /** Share of the picture's places that were compared. */
  readonly share: number
  /** Σ (x − reference)² / Σ reference² over these places. */
  readonly nmse: number
  /** 10·log₁₀(2² / mean (x − reference)²); Infinity where they are equal. */
  readonly psnrDb: number
  /** Mean of SSIM over these places. */
  readonly ssim: number
  /** The largest difference of two 8-bit values, both pictures rounded. */
  readonly largestLevels: number
}

/**
 * Compares two pictures of channels × H × W in [−1, 1] where a mask of 1 × H × W is 0; undefined where it is nowhere.
 *
 * `bad-shape` when shapes differ. Source: the background measures of PIE-Bench (Ju et al., ICLR 2024), and the NMSE of Hong et
 * al., CVPR 2024. Deviation: the window of SSIM looks into the masked part up to 5 pixels, nothing is painted over it.
 *
 * @example const background = likenessOutside(mask, edited, source)
 */
export function likenessOutside(mask: Tensor, x: Tensor, reference: Tensor): Likeness | undefined {
  const wanted = [1, ...x.shape.slice(1)]
  if (!sameShape(x.shape, reference.shape) || !sameShape(mask.shape, wanted)) {
    const got = [mask, x, reference].map(({ shape }) => formatShape(shape)).join(', ')
    throw expected('bad-shape', 'a mask and two pictures of one size', 'a comparison', got, 'Resize one of them.')
  }
  const structure = ssimMap(x, reference)
  const area = mask.data.length
  let [places, errors, power, similarity, largestLevels] = [0, 0, 0, 0, 0]
  for (let place = 0; place < area; place++) {
    if (mask.data[place]! !== 0) continue
    places++
    similarity += structure.data[place]!
    for (let i = place; i < x.data.length; i += area) {
      const [ours, theirs] = [x.data[i]!, reference.data[i]!]
      errors += (ours - theirs) ** 2
      power += theirs ** 2
      largestLevels = Math.max(largestLevels, Math.abs(byteOf(ours) - byteOf(theirs)))
    }
  }
  if (places === 0) return undefined
  const meanSquare = errors / (places * (x.data.length / area))
  return {
    share: places / area,
    nmse: errors / power,
    psnrDb: 10 * Math.log10(4 / meanSquare),
    ssim: similarity / places,
    largestLevels,
  }
}

/**
 * How much larger the steps across a mask's edge are than a reference's, in 8-bit levels: the mean over places outside that have
 * one inside beside them of max(0, |x(in) − x(out)| − |reference(in) − reference(out)|), root mean square over channels. The one
 * inside is `depth` pixels deep, or as deep as the mask is there. 0 where the mask has no edge. Source: ours.
 */
export function seamLevels(mask: Tensor, x: Tensor, reference: Tensor, depth: number): number {
  const { height, width } = planesOf(mask.shape)
  const area = mask.data.length
  const step = ({ data }: Tensor, a: number, b: number): number => {
    let sum = 0
    for (let i = 0; i < data.length; i += area) sum += (byteOf(data[a + i]!) - byteOf(data[b + i]!)) ** 2
    return Math.sqrt(sum / (data.length / area))
  }
  let [sum, count] = [0, 0]
  for (let i = 0; i < area; i++) {
    if (mask.data[i] !== 0) continue
    const [column, row] = [i % width, Math.floor(i / width)]
    const directions = [
      { by: 1, room: width - 1 - column },
      { by: -1, room: column },
      { by: width, room: height - 1 - row },
      { by: -width, room: row },
    ]
    for (const { by, room } of directions) {
      let deep = 0
      while (deep < Math.min(depth, room) && mask.data[i + (deep + 1) * by] !== 0) deep++
      if (deep === 0) continue
      const inside = i + deep * by
      sum += Math.max(0, step(x, inside, i) - step(reference, inside, i))
      count++
    }
  }
  return count === 0 ? 0 : sum / count
}
