import { expect, test } from 'vitest'
import { torchNoise } from '../math/noise.js'
import { otsuThreshold } from './otsu.js'

test('parts two groups, however many are in each, and does not mind units', () => {
  const noise = torchNoise(1, [200]).data
  const values = [...noise].map((value, i) => (i < 20 ? 10 : 0) + 0.5 * value)
  const threshold = otsuThreshold(values)
  expect(values.filter((value) => value > threshold)).toEqual(values.slice(0, 20))
  const scaled = values.map((value) => 1e-3 * value - 7)
  expect(scaled.filter((value) => value > otsuThreshold(scaled))).toEqual(scaled.slice(0, 20))
})

test('is the best of all splits, by trying them', () => {
  const values = [...torchNoise(2, [40]).data]
  const sorted = values.toSorted((a, b) => a - b)
  const mean = (some: readonly number[]) => some.reduce((sum, value) => sum + value, 0) / some.length
  const between = (count: number) =>
    count * (40 - count) * (mean(sorted.slice(0, count)) - mean(sorted.slice(count))) ** 2
  const best = Array.from({ length: 39 }, (_, k) => k + 1).sort((a, b) => between(b) - between(a))[0]!
  expect(otsuThreshold(values)).toBe((sorted[best - 1]! + sorted[best]!) / 2)
})

test('finds nothing above a constant, and refuses an empty sample', () => {
  expect(otsuThreshold([3, 3, 3])).toBe(3)
  expect(() => otsuThreshold([])).toThrow('at least one value')
})
