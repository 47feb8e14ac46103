/** The published test of tree-ring marks, the distance of a spectrum from the key's, with a p-value that means something. */
import { noncentralChiSquareCdf, scaledDistanceCdf } from '../../../math/distributions.js'
import { variance } from '../../../math/statistics.js'

const squares = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value * value, 0)

/**
 * P(|y/s − key|² as small | white Gaussian noise), s² = what is outside the mask, in mean square.
 *
 * |y/s − key|² is the distance of noise from a pattern in units of an estimated deviation: `scaledDistanceCdf`. Exact,
 * whatever the deviation of the noise is; for a key of zeros it is Fisher's F. The coordinates are independent ones:
 * half of a conjugate-symmetric spectrum. Source: Wen et al., 2023, equation 7, with the number of degrees and the sigma that make it true.
 *
 * @example distancePValue([0.1, -0.2], [0, 0], { energy: 100, count: 100 }) // 0.0247
 */
export function distancePValue(
  read: ArrayLike<number>,
  key: ArrayLike<number>,
  outside: { readonly energy: number; readonly count: number },
): number {
  const deviation = Math.sqrt(outside.energy / outside.count)
  if (deviation === 0) return 1
  const apart = squares(Array.from(key, (value, i) => read[i]! / deviation - value))
  return scaledDistanceCdf(apart, key.length, outside.count, squares(key))
}

/**
 * The p-value as the released code computes it, for comparison with published numbers only: it is not calibrated.
 *
 * P(χ²(d, Σk²/s²) ≤ Σ(y − k)²/s²), y and k the real and imaginary parts of all masked bins, s the sample deviation of y
 * itself. Three defects: opposite bins of a real plane are counted twice; s is fitted to what is tested, so that a key of
 * zeros gives about 0.5 always; and with the released mask keys are not conjugate-symmetric. Source: tree-ring-watermark,
 * `get_p_value`.
 */
export function referencePValue(read: ArrayLike<number>, key: ArrayLike<number>): number {
  const spread = variance(read)
  if (spread === 0) return 1
  const apart = squares(Array.from(key, (value, i) => read[i]! - value))
  return noncentralChiSquareCdf(apart / spread, key.length, squares(key) / spread)
}
