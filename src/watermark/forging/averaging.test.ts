/** Averaging finds what is common to marked pictures, to the noise that averaging leaves. */
import { describe, expect, it } from 'vitest'
import { map, norm, subtract, torchNoise } from '../../math/index.js'
import { combine, zeros } from '../../math/tensor.js'
import { round8 } from '../../pictures/pixels.js'
import { applyPattern, averagePattern } from './averaging.js'

const shape = [3, 8, 8]
const entries = 3 * 8 * 8
const pattern = map(torchNoise(99, shape), (value) => 0.05 * value)
const spread = 0.2
const picture = (seed: number) => map(torchNoise(seed, shape), (value) => spread * value)
const pictures = (from: number, count: number) => Array.from({ length: count }, (_, i) => picture(from + i))
const marked = (images: ReturnType<typeof pictures>) => images.map((image) => combine([1, image], [1, pattern]))

describe('averagePattern', () => {
  it.each([25, 100, 400])('of %d pictures each is wrong by s·√(2/n)', (count) => {
    const found = averagePattern(marked(pictures(1000, count)), pictures(5000, count))
    const error = norm(subtract(found, pattern)) / Math.sqrt(entries)
    // Of 192 entries: a relative deviation of 1/√(2·192) = 5 %, four of them.
    expect(Math.abs(error / (spread * Math.sqrt(2 / count)) - 1)).toBeLessThan(0.2)
  })

  it('of the same pictures marked and unmarked is the pattern', () => {
    const images = pictures(1, 5)
    expect(norm(subtract(averagePattern(marked(images), images), pattern))).toBeLessThan(1e-12)
  })

  it('refuses nothing, and pictures of other sizes', () => {
    expect(() => averagePattern([], [picture(1)])).toThrow(expect.objectContaining({ code: 'bad-option' }))
    const other = zeros([3, 8, 9])
    const mixed = () => averagePattern([picture(1), other], [picture(1)])
    const apart = () => averagePattern([picture(1)], [other])
    for (const run of [mixed, apart]) expect(run).toThrow(expect.objectContaining({ code: 'bad-shape' }))
  })
})

describe('applyPattern', () => {
  it('forges and removes', () => {
    const image = round8(picture(1))
    const forged = applyPattern(image, pattern, 1)
    expect(forged).toEqual(round8(combine([1, image], [1, pattern])))
    // Twice rounded: a level at most.
    const back = subtract(applyPattern(forged, pattern, -1), image)
    expect(Math.max(...back.data.map(Math.abs))).toBeLessThanOrEqual(2 / 255 + 1e-9)
    expect(() => applyPattern(zeros([3, 8, 9]), pattern, 1)).toThrow(expect.objectContaining({ code: 'bad-shape' }))
  })
})
