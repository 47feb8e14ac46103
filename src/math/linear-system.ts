/** Small dense linear systems. Not for large or symmetric ones (cholesky.ts). */

/** The x of A·x = b, by elimination with partial pivoting; rows of a singular A give numbers that are not finite. */
export function solveLinear(a: readonly (readonly number[])[], b: readonly number[]): readonly number[] {
  const size = b.length
  const rows = a.map((row, i) => [...row, b[i]!])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let i = column + 1; i < size; i++) {
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i
    }
    ;[rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    for (let i = column + 1; i < size; i++) {
      const share = rows[i]![column]! / rows[column]![column]!
      for (let j = column; j <= size; j++) rows[i]![j]! -= share * rows[column]![j]!
    }
  }
  const x = Array<number>(size).fill(0)
  for (let i = size - 1; i >= 0; i--) {
    const known = rows[i]!.slice(i + 1, size).reduce((sum, value, k) => sum + value * x[i + 1 + k]!, 0)
    x[i] = (rows[i]![size]! - known) / rows[i]![i]!
  }
  return x
}
