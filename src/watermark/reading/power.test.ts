/** Power is a share of verdicts: with a calibration, of those that it supports. */
import { describe, expect, it } from 'vitest'
import { torchGenerator } from '../../math/noise.js'
import { secretOf, treeRing } from '../schemes/index.js'
import { expectedPower } from './power.js'

const shape = [4, 16, 16]
const random = torchGenerator(11)
const noises = Array.from({ length: 9 }, () => random.noise(shape))

describe('expectedPower with a calibration', () => {
  const mark = treeRing({ pattern: 'zeros' }).watermark(secretOf(new Uint8Array(32)), shape, 0)
  const power = (falsePositiveRate: number, correlation: number) =>
    expectedPower(mark, { falsePositiveRate, correlation, calibration: { noises }, trials: 40 }).share

  it('is 0 below what the calibration supports, and 1 where nothing of it is so near the mark', () => {
    expect(power(1 / 11, 1)).toBe(0)
    expect(power(1 / 10, 1)).toBe(1)
  })

  it('takes no part in marks whose p-value is exact for any picture', () => {
    const ring = treeRing({ pattern: 'ring' }).watermark(secretOf(new Uint8Array(32)), shape, 0)
    const options = { falsePositiveRate: 1e-3, correlation: 0.9, trials: 20 }
    expect(expectedPower(ring, { ...options, calibration: { noises } })).toEqual(expectedPower(ring, options))
  })
})
