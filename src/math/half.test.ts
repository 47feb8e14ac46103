import { describe, expect, it } from 'vitest'
import { fromBfloat16Bits, fromHalfBits, roundHalf, toBfloat16Bits, toHalfBits } from './half.js'
import { tensor } from './tensor.js'

const allBits = Uint16Array.from({ length: 65536 }, (_, i) => i)

describe('binary16', () => {
  it('has the bit patterns of IEEE 754', () => {
    const known: [number, number][] = [
      [0, 0x0000],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [0.1, 0x2e66],
      [1 / 3, 0x3555],
      [65504, 0x7bff],
      [2 ** -14, 0x0400],
      [2 ** -24, 0x0001],
      [Number.POSITIVE_INFINITY, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
    ]
    for (const [value, bits] of known) expect([...toHalfBits([value])]).toEqual([bits])
    expect(toHalfBits([Number.NaN])[0]).toBe(0x7e00)
  })

  it('returns every pattern unchanged', () => {
    const values = fromHalfBits(allBits)
    const bits = toHalfBits(values)
    expect(allBits.filter((pattern) => !Number.isNaN(values[pattern]!) && bits[pattern] !== pattern)).toHaveLength(0)
    expect(values.filter(Number.isNaN).length).toBe(2 * 1023)
  })

  it('rounds midpoints to even and everything else to the nearest, all finite neighbours', () => {
    const values = fromHalfBits(allBits.subarray(0, 0x7c00))
    const wrong = [...values.subarray(1)].filter((high, i) => {
      const low = values[i]!
      const middle = (low + high) / 2
      const nudge = (high - low) * 2 ** -30
      const tie = roundHalf(middle) === (i % 2 === 0 ? low : high)
      return !(tie && roundHalf(middle - nudge) === low && roundHalf(-middle - nudge) === -high)
    })
    expect(wrong).toEqual([])
  })

  it('overflows from 65520 and underflows at 2^-25', () => {
    expect(roundHalf(65519.999999)).toBe(65504)
    expect(roundHalf(65520)).toBe(Number.POSITIVE_INFINITY)
    expect(roundHalf(-1e300)).toBe(Number.NEGATIVE_INFINITY)
    expect(roundHalf(2 ** -25)).toBe(0)
    expect(roundHalf(2 ** -25 * (1 + 2 ** -50))).toBe(2 ** -24)
    expect(roundHalf(-Number.MIN_VALUE)).toBe(-0)
    expect(roundHalf(Number.NaN)).toBeNaN()
  })

  it('rounds tensors entry by entry', () => {
    const rounded = roundHalf(tensor([2], [0.1, 1e9]))
    expect([...rounded.data]).toEqual([0.0999755859375, Number.POSITIVE_INFINITY])
    expect(rounded.shape).toEqual([2])
  })
})

describe('bfloat16', () => {
  it('is the upper half of float32, ties to even', () => {
    // For numbers that are float32 already, adding 0x7fff plus the last kept bit and truncating is the rounding.
    const word = new DataView(new ArrayBuffer(4))
    const values = Array.from({ length: 4000 }, (_, i) => Math.fround((i % 2 ? -1 : 1) * 1.0137 ** (i - 2000) * 1.1))
    const ties = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 2 ** -133, 2 ** -134, 3.4e38].map(Math.fround)
    for (const value of [...values, ...ties]) {
      word.setFloat32(0, value)
      const bits = word.getUint32(0)
      expect(toBfloat16Bits([value])[0]).toBe(((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff)
    }
  })

  it('returns every pattern unchanged', () => {
    const values = fromBfloat16Bits(allBits)
    const bits = toBfloat16Bits(values)
    expect(allBits.filter((pattern) => !Number.isNaN(values[pattern]!) && bits[pattern] !== pattern)).toHaveLength(0)
    expect(values[0x4049]).toBe(3.140625)
  })
})
