import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBfloat16Bits, toBfloat16Bits } from './bfloat16.js'

const round = (value: number) => fromBfloat16Bits(toBfloat16Bits([value]))[0]!

test('every bfloat16 number keeps its bits', () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i)
  const values = fromBfloat16Bits(all)
  const back = toBfloat16Bits(values)
  for (let i = 0; i < all.length; i++) {
    if (Number.isNaN(values[i])) expect(back[i]).toBe(0x7fc0)
    else if (back[i] !== all[i]) throw new Error(`${i} became ${back[i]}`)
  }
})

test('the nearest of two neighbours, ties to the even one', () => {
  // 1 and 1 + 2⁻⁷ are neighbours; the even one of a pair has a last bit of 0.
  expect(round(1 + 2 ** -8)).toBe(1)
  expect(round(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6)
  expect(round(1 + 2 ** -8 + 2 ** -45)).toBe(1 + 2 ** -7)
  expect(round(-(1 + 2 ** -8 + 2 ** -45))).toBe(-(1 + 2 ** -7))
  expect(round(1 + 2 ** -8 - 2 ** -45)).toBe(1)
  expect(round(2 ** -133)).toBe(2 ** -133)
  expect(round(2 ** -134)).toBe(0)
  expect(round(2 ** -134 * (1 + 2 ** -30))).toBe(2 ** -133)
})

test('beyond the largest is infinity; zero keeps its sign', () => {
  const largest = (2 - 2 ** -7) * 2 ** 127
  expect(round(largest + 2 ** 118)).toBe(largest)
  expect(round(largest + 2 ** 119)).toBe(Number.POSITIVE_INFINITY)
  expect(round(-1e300)).toBe(Number.NEGATIVE_INFINITY)
  expect(Object.is(round(-1e-300), -0)).toBe(true)
})

test('no other bfloat16 number is nearer', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e38, max: 1e38, noNaN: true }), (value) => {
      const bits = toBfloat16Bits([value])[0]!
      const [own, below, above] = fromBfloat16Bits(Uint16Array.of(bits, bits - 1, bits + 1))
      const distance = Math.abs(value - own!)
      for (const other of [below!, above!]) {
        if (Number.isFinite(other)) expect(Math.abs(value - other)).toBeGreaterThanOrEqual(distance)
      }
    }),
  )
})
