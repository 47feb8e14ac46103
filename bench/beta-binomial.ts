/** Counts whose probability is itself a draw: how many of n p-values, ranks in one shared calibration set, are small. */

/**
 * P(X ≥ k) of X successes of n trials whose probability was drawn from Beta(a, b), a and b whole numbers.
 *
 * P(X = x) = C(n, x)·B(x + a, n − x + b)/B(a, b), by its recurrence. Source: Johnson, Kotz and Kemp, 6.2.2.
 *
 * @example betaBinomialTail(1, 1, 1, 3) // 0.25
 */
export function betaBinomialTail(k: number, n: number, a: number, b: number): number {
  // P(X = 0) = Π (b + i)/(a + b + i), i < n.
  let logarithm = 0
  for (let i = 0; i < n; i++) logarithm += Math.log((b + i) / (a + b + i))
  let sum = 0
  for (let x = 0; x <= n; x++) {
    if (x >= k) sum += Math.exp(logarithm)
    logarithm += Math.log(((n - x) * (x + a)) / ((x + 1) * (n - x - 1 + b)))
  }
  return Math.min(1, sum)
}
