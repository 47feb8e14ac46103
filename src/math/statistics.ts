/** Summaries of samples: location, spread, confidence, a straight line. `bad-option` for samples that are too small. */
import { expected } from '../core/errors.js'
import { incompleteBeta } from './special.js'

function atLeast(count: number, values: ArrayLike<number>, name: string): void {
  if (values.length < count)
    throw expected('bad-option', `at least ${count} values`, name, `${values.length}`, 'Pass more of them.')
}

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0)

/** Σ xᵢ / n. */
export function mean(values: ArrayLike<number>): number {
  atLeast(1, values, 'mean')
  return sum(values) / values.length
}

/** The unbiased variance Σ (xᵢ − x̄)² / (n − 1). */
export function variance(values: ArrayLike<number>): number {
  atLeast(2, values, 'variance')
  const centre = mean(values)
  return sum(Array.from(values, (value) => (value - centre) ** 2)) / (values.length - 1)
}

/** The share of Student's t distribution below `t`. Source: Abramowitz and Stegun, 26.7.1. */
export function studentTCdf(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
  return t > 0 ? 1 - tail : tail
}

/** The t of which a share `probability` of Student's distribution is below, by bisection to rounding. */
export function studentTQuantile(probability: number, degrees: number): number {
  if (!(probability > 0 && probability < 1 && degrees > 0)) {
    const what = 'a probability in (0, 1) and positive degrees'
    throw expected('bad-option', what, "Student's distribution", `${probability} and ${degrees}`, 'Check both.')
  }
  let high = 1
  while (studentTCdf(high, degrees) < Math.max(probability, 1 - probability)) high *= 2
  let low = 0
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentTCdf(middle, degrees) < Math.max(probability, 1 - probability)) low = middle
    else high = middle
  }
  return probability < 0.5 ? -low : low
}

export interface Interval {
  readonly mean: number
  /** The interval is mean ± halfWidth. */
  readonly halfWidth: number
}

/**
 * The mean and its 95 % confidence interval, x̄ ± t₀.₉₇₅(n − 1)·s/√n, for values that are nearly normal.
 *
 * Source: Student, 1908. For large n the factor is 1.96.
 *
 * @example confidenceInterval([-20.1, -21.4, -19.8]) // { mean: -20.43, halfWidth: 2.11 }
 */
export function confidenceInterval(values: ArrayLike<number>): Interval {
  atLeast(2, values, 'a confidence interval')
  const factor = studentTQuantile(0.975, values.length - 1)
  return { mean: mean(values), halfWidth: factor * Math.sqrt(variance(values) / values.length) }
}

/** The 97.5 % quantile of the standard normal distribution. */
const normalQuantile = 1.959963984540054

/**
 * The 95 % confidence interval of a probability of which `successes` of `count` independent trials are known.
 *
 * (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²))/(1 + z²/n), p = successes/n, z = 1.96: never outside [0, 1], and of use for 0
 * and n successes too. `bad-option` where the counts are not whole numbers with 0 ≤ successes ≤ count and count ≥ 1.
 * Source: Wilson, 1927; Newcombe, 1998, method 3.
 *
 * @example wilsonInterval(81, 263) // { low: 0.2553, high: 0.3662 }
 */
export function wilsonInterval(successes: number, count: number): { readonly low: number; readonly high: number } {
  const whole = Number.isInteger(successes) && Number.isInteger(count)
  if (!whole || count < 1 || successes < 0 || successes > count) {
    const what = 'whole numbers 0 ≤ successes ≤ count, count ≥ 1,'
    throw expected('bad-option', what, 'an interval', `${successes} of ${count}`, 'Check both.')
  }
  const share = successes / count
  const spread = normalQuantile ** 2 / count
  const middle = (share + spread / 2) / (1 + spread)
  const half = Math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) }
}

/** The value below which a share of the sample lies, between neighbours by straight line, as NumPy's default. */
export function quantile(values: ArrayLike<number>, share: number): number {
  atLeast(1, values, 'a quantile')
  if (!(share >= 0 && share <= 1))
    throw expected('bad-option', 'a share from 0 to 1', 'a quantile', `${share}`, 'Percents are hundredths.')
  const sorted = Float64Array.from(values).sort()
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return position === below ? low : low + (position - below) * (high - low)
}

/** The middle value, or the mean of the two in the middle. */
export const median = (values: ArrayLike<number>): number => quantile(values, 0.5)

export interface Line {
  readonly slope: number
  readonly intercept: number
  /** Pearson's correlation of x and y; 0 when y does not vary. */
  readonly correlation: number
}

/**
 * The straight line y ≈ slope·x + intercept with the smallest sum of squared errors.
 *
 * Throws `bad-option` when the lengths differ or x does not vary.
 *
 * @example fitLine([1, 2, 3], [2, 4, 6]) // { slope: 2, intercept: 0, correlation: 1 }
 */
export function fitLine(x: ArrayLike<number>, y: ArrayLike<number>): Line {
  atLeast(2, x, 'a line')
  if (x.length !== y.length)
    throw expected('bad-option', 'as many y as x', 'a line', `${y.length} and ${x.length}`, 'Pass pairs.')
  const centre = { x: mean(x), y: mean(y) }
  const offsets = Array.from(x, (value, i) => ({ x: value - centre.x, y: y[i]! - centre.y }))
  const squares = sum(offsets.map((offset) => offset.x ** 2))
  const products = sum(offsets.map((offset) => offset.x * offset.y))
  if (squares === 0) throw expected('bad-option', 'x values that differ', 'a line', `${x[0]} only`, 'Pass others.')
  const spread = Math.sqrt(squares * sum(offsets.map((offset) => offset.y ** 2)))
  const slope = products / squares
  return { slope, intercept: centre.y - slope * centre.x, correlation: spread === 0 ? 0 : products / spread }
}
