/**
 * Shares and tails of distributions that tests are made of, accurate in the tails: a p-value of 1e-30 has digits. Not
 * fitting, and no sampling.
 */
import { expected } from '../core/errors.js'
import { integralOfBump } from './bump.js'
import { incompleteBeta, incompleteGamma, logGamma } from './special.js'

/** The share of the standard normal distribution below z. */
export function normalCdf(z: number): number {
  const half = z * z * 0.5
  return z < 0 ? incompleteGamma(0.5, half).upper / 2 : (1 + incompleteGamma(0.5, half).lower) / 2
}

const central = {
  above: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  below: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852546,
  ],
}
const near = {
  above: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  below: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
}
const far = {
  above: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  below: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
}

function ratio({ above, below }: typeof central, x: number): number {
  let [top, bottom] = [0, 0]
  for (let i = 7; i >= 0; i--) {
    top = top * x + above[i]!
    bottom = bottom * x + below[i]!
  }
  return top / bottom
}

/**
 * The z of which a share p of the standard normal distribution is below, to 1e-16 relative; ±Infinity at 0 and 1.
 *
 * Source: Wichura, 1988, algorithm AS 241, PPND16.
 *
 * @example normalQuantile(0.975) // 1.96
 */
export function normalQuantile(p: number): number {
  const offset = p - 0.5
  if (Math.abs(offset) <= 0.425) return offset * ratio(central, 0.180625 - offset * offset)
  const tail = Math.min(p, 1 - p)
  if (!(tail > 0)) return p < 0.5 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const root = Math.sqrt(-Math.log(tail))
  const z = root <= 5 ? ratio(near, root - 1.6) : ratio(far, root - 5)
  return offset < 0 ? -z : z
}

/** P(X ≤ x) of a χ² variable of d degrees. */
export const chiSquareCdf = (x: number, degrees: number): number =>
  x <= 0 ? 0 : incompleteGamma(degrees / 2, x / 2).lower

/**
 * P(X ≤ x) of Σ (zᵢ + mᵢ)², d standard normal zᵢ and Σ mᵢ² = the noncentrality.
 *
 * ∫ φ(t)·P(χ²(d − 1) ≤ x − (t − κ)²) dt, κ = √λ: t is the part along m, the rest is χ². Small shares keep their digits, and
 * large noncentralities cost no more than small ones. Some 300 shares. NaN for invalid parameters. Source: the definition; the
 * usual Poisson mixture (Johnson, Kotz and Balakrishnan, chapter 29) takes as many terms as the noncentrality is large.
 *
 * @example noncentralChiSquareCdf(10, 10, 4) // 0.2756
 */
export function noncentralChiSquareCdf(x: number, degrees: number, noncentrality: number): number {
  if (noncentrality === 0) return chiSquareCdf(x, degrees)
  return shareWithin(x, noncentrality, {
    logDensity: (t) => -(t * t + Math.log(2 * Math.PI)) / 2,
    rest: (q) => (degrees === 1 ? 1 : incompleteGamma((degrees - 1) / 2, q / 2).lower),
  })
}

/**
 * P(|z/√W − k|² ≤ x) of d standard normal z, W independent and χ²(m)/m, |k|² = the noncentrality: the distance of noise
 * from a pattern, in units of a deviation that was estimated from m other numbers.
 *
 * ∫ f(t)·I_{q/(q + m + t²)}((d − 1)/2, (m + 1)/2) dt with q = x − (t − |k|)²: the part t of z/√W along k has Student's density
 * f of m degrees, and given t the rest and W, of m + 1 degrees then, make an F. At k = 0 it is Fisher's F. Cost and digits as
 * `noncentralChiSquareCdf`. Source: ours.
 *
 * @example scaledDistanceCdf(10, 10, 100, 0) // 0.5512
 */
export function scaledDistanceCdf(x: number, degrees: number, otherDegrees: number, noncentrality: number): number {
  const m = otherDegrees
  if (noncentrality === 0) return x <= 0 ? 0 : incompleteBeta(x / (x + m), degrees / 2, m / 2)
  const log = logGamma((m + 1) / 2) - logGamma(m / 2) - Math.log(m * Math.PI) / 2
  return shareWithin(x, noncentrality, {
    logDensity: (t) => log - ((m + 1) / 2) * Math.log1p((t * t) / m),
    rest: (q, t) => (degrees === 1 ? 1 : incompleteBeta(q / (q + m + t * t), (degrees - 1) / 2, (m + 1) / 2)),
  })
}

interface Split {
  /** Of the part t along the pattern: even, and falling from 0 on. */
  logDensity(t: number): number
  /** The share of the other parts whose squares add up to at most q, given t. */
  rest(q: number, t: number): number
}

/** The share within √x of a point that is √noncentrality away. */
function shareWithin(x: number, noncentrality: number, { logDensity, rest }: Split): number {
  if (Number.isNaN(x) || !(noncentrality >= 0)) return Number.NaN
  if (x <= 0 || noncentrality === Number.POSITIVE_INFINITY) return 0
  if (x === Number.POSITIVE_INFINITY) return 1
  const [centre, radius] = [Math.sqrt(noncentrality), Math.sqrt(x)]
  const [from, to] = [centre - radius, centre + radius]
  const logAt = (t: number) => {
    const q = x - (t - centre) ** 2
    return q > 0 ? logDensity(t) + Math.log(rest(q, t)) : Number.NEGATIVE_INFINITY
  }
  // Towards the pattern the rest has more room, away from 0 the density falls.
  return Math.min(1, integralOfBump({ logAt, from, to, within: [Math.max(0, from), centre] }))
}

/**
 * P(X ≥ successes) of `count` independent trials, each with the given probability.
 *
 * I_p(k, n − k + 1). @example binomialTail(8, 10) // 0.0547
 */
export function binomialTail(successes: number, count: number, probability = 0.5): number {
  if (successes <= 0) return 1
  if (successes > count) return 0
  return incompleteBeta(probability, successes, count - successes + 1)
}

/**
 * The central interval of a binomial count: fewest and most successes that are not in either tail of (1 − confidence)/2. Throws
 * `bad-option` for a count that is not a whole number, and for shares outside [0, 1].
 *
 * @example binomialInterval(20000, 0.01, 0.99) // { low: 165, high: 237 }
 */
export function binomialInterval(
  count: number,
  probability: number,
  confidence: number,
): { readonly low: number; readonly high: number } {
  const isShare = (value: number) => value >= 0 && value <= 1
  if (!Number.isSafeInteger(count) || count < 0 || !isShare(probability) || !isShare(confidence)) {
    const got = `${count}, ${probability} and ${confidence}`
    throw expected('bad-option', 'a whole number and two shares from 0 to 1', 'an interval', got, 'Check all three.')
  }
  const tail = (1 - confidence) / 2
  const atLeast = (k: number) => binomialTail(k, count, probability)
  const smallest = (holds: (k: number) => boolean) => {
    let [below, above] = [-1, count]
    while (above - below > 1) {
      const middle = Math.floor((below + above) / 2)
      if (holds(middle)) above = middle
      else below = middle
    }
    return above
  }
  // The smallest k with P(X ≤ k) above the tail, and the smallest with P(X > k) within it.
  return { low: smallest((k) => 1 - atLeast(k + 1) > tail), high: smallest((k) => atLeast(k + 1) <= tail) }
}

/**
 * The p-value of Kolmogorov and Smirnov's test that values are uniform on [0, 1].
 *
 * D = sup |F_n(x) − x|; P(D_n > d) ≈ 2·Σ (−1)^{k−1}·exp(−2k²·s²), s = (√n + 0.12 + 0.11/√n)·d. For n of 50 and more.
 * Source: Stephens, 1970.
 *
 * @example kolmogorovSmirnov(Array.from({ length: 100 }, (_, i) => (i + 0.5) / 100)) // 1
 */
export function kolmogorovSmirnov(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const n = sorted.length
  let distance = 0
  for (let i = 0; i < n; i++) distance = Math.max(distance, sorted[i]! - i / n, (i + 1) / n - sorted[i]!)
  const root = Math.sqrt(n)
  const scaled = (root + 0.12 + 0.11 / root) * distance
  // The series does not converge near 0, where the probability is 1.
  if (scaled < 0.3) return 1
  let sum = 0
  for (let k = 1; k <= 100; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * scaled * scaled)
  return Math.min(1, Math.max(0, sum))
}
