/**
 * Rounding to 16-bit floating point and its bit patterns: binary16 ("half") and bfloat16.
 * Numbers stay float64 on the host; this is how a 16-bit computation is imitated, stored or read. Not arithmetic.
 */
import { once } from './once.js'
import { map, type Tensor } from './tensor.js'

/** A binary floating-point format narrower than float64, with subnormals and infinities as in IEEE 754. */
interface Format {
  readonly fractionBits: number
  readonly smallestExponent: number
  readonly largest: number
  /** The spacing of the format's numbers near a float64, by the float64's biased exponent. */
  readonly spacing: Float64Array
  /** The spacing by the format's own biased exponent. */
  readonly ownSpacing: Float64Array
}

function makeFormat(fractionBits: number, smallestExponent: number): Format {
  const spacing = Float64Array.from({ length: 2048 }, (_, biased) => {
    return 2 ** (Math.max(biased - 1023, smallestExponent) - fractionBits)
  })
  const ownSpacing = Float64Array.from({ length: 1 << (15 - fractionBits) }, (_, biased) => {
    return 2 ** (Math.max(biased, 1) - 1 + smallestExponent - fractionBits)
  })
  const largest = (2 - 2 ** -fractionBits) * 2 ** (1 - smallestExponent)
  return { fractionBits, smallestExponent, largest, spacing, ownSpacing }
}

const binary16 = once(() => makeFormat(10, -14))
const bfloat16 = once(() => makeFormat(7, -126))

const double = new Float64Array(1)
/** Little-endian, as every machine that JavaScript runs on: the high word comes second. */
const words = new Uint32Array(double.buffer)

function biasedExponentOf(value: number): number {
  double[0] = value
  return (words[1]! >>> 20) & 0x7ff
}

/** To the nearest number of the format, ties to even, in one rounding. */
function round(value: number, { largest, spacing }: Format): number {
  const magnitude = Math.abs(value)
  if (!(magnitude < 2 * largest)) return value * Number.POSITIVE_INFINITY
  // At 2^52 spacings the spacing of float64 is the format's: the addition itself rounds, ties to even.
  const shift = 2 ** 52 * spacing[biasedExponentOf(value)]!
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
  const format = binary16()
  return typeof x === 'number' ? round(x, format) : map(x, (value) => round(value, format))
}

/**
 * The binary16 bit patterns of numbers, rounded to nearest even; NaN becomes the quiet NaN 0x7e00.
 *
 * @example toHalfBits([1, -2]) // Uint16Array [0x3c00, 0xc000]
 */
export const toHalfBits = (values: ArrayLike<number>): Uint16Array => toBits(values, binary16())

/**
 * The numbers that binary16 bit patterns stand for, exactly.
 *
 * @example fromHalfBits([0x3555]) // Float64Array [0.333251953125]
 */
export const fromHalfBits = (bits: ArrayLike<number>): Float64Array => fromBits(bits, binary16())

/**
 * The bfloat16 bit patterns of numbers, rounded to nearest even; NaN becomes the quiet NaN 0x7fc0.
 *
 * @example toBfloat16Bits([1, -2]) // Uint16Array [0x3f80, 0xc000]
 */
export const toBfloat16Bits = (values: ArrayLike<number>): Uint16Array => toBits(values, bfloat16())

/**
 * The numbers that bfloat16 bit patterns stand for, exactly.
 *
 * @example fromBfloat16Bits([0x4049]) // Float64Array [3.140625]
 */
export const fromBfloat16Bits = (bits: ArrayLike<number>): Float64Array => fromBits(bits, bfloat16())

/** Sign bit, biased exponent, fraction: the exponent 0 is for subnormals, the largest for infinity and NaN. */
function toBits(values: ArrayLike<number>, format: Format): Uint16Array {
  const { fractionBits, smallestExponent, spacing } = format
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
      const biased = biasedExponentOf(magnitude)
      const exponent = Math.max(biased - 1023 - smallestExponent, 0)
      bits[i] = sign | ((exponent << fractionBits) + magnitude / spacing[biased]!)
    }
  }
  return bits
}

function fromBits(bits: ArrayLike<number>, { fractionBits, ownSpacing }: Format): Float64Array {
  const values = new Float64Array(bits.length)
  const fractionMask = (1 << fractionBits) - 1
  const exponentMask = 0x7fff >>> fractionBits
  for (let i = 0; i < values.length; i++) {
    const exponent = (bits[i]! >>> fractionBits) & exponentMask
    const fraction = bits[i]! & fractionMask
    const leading = exponent === 0 ? 0 : fractionMask + 1
    const finite = (leading + fraction) * ownSpacing[exponent]!
    const magnitude = exponent < exponentMask ? finite : fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN
    values[i] = bits[i]! & 0x8000 ? -magnitude : magnitude
  }
  return values
}
