import { expect, test } from 'vitest'
import { mix, randomFrom, xoshiro128 } from './random.js'

test('xoshiro128** gives the numbers of its authors’ C program for the state 1, 2, 3, 4', () => {
  const next = xoshiro128([1, 2, 3, 4])
  const reference = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]
  expect(Array.from(reference, next)).toEqual(reference)
})

test('numbers are uniform in [0, 1) and depend on the seed', () => {
  const count = 20_000
  const bins = new Array<number>(10).fill(0)
  const random = randomFrom(5)
  for (let i = 0; i < count; i++) bins[Math.floor(10 * random())]! += 1
  // Chi-square with 9 degrees of freedom exceeds 27.9 once in a thousand.
  const chiSquare = bins.reduce((sum, observed) => sum + (observed - count / 10) ** 2 / (count / 10), 0)
  expect(chiSquare).toBeLessThan(27.9)
  expect(randomFrom(5)()).toBe(randomFrom(5)())
  expect(randomFrom(5)()).not.toBe(randomFrom(6)())
})

test('neighbouring seeds and indices mix to different 32-bit integers', () => {
  const seen = new Set<number>()
  for (let seed = 0; seed < 100; seed++) for (let index = 0; index < 100; index++) seen.add(mix(seed * 7919, index))
  expect(seen.size).toBe(10_000)
  expect([...seen].every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true)
})
