/** Problems with known solutions, for the laws of iterations. */
import type { Evaluation, Problem } from '../../src/iterations/index.js'
import { combine, dot, map, type Tensor, tensor, torchGenerator, zeros } from '../../src/math/index.js'

export interface Known extends Problem {
  readonly solution: Tensor
}

/** A row-major matrix. */
export type Matrix = readonly (readonly number[])[]

export const apply = (matrix: Matrix, x: Tensor): Tensor =>
  tensor(
    [matrix.length],
    matrix.map((row) => row.reduce((sum, entry, j) => sum + entry * x.data[j]!, 0)),
  )

export const transposed = (matrix: Matrix): Matrix => matrix[0]!.map((_, j) => matrix.map((row) => row[j]!))

/** `rows` orthonormal vectors of `columns` entries. */
export function orthonormalRows(seed: number, rows: number, columns: number): Matrix {
  const random = torchGenerator(seed)
  const basis: Tensor[] = []
  for (let i = 0; i < rows; i++) {
    let row = random.noise([columns])
    for (const other of [...basis, ...basis]) row = combine([1, row], [-dot(row, other), other])
    basis.push(combine([1 / Math.sqrt(dot(row, row)), row]))
  }
  return basis.map((row) => [...row.data])
}

/** Symmetric, with the given eigenvalues. */
export function symmetric(seed: number, eigenvalues: readonly number[]): Matrix {
  const basis = orthonormalRows(seed, eigenvalues.length, eigenvalues.length)
  return basis.map((_, i) =>
    basis.map((_, j) => eigenvalues.reduce((sum, value, k) => sum + value * basis[k]![i]! * basis[k]![j]!, 0)),
  )
}

const eigenvalues = [0.3, 0.4, 0.55, 0.7, 0.85, 1]
const solution = tensor([6], [1, -2, 0.5, 0, 3, -1])
const offset = (x: Tensor) => combine([1, x], [-1, solution])

/** residual = A(x − x*), the gradient of the merit ½⟨x − x*, A(x − x*)⟩. */
export function linear(): Known {
  const matrix = symmetric(1, eigenvalues)
  return {
    start: zeros([6]),
    solution,
    async evaluate(x) {
      const residual = apply(matrix, offset(x))
      return { residual, merit: dot(offset(x), residual) / 2 }
    },
  }
}

/** residual = d/2 + sin(d)·0.4 for d = x − x*: the gradient of the merit Σ d²/4 + 0.4(1 − cos d), which is convex. */
export function nonlinear(): Known {
  return {
    start: zeros([6]),
    solution,
    async evaluate(x) {
      const d = offset(x)
      const merit = d.data.reduce((sum, value) => sum + value ** 2 / 4 + 0.4 * (1 - Math.cos(value)), 0)
      return { residual: map(d, (value) => value / 2 + 0.4 * Math.sin(value)), merit }
    },
  }
}

/** Steps against this residual lead away from its zero, ever faster. */
export function repelling(): Known {
  return {
    start: zeros([6]),
    solution,
    evaluate: async (x) => ({ residual: map(offset(x), (value) => -5 * value - value ** 3) }),
  }
}

/** A problem whose evaluation number `from` and all later ones are not finite. */
export function breaking(problem: Known, from: number, value = Number.NaN): Known {
  let count = 0
  return {
    ...problem,
    async evaluate(x): Promise<Evaluation> {
      const evaluation = await problem.evaluate(x)
      return ++count < from ? evaluation : { ...evaluation, residual: map(x, () => value) }
    },
  }
}
