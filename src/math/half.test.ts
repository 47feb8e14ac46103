import { describe, expect, it } from 'vitest'
import { fromHalfBits, toHalfBits } from './half.js'

/** Bits of the positive halves from 0 to infinity, in order. */
const INFINITE = 0x7c00
const positive = Uint16Array.from({ length: INFINITE + 1 }, (_, bits) => bits)

/** The definition of IEEE 754 binary16. */
const meaning = (bits: number): number => {
  const exponent = bits >> 10
  const fraction = (bits & 0x3ff) / 1024
  if (exponent === 31) return fraction === 0 ? Infinity : NaN
  return exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15)
}

describe('half precision', () => {
  it('gives every bit pattern its meaning, of either sign', () => {
    expect([...fromHalfBits(positive)]).toEqual([...positive].map(meaning))
    expect([...fromHalfBits(positive.map((bits) => bits | 0x8000))]).toEqual(
      [...positive].map((bits) => -meaning(bits)),
    )
    expect([...fromHalfBits(Uint16Array.of(0x7c01, 0x7e00, 0xffff))]).toEqual([NaN, NaN, NaN])
  })

  it('gives every half its bits back, of either sign', () => {
    expect(toHalfBits(fromHalfBits(positive))).toEqual(positive)
    const negative = positive.map((bits) => bits | 0x8000)
    expect(toHalfBits(fromHalfBits(negative))).toEqual(negative)
    expect([...toHalfBits([NaN, -NaN])].every((bits) => (bits & 0x7fff) > INFINITE)).toBe(true)
  })

  it('rounds to the nearest, between all neighbours, halves to even', () => {
    // The largest finite half's upper neighbour would be 2^16 if the exponent went on: from the middle on, infinity.
    const values = [...fromHalfBits(positive.slice(0, -1)), 2 ** 16]
    for (let below = 0; below < INFINITE; below++) {
      const [a, b] = [values[below]!, values[below + 1]!]
      const middle = (a + b) / 2
      const even = below % 2 === 0 ? below : below + 1
      // 1 part in 2^40 is far below what float32 resolves: a detour through it would round twice.
      const cases = [middle * (1 - 2 ** -40), middle, middle * (1 + 2 ** -40)]
      expect([...toHalfBits(cases)]).toEqual([below, even, below + 1])
      expect([...toHalfBits(cases.map((x) => -x))]).toEqual([below | 0x8000, even | 0x8000, (below + 1) | 0x8000])
    }
  })

  it('sends numbers too large to infinity and numbers too small to zero', () => {
    expect([...toHalfBits([1e300, -1e300, Infinity, 1e-300, -1e-300])]).toEqual([0x7c00, 0xfc00, 0x7c00, 0, 0x8000])
  })
})
