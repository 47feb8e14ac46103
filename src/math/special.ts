/** Special functions that statistics needs: ln Γ, the regularised incomplete gamma and beta functions, the inverse of the latter. */

/** Lanczos coefficients for g = 7, n = 9, good to 1e-15 (Godfrey). */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** ln Γ(x) for x > 0. Source: Lanczos, 1964. */
export function logGamma(x: number): number {
  const shifted = x + 6.5
  const series = lanczos.reduce((sum, coefficient, i) => sum + (i === 0 ? coefficient : coefficient / (x + i - 1)), 0)
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(shifted) - shifted + Math.log(series)
}

/**
 * I_x(a, b), the share of the beta distribution below x, for a, b > 0 and 0 ≤ x ≤ 1.
 *
 * Source: the continued fraction of DLMF 8.17.22, evaluated by Lentz's method, on the side where it converges fast.
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (Number.isNaN(x)) return Number.NaN
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  const tiny = 1e-300
  let c = 1
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1), tiny)
  let fraction = d
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let change = 1
    for (const term of [even, odd]) {
      d = 1 / notZero(1 + term * d, tiny)
      c = notZero(1 + term / c, tiny)
      change = c * d
      fraction *= change
    }
    if (Math.abs(change - 1) < 1e-15) break
  }
  return (front * fraction) / a
}

/** The x with I_x(a, b) = share, for a, b > 0 and 0 ≤ share ≤ 1: by halving, to the last digits. */
export function inverseIncompleteBeta(share: number, a: number, b: number): number {
  if (share <= 0) return 0
  if (share >= 1) return 1
  // Near 1 there are no digits left: what is missing to it has them.
  if (share > 0.5) return 1 - inverseIncompleteBeta(1 - share, b, a)
  // In ln x, so that a small x has digits too.
  let [low, high] = [Math.log(Number.MIN_VALUE), 0]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (incompleteBeta(Math.exp(middle), a, b) < share) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
}

const notZero = (value: number, tiny: number): number => (Math.abs(value) < tiny ? tiny : value)

/**
 * P(a, x) and Q(a, x) = 1 − P(a, x), the shares of the gamma distribution below and above x, for a > 0 and x ≥ 0; each
 * with full relative accuracy where it is small.
 *
 * Source: the series DLMF 8.11.4 for x < a + 1, otherwise the continued fraction 8.9.2 by Lentz's method.
 */
export function incompleteGamma(a: number, x: number): { readonly lower: number; readonly upper: number } {
  if (Number.isNaN(x)) return { lower: Number.NaN, upper: Number.NaN }
  if (x <= 0) return { lower: 0, upper: 1 }
  if (x === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 }
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 100_000 && term > sum * 1e-17; n++) {
      term *= x / (a + n)
      sum += term
    }
    const lower = Math.min(1, front * sum)
    return { lower, upper: 1 - lower }
  }
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / notZero(b, tiny)
  let fraction = d
  for (let n = 1; n < 100_000; n++) {
    const numerator = -n * (n - a)
    b += 2
    d = 1 / notZero(numerator * d + b, tiny)
    c = notZero(b + numerator / c, tiny)
    const change = c * d
    fraction *= change
    if (Math.abs(change - 1) < 1e-15) break
  }
  const upper = Math.min(1, front * fraction)
  return { lower: 1 - upper, upper }
}
