import { describe, expect, it } from 'vitest'
import { map, norm, subtract, torchNoise } from '../../math/index.js'
import { round8 } from '../../pictures/index.js'
import { roundingMargin, roundingNorm, roundingVariance } from './rounding.js'

const picture = map(torchNoise(4, [3, 100, 100]), Math.sin)
const { length: count } = picture.data

describe('roundingNorm', () => {
  it('is what rounding does to a picture', () => {
    // Errors are spread nearly evenly; where sin is flat, at −1 and 1, less so.
    const distance = norm(subtract(round8(picture), picture))
    expect(Math.abs(distance / roundingNorm(count, 256) - 1)).toBeLessThan(0.02)
    expect(distance).toBeLessThan(roundingMargin * roundingNorm(count, 256))
  })

  it.each([16, 1024])('is what rounding to %i levels does', (levels) => {
    const step = 2 / (levels - 1)
    const rounded = map(picture, (value) => Math.round((value + 1) / step) * step - 1)
    expect(Math.abs(norm(subtract(rounded, picture)) / roundingNorm(count, levels) - 1)).toBeLessThan(0.05)
  })

  it('is the root of so many variances', () => {
    expect(roundingNorm(count, 256) ** 2).toBeCloseTo(count * roundingVariance(256), 12)
  })
})
