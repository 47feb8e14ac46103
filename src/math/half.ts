/**
 * Rounding to 16-bit floating point and its bit patterns: binary16 ("half") and bfloat16.
 * Numbers stay float64 on the host; this is how a 16-bit computation is imitated, stored or read. Not arithmetic.
 */
import { map, type Tensor } from './tensor.js'

/** A binary floating-point format narrower than float64, with subnormals and infinities as in IEEE 754. */
interface Format {
  readonly fractionBits: number
  readonly smallestExponent: number
  readonly largest: number
}

const binary16: Format = { fractionBits: 10, smallestExponent: -14, largest: 65504 }
const bfloat16: Format = { fractionBits: 7, smallestExponent: -126, largest: (2 - 2 ** -7) * 2 ** 127 }

const scratch = new DataView(new ArrayBuffer(8))

/** floor(log2 |value|) of a normal float64; below −1022 for everything smaller. */
function exponentOf(value: number): number {
  scratch.setFloat64(0, value)
  return ((scratch.getUint16(0) >>> 4) & 0x7ff) - 1023
}

/** To the nearest number of the format, ties to even, in one rounding. */
function round(value: number, { fractionBits, smallestExponent, largest }: Format): number {
  const magnitude = Math.abs(value)
  if (!(magnitude < 2 * largest)) return value * Number.POSITIVE_INFINITY
  const quantum = 2 ** (Math.max(exponentOf(value), smallestExponent) - fractionBits)
  // At 2^52 quanta the spacing of float64 is one quantum: the addition itself rounds, ties to even.
  const shift = 2 ** 52 * quantum
  const rounded = magnitude + shift - shift
  const result = rounded > largest ? Number.POSITIVE_INFINITY : rounded
  return value < 0 || Object.is(value, -0) ? -result : result
}

/**
 * Rounds to the nearest binary16 number, ties to even; subnormals below 2⁻¹⁴, infinity from 65520.
 *
 * One rounding from float64. Rounding the float64 result of one +, −, ×, ÷ or √ of half numbers gives what half
 * arithmetic gives. Source: IEEE 754-2019, 3.4 and 4.3.1.
 *
 * @example roundHalf(0.1) // 0.0999755859375
 */
export function roundHalf(x: number): number
export function roundHalf(x: Tensor): Tensor
export function roundHalf(x: number | Tensor): number | Tensor {
  return typeof x === 'number' ? round(x, binary16) : map(x, (value) => round(value, binary16))
}

/**
 * The binary16 bit patterns of numbers, rounded to nearest even; NaN becomes the quiet NaN 0x7e00.
 *
 * @example toHalfBits([1, -2]) // Uint16Array [0x3c00, 0xc000]
 */
export const toHalfBits = (values: ArrayLike<number>): Uint16Array => toBits(values, binary16)

/**
 * The numbers that binary16 bit patterns stand for, exactly.
 *
 * @example fromHalfBits([0x3555]) // Float64Array [0.333251953125]
 */
export const fromHalfBits = (bits: ArrayLike<number>): Float64Array => fromBits(bits, binary16)

/**
 * The bfloat16 bit patterns of numbers, rounded to nearest even; NaN becomes the quiet NaN 0x7fc0.
 *
 * @example toBfloat16Bits([1, -2]) // Uint16Array [0x3f80, 0xc000]
 */
export const toBfloat16Bits = (values: ArrayLike<number>): Uint16Array => toBits(values, bfloat16)

/**
 * The numbers that bfloat16 bit patterns stand for, exactly.
 *
 * @example fromBfloat16Bits([0x4049]) // Float64Array [3.140625]
 */
export const fromBfloat16Bits = (bits: ArrayLike<number>): Float64Array => fromBits(bits, bfloat16)

/** Sign bit, biased exponent, fraction: the exponent 0 is for subnormals, the largest for infinity and NaN. */
function toBits(values: ArrayLike<number>, format: Format): Uint16Array {
  const { fractionBits, smallestExponent } = format
  const infinity = (0x7fff >>> fractionBits) << fractionBits
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const value = round(values[i]!, format)
    const magnitude = Math.abs(value)
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
    if (Number.isNaN(value)) bits[i] = infinity | (1 << (fractionBits - 1))
    else if (magnitude === Number.POSITIVE_INFINITY) bits[i] = sign | infinity
    else {
      // The leading bit of a normal fraction carries into the exponent field, so subnormals need no case of their own.
      const exponent = Math.max(exponentOf(magnitude), smallestExponent)
      bits[i] = sign | (((exponent - smallestExponent) << fractionBits) + magnitude / 2 ** (exponent - fractionBits))
    }
  }
  return bits
}

function fromBits(bits: ArrayLike<number>, { fractionBits, smallestExponent }: Format): Float64Array {
  const values = new Float64Array(bits.length)
  const fractionMask = (1 << fractionBits) - 1
  const exponentMask = 0x7fff >>> fractionBits
  for (let i = 0; i < values.length; i++) {
    const sign = bits[i]! & 0x8000 ? -1 : 1
    const exponent = (bits[i]! >>> fractionBits) & exponentMask
    const fraction = bits[i]! & fractionMask
    if (exponent === exponentMask) values[i] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    else {
      const significand = exponent === 0 ? fraction : fraction + fractionMask + 1
      values[i] = sign * significand * 2 ** (Math.max(exponent, 1) - 1 + smallestExponent - fractionBits)
    }
  }
  return values
}
