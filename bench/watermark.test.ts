import { binomialInterval, torchGenerator } from 'undiffuse'
import { describe, expect, it } from 'vitest'
import { perfectRecovery, publishedSide } from './three-keys.js'
import { areaUnderCurve } from './watermark-attacks.js'
import { rankInterval } from './watermark-null.js'

describe('the three published keys', () => {
  it('cannot all be told apart with the released mask, and are with the centred one', () => {
    const shape = [4, publishedSide, publishedSide]
    expect(perfectRecovery('released', shape, 20).confusion).toEqual([
      [0, 20, 0],
      [0, 20, 0],
      [0, 0, 20],
    ])
    expect(perfectRecovery('centred', shape, 20).accuracy).toBe(1)
  })
})

describe('areaUnderCurve', () => {
  it('is the share of pairs in the right order, equal ones half', () => {
    expect(areaUnderCurve([3, 2], [1, 0]).mean).toBe(1)
    expect(areaUnderCurve([1, 3], [2, 0]).mean).toBe(0.75)
    expect(areaUnderCurve([1, 1], [1, 1]).mean).toBe(0.5)
  })

  it('has an interval that holds the true area about 95 times of 100', () => {
    const random = torchGenerator(5)
    // Φ(1/√2), of two normal distributions one deviation apart.
    const truth = 0.7602499389
    let within = 0
    for (let i = 0; i < 300; i++) {
      const without = random.noise([40]).data
      const marked = random.noise([40]).data.map((value) => value + 1)
      const { mean, halfWidth } = areaUnderCurve([...marked], [...without])
      if (Math.abs(mean - truth) <= halfWidth) within++
    }
    const { low } = binomialInterval(300, 0.93, 0.999)
    expect(within).toBeGreaterThanOrEqual(low)
  })
})

describe('rankInterval', () => {
  it('is about the binomial one, and no less', () => {
    const interval = rankInterval(400)
    for (const rate of [0.05, 0.1]) {
      const { low, high } = interval(rate)
      expect(low).toBeLessThanOrEqual(400 * rate)
      expect(high).toBeGreaterThanOrEqual(400 * rate)
      expect(high - low).toBeLessThan(100)
    }
    // Two hundred support no p-value below 1/201.
    expect(interval(0.001)).toEqual({ low: 0, high: 0 })
  })
})
