/**
 * What numpy and torch compute where diffusers makes its grids. Told times are cut to whole numbers there, so the last
 * bit of a float32 decides between 998 and 999. Not exact: torch's square root, whose last bit depends on the processor.
 */

export const float32 = Math.fround

export const series = <T>(count: number, f: (k: number) => T): T[] => Array.from({ length: count }, (_, k) => f(k))

/** numpy.linspace: `count` numbers from `start` to `end`, both included. */
export function linspace(start: number, end: number, count: number): number[] {
  const step = (end - start) / (count - 1)
  return series(count, (k) => (k > 0 && k === count - 1 ? end : start + (count === 1 ? 0 : k * step)))
}

/** torch.linspace in float32, counted from both ends. */
export function linspace32(start: number, end: number, count: number): number[] {
  const [first, last] = [float32(start), float32(end)]
  if (count === 1) return [first]
  const step = float32(float32(last - first) / (count - 1))
  const half = Math.floor(count / 2)
  return series(count, (k) => float32(k < half ? first + step * k : last - step * (count - 1 - k)))
}

/** numpy.arange(start, 0, −step): numbers above 0, or one that rounding left. */
export function descending(start: number, step: number): number[] {
  const delta = start - step - start
  return series(Math.ceil((0 - start) / -step), (k) => start + k * delta)
}

/** Halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** numpy.interp between the entries of a table, at fractional indices; the ends beyond them. */
export function interpolated(table: readonly number[], at: number): number {
  const last = table.length - 1
  if (at <= 0) return table[0]!
  if (at >= last) return table[last]!
  const below = Math.floor(at)
  return (table[below + 1]! - table[below]!) * (at - below) + table[below]!
}

const above = [
  0, 0.9999999999999999, 2.112677543073053, 1.4800006335765066, 0.3808837741388408, 0.025899791179079226,
].map(float32)
const below = [
  1, 2.6126775430731093, 2.453006071784736, 0.9864942958519419, 0.15464763749839067, 0.005875095403124574,
].map(float32)
const ln2 = float32(Math.LN2)

/** numpy.log of a positive float32, which can be wrong in its last two bits: a rational function of the mantissa. */
export function log32(value: number): number {
  let exponent = Math.floor(Math.log2(value)) + 1
  let mantissa = value / 2 ** exponent
  if (mantissa >= 1) [mantissa, exponent] = [mantissa / 2, exponent + 1]
  if (mantissa <= Math.SQRT1_2) [mantissa, exponent] = [mantissa * 2, exponent - 1]
  const y = float32(mantissa - 1)
  const horner = (coefficients: readonly number[]) =>
    coefficients.reduceRight((sum, coefficient) => float32(sum * y + coefficient))
  return float32(exponent * ln2 + float32(horner(above) / horner(below)))
}
