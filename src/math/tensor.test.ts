import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distance, isFinite as isFiniteTensor, norm, subtract, tensor, zeros } from './tensor.js'

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 })

describe('distance', () => {
  it('is the norm of the difference, to the bit', () => {
    fc.assert(
      fc.property(numbers, fc.integer(), (values, shift) => {
        const a = tensor([values.length], values)
        const b = tensor(
          [values.length],
          values.toReversed().map((value) => value / 3 + shift),
        )
        expect(distance(a, b)).toBe(norm(subtract(a, b)))
      }),
    )
  })

  it('is refused between shapes that differ', () => {
    expect(() => distance(zeros([2, 3]), zeros([3, 2]))).toThrow(/one shape for distance, got 2×3 and 3×2/)
  })
})

describe('isFinite', () => {
  it('sees one number that is not, wherever it is', () => {
    const bad = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
    fc.assert(
      fc.property(numbers, bad, fc.nat(), (values, value, place) => {
        expect(isFiniteTensor(tensor([values.length], values))).toBe(true)
        const spoilt = tensor([values.length], values.with(place % values.length, value))
        expect(isFiniteTensor(spoilt)).toBe(false)
      }),
    )
  })
})
