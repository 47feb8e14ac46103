/** A clip is its frames, and a picture its channels: what is done to planes of pixels is done to each alone. */
import { describe, expect, it } from 'vitest'
import { torchNoise } from '../math/noise.js'
import type { Tensor } from '../math/tensor.js'
import { fitToMultiple } from './fit.js'
import { mirrored, quarterTurned, rotated } from './motions.js'
import { region, resize } from './pixels.js'
import { planesOf } from './planes.js'

/** Channels × frames × height × width. */
const clip = torchNoise(3, [2, 3, 6, 8])

/** Frame by frame, as pictures of one channel. */
const planes = ({ shape, data }: Tensor): readonly Tensor[] => {
  const { count, height, width } = planesOf(shape)
  const area = height * width
  return Array.from({ length: count }, (_, i) => ({
    shape: [1, height, width],
    data: data.slice(i * area, (i + 1) * area),
  }))
}

describe('what moves pixels moves those of each frame', () => {
  it.each<[string, (image: Tensor) => Tensor, readonly number[]]>([
    ['region', (image) => region(image, -1, 2, 5, 4), [2, 3, 5, 4]],
    ['resize', (image) => resize(image, 3, 11), [2, 3, 3, 11]],
    ['mirrored', (image) => mirrored(image, 'vertical'), [2, 3, 6, 8]],
    ['quarterTurned', (image) => quarterTurned(image, 1), [2, 3, 8, 6]],
    ['rotated', (image) => rotated(image, 30, 'linear'), [2, 3, 6, 8]],
    ['fitToMultiple', (image) => fitToMultiple(image, 4, 'pad').image, [2, 3, 8, 8]],
  ])('%s', (_, change, shape) => {
    const changed = change(clip)
    expect(changed.shape).toEqual(shape)
    expect(planes(changed)).toEqual(planes(clip).map(change))
  })
})
