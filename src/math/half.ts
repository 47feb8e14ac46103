/**
 * IEEE 754 half precision as bits, which is how files and ONNX Runtime hold it. Not arithmetic in half precision.
 */

/** 2⁵²: adding and subtracting it rounds a smaller number to an integer, halves to even. */
const INTEGERS = 2 ** 52
/** High words of the doubles 2⁻¹⁴ (the smallest normal half), 2¹⁶ (beyond the largest) and infinity. */
const SMALLEST_NORMAL = 0x3f100000
const TOO_LARGE = 0x40f00000
const INFINITE = 0x7ff00000

/**
 * The nearest half-precision numbers, as bits; halves go to even, from 65520 on to infinity.
 *
 * Rounds once, from double precision: going through float32 would round 1 + 2⁻¹¹ + 2⁻⁴⁰ down.
 *
 * @example
 * toHalfBits([1, -2]) // Uint16Array [0x3c00, 0xc000]
 */
export function toHalfBits(values: ArrayLike<number>): Uint16Array {
  const double = new Float64Array(1)
  // Little-endian, like every machine that Node runs on: the low word comes first.
  const words = new Uint32Array(double.buffer)
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const value = values[i]!
    double[0] = value
    const high = words[1]!
    const low = words[0]!
    const sign = (high >>> 16) & 0x8000
    const magnitude = high & 0x7fffffff
    if (magnitude < SMALLEST_NORMAL) {
      bits[i] = sign | (Math.abs(value) * 2 ** 24 + INTEGERS - INTEGERS)
    } else if (magnitude < TOO_LARGE) {
      // Exponents are offset by 1023 in a double and by 15 in a half; 10 of the high word's 20 fraction bits stay.
      const kept = (magnitude - ((1023 - 15) << 20)) >>> 10
      const rest = magnitude & 0x3ff
      const up = rest > 0x200 || (rest === 0x200 && (low !== 0 || (kept & 1) === 1))
      bits[i] = sign | (up ? kept + 1 : kept)
    } else {
      const isNotANumber = magnitude > INFINITE || (magnitude === INFINITE && low !== 0)
      bits[i] = sign | (isNotANumber ? 0x7e00 : 0x7c00)
    }
  }
  return bits
}

/**
 * The numbers that half-precision bits stand for; exact.
 *
 * @example
 * fromHalfBits(Uint16Array.of(0x3c00, 0xc000)) // Float64Array [1, -2]
 */
export function fromHalfBits(bits: Uint16Array): Float64Array {
  const values = new Float64Array(bits.length)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!
    const sign = (half & 0x8000) << 16
    const magnitude = half & 0x7fff
    if (magnitude < 0x400) {
      values[i] = (sign === 0 ? magnitude : -magnitude) * 2 ** -24
    } else {
      const exponentOffset = magnitude < 0x7c00 ? 1023 - 15 : 0x7ff - 0x1f
      words[2 * i + 1] = sign | ((magnitude << 10) + (exponentOffset << 20))
    }
  }
  return values
}
