/** The Cholesky factor of a symmetric positive matrix, and the trace of the inverse that it gives. For up to a few thousand rows. */
import { expected } from '../core/errors.js'
import { formatShape, type Tensor, zeros } from './tensor.js'

/**
 * The lower triangle L of A = L·Lᵀ; n³/3 multiplications (1024 rows take about a second).
 *
 * Reads the lower half of A only. Throws `bad-shape` for a matrix that is not square, `bad-option` for one that is, to rounding, not positive.
 * Source: Golub and Van Loan, Matrix Computations, algorithm 4.2.2.
 *
 * @example cholesky(tensor([2, 2], [4, 2, 2, 2])).data // [2, 0, 1, 1]
 */
export function cholesky(matrix: Tensor): Tensor {
  const [n, columns] = matrix.shape
  if (matrix.shape.length !== 2 || n === undefined || n !== columns) {
    throw expected('bad-shape', 'a square matrix', 'the Cholesky factor', formatShape(matrix.shape), 'Check its shape.')
  }
  const factor = zeros([n, n])
  const l = factor.data
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = matrix.data[i * n + j]! - product(l, i * n, j * n, j)
      if (j < i) {
        l[i * n + j] = rest / l[j * n + j]!
        continue
      }
      if (!(rest > 0)) {
        const got = `a pivot of ${rest} in row ${i}`
        throw expected('bad-option', 'a positive matrix', 'the Cholesky factor', got, 'Add to its diagonal.')
      }
      l[i * n + i] = Math.sqrt(rest)
    }
  }
  return factor
}

/**
 * tr(A⁻¹) = ‖L⁻¹‖² of a symmetric positive matrix A = L·Lᵀ. Errors as `cholesky`.
 *
 * @example traceOfInverse(tensor([2, 2], [2, 0, 0, 4])) // 0.75
 */
export function traceOfInverse(matrix: Tensor): number {
  const { shape, data: l } = cholesky(matrix)
  const n = shape[0]!
  let trace = 0
  const column = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    // L·column = the j-th unit vector; above j it is zero.
    for (let i = j; i < n; i++) {
      let rest = i === j ? 1 : 0
      for (let k = j; k < i; k++) rest -= l[i * n + k]! * column[k]!
      column[i] = rest / l[i * n + i]!
      trace += column[i]! ** 2
    }
  }
  return trace
}

/** Σₖ l[a + k]·l[b + k] over the first `count`. */
function product(l: Float64Array, a: number, b: number, count: number): number {
  let sum = 0
  for (let k = 0; k < count; k++) sum += l[a + k]! * l[b + k]!
  return sum
}
