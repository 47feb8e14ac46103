/**
 * The test behind marks whose key is a random direction: how improbable it is that a direction drawn without regard to a
 * picture lies so close to what is read from it. Nothing is assumed of the picture.
 */
import { studentTCdf } from '../../../math/statistics.js'

/** ⟨a, b⟩/(|a|·|b|); 0 where one of them is 0. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, squareA, squareB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    squareA += a[i]! * a[i]!
    squareB += b[i]! * b[i]!
  }
  const length = Math.sqrt(squareA * squareB)
  return length === 0 ? 0 : Math.min(1, Math.max(-1, product / length))
}

/**
 * P(cos(u, V) ≥ cosine) for a fixed u and a V of uniformly distributed direction in `dimensions`.
 *
 * t = c·√((n − 1)/(1 − c²)) has Student's distribution of n − 1 degrees. Exact over the draw of V for every u. Source:
 * Fisher, 1915, on the correlation of normal samples, whose mean is known here.
 *
 * @example directionPValue(0.5, 50) // 0.00009353
 */
export const directionPValue = (cosine: number, dimensions: number): number =>
  studentTCdf(-cosine * Math.sqrt((dimensions - 1) / (1 - cosine * cosine)), dimensions - 1)
