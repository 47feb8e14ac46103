/** The threshold that parts a sample into two groups. */
import { expected } from '../core/errors.js'

/**
 * The value below which the lower of two groups lies: the split of the sorted sample with the largest variance between
 * groups, n₁·n₂·(x̄₁ − x̄₂)², as the middle between its two neighbours.
 *
 * Throws `bad-option` for an empty sample; with one value only, that value: nothing is above it. Unchanged by x ↦ a·x + b, a > 0.
 * Source: Otsu, IEEE Trans. SMC, 1979, on the values themselves instead of their histogram.
 *
 * @example otsuThreshold([1, 2, 1, 9, 10]) // 5.5
 */
export function otsuThreshold(values: ArrayLike<number>): number {
  if (values.length === 0)
    throw expected('bad-option', 'at least one value', 'a threshold', 'none', 'Pass more of them.')
  const sorted = Float64Array.from(values).sort()
  const total = sorted.reduce((sum, value) => sum + value, 0)
  let [best, threshold, below] = [0, sorted.at(-1)!, 0]
  for (let count = 1; count < sorted.length; count++) {
    const [last, next] = [sorted[count - 1]!, sorted[count]!]
    below += last
    if (last === next) continue
    const above = sorted.length - count
    const between = count * above * (below / count - (total - below) / above) ** 2
    if (between > best) [best, threshold] = [between, (last + next) / 2]
  }
  return threshold
}
