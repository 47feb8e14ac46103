/** The error function to the last digits of double precision. */

/** From here on 1 − erf(x) is below half a unit in the last place of 1. */
const SATURATED = 6

/**
 * erf(x) = 2/√π · e^(−x²) · Σₙ 2ⁿ x²ⁿ⁺¹ / (1·3·5⋯(2n+1)): all terms have one sign, so no digits cancel.
 *
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6.
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x
  if (Math.abs(x) >= SATURATED) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > Math.abs(sum) * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}
