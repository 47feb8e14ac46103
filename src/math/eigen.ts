/** Eigenvalues and eigenvectors of small symmetric matrices. Not for hundreds of rows: use a tridiagonal method there. */
import { expected } from '../core/errors.js'
import { formatShape, type Tensor, zeros } from './tensor.js'

export interface Eigen {
  /** In ascending order. */
  readonly values: Float64Array
  /** n × n; column j is the unit eigenvector of values[j]. */
  readonly vectors: Tensor
}

/**
 * A = V·diag(values)·Vᵀ of a symmetric matrix A of n × n, to rounding; 64 rows take about 20 ms.
 *
 * Throws `bad-shape` for a matrix that is not square, `bad-option` for one that is not symmetric to rounding, or not finite.
 * Source: the cyclic Jacobi method, Golub and Van Loan, Matrix Computations, algorithm 8.5.3.
 *
 * @example symmetricEigen(tensor([2, 2], [2, 1, 1, 2])).values // [1, 3]
 */
export function symmetricEigen(matrix: Tensor): Eigen {
  const [n, columns] = matrix.shape
  if (matrix.shape.length !== 2 || n === undefined || n !== columns) {
    throw expected('bad-shape', 'a square matrix', 'eigenvalues', formatShape(matrix.shape), 'Check its shape.')
  }
  const a = matrix.data.slice()
  const size = Math.hypot(...a)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const apart = Math.abs(a[i * n + j]! - a[j * n + i]!)
      if (apart <= 1e-12 * size) continue
      const got = `a difference of ${apart}`
      throw expected('bad-option', 'a finite symmetric matrix', 'eigenvalues', got, 'Take the mean with its transpose.')
    }
  }
  const v = zeros([n, n]).data
  for (let i = 0; i < n; i++) v[i * n + i] = 1

  // Every sweep makes it smaller, in the end quadratically, until only rounding is left: about ten for a hundred rows.
  for (let before = Number.POSITIVE_INFINITY, now = offDiagonal(a, n); now < before; ) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q)
    before = now
    now = offDiagonal(a, n)
  }

  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[i * n + i]! - a[j * n + j]!)
  const vectors = zeros([n, n])
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) vectors.data[i * n + to] = v[i * n + from]!
  })
  return { values: Float64Array.from(order, (i) => a[i * n + i]!), vectors }
}

/** √(Σᵢ≠ⱼ aᵢⱼ²). */
function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (i !== j) sum += a[i * n + j]! ** 2
  return Math.sqrt(sum)
}

/** A ← JᵀAJ and V ← VJ with the rotation J of the plane (p, q) that makes a_pq zero. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!
  if (apq === 0) return
  const slope = (a[q * n + q]! - a[p * n + p]!) / (2 * apq)
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(1, slope))
  const cosine = 1 / Math.hypot(1, tangent)
  const sine = tangent * cosine
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q, cosine, sine)
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k, cosine, sine)
  for (let k = 0; k < n; k++) turn(v, k * n + p, k * n + q, cosine, sine)
}

function turn(x: Float64Array, i: number, j: number, cosine: number, sine: number): void {
  const first = x[i]!
  const second = x[j]!
  x[i] = cosine * first - sine * second
  x[j] = sine * first + cosine * second
}
