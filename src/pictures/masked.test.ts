/** What is measured across the edge of a mask. */
import { expect, it } from 'vitest'
import { map, zeros } from '../math/tensor.js'
import { seamLevels } from './masked.js'

const levels = 2 / 255
const mask = map(zeros([1, 8, 8]), (_, i) => (i % 8 < 4 ? 1 : 0))
/** A slope from left to right, so many levels higher inside by so many columns from the edge on. */
const picture = (higher: number, from = 0) =>
  map(zeros([3, 8, 8]), (_, i) => levels * (2 * (i % 8) - (i % 8 < 4 - from ? higher : 0)))

it('is how much larger steps are than in the reference, as deep as is looked', () => {
  expect(seamLevels(mask, picture(0), picture(0), 1)).toBe(0)
  expect(seamLevels(mask, picture(20), picture(0), 1)).toBeCloseTo(20)
  // A seam that is wider than it is looked deep is not seen, and one that the reference has is not counted.
  expect(seamLevels(mask, picture(20, 2), picture(0), 1)).toBe(0)
  expect(seamLevels(mask, picture(20, 2), picture(0), 3)).toBeCloseTo(20)
  expect(seamLevels(mask, picture(0), picture(20), 1)).toBe(0)
  expect(seamLevels(zeros([1, 8, 8]), picture(20), picture(0), 1)).toBe(0)
})
