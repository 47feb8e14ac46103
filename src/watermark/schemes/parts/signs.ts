/** Sums with random signs: the test behind marks whose keys are words of signs. */

/** Half the words of this many signs are held at once. */
export const mostSigns = 40

/**
 * P(Σ ±vᵢ ≥ sum) over independent fair signs, exactly.
 *
 * Counts the sums of all 2ⁿ words, as pairs of sums of two halves. n at most 40; memory and time 2^{n/2}. Source:
 * Horowitz and Sahni, 1974, for sums of subsets.
 *
 * @example signedSumTail([3, 2, 1], 4) // 0.25
 */
export function signedSumTail(values: ArrayLike<number>, sum: number): number {
  const half = Math.floor(values.length / 2)
  const [first, second] = [sumsOf(values, 0, half), sumsOf(values, half, values.length)]
  // Sums are equal up to the order in which they were added.
  const size = Array.from(values).reduce((total, value) => total + Math.abs(value), 0)
  const bound = sum - 1e-12 * size
  let count = 0
  let at = second.length
  for (const value of first) {
    while (at > 0 && value + second[at - 1]! >= bound) at--
    count += second.length - at
  }
  return count / (first.length * second.length)
}

/** The sums of all words of values[from … to), sorted: those with a value less and those with it more are merged. */
function sumsOf(values: ArrayLike<number>, from: number, to: number): Float64Array {
  let sums = Float64Array.of(0)
  for (let i = from; i < to; i++) {
    const size = Math.abs(values[i]!)
    const next = new Float64Array(2 * sums.length)
    for (let k = 0, less = 0, more = 0; k < next.length; k++) {
      const isLess = less < sums.length && sums[less]! - size <= sums[more]! + size
      next[k] = isLess ? sums[less++]! - size : sums[more++]! + size
    }
    sums = next
  }
  return sums
}
