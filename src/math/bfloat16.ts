/** bfloat16 as bits: the upper half of a float32. Not IEEE half precision, which is in half.ts. */

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)

/**
 * The nearest bfloat16 numbers, as bits; halves go to even, numbers beyond the largest to infinity.
 *
 * Rounds once, from double precision: the float32 on the way is rounded to odd, which keeps every later tie honest.
 *
 * @example
 * toBfloat16Bits([1, -2]) // Uint16Array [0x3f80, 0xc000]
 */
export function toBfloat16Bits(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const value = values[i]!
    float[0] = value
    const rounded = float[0]
    if (Number.isNaN(value)) {
      bits[i] = 0x7fc0
      continue
    }
    const towardsZero = floatBits[0]! - (Math.abs(rounded) > Math.abs(value) ? 1 : 0)
    const odd = towardsZero | (rounded === value ? 0 : 1)
    bits[i] = (odd + 0x7fff + ((odd >>> 16) & 1)) >>> 16
  }
  return bits
}

/** The numbers that bfloat16 bits stand for; exact. */
export function fromBfloat16Bits(bits: Uint16Array): Float64Array {
  const values = new Float64Array(bits.length)
  for (let i = 0; i < values.length; i++) {
    floatBits[0] = bits[i]! << 16
    values[i] = float[0]!
  }
  return values
}
