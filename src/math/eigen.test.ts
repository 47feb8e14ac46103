import { expect, test } from 'vitest'
import { symmetricEigen } from './eigen.js'
import { torchNoise } from './noise.js'
import { type Tensor, tensor } from './tensor.js'

/** Rounding of float64 over some hundred rotations of numbers near 1. */
const rounding = 1e-13

const closest = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i]!)))

/** Σₖ a[i,k]·b[k,j]·weight[k], with b transposed where asked. */
function product(a: Tensor, weights: ArrayLike<number>, b: Tensor): Tensor {
  const n = a.shape[0]!
  const entry = (i: number, j: number) =>
    Array.from({ length: n }, (_, k) => a.data[i * n + k]! * weights[k]! * b.data[j * n + k]!).reduce((x, y) => x + y)
  return tensor(
    [n, n],
    Array.from({ length: n * n }, (_, at) => entry(Math.floor(at / n), at % n)),
  )
}

test('the second difference has eigenvalues 2 − 2 cos(kπ/(n + 1))', () => {
  const n = 12
  const matrix = tensor(
    [n, n],
    Array.from({ length: n * n }, (_, at) => {
      const apart = Math.abs(Math.floor(at / n) - (at % n))
      return apart === 0 ? 2 : apart === 1 ? -1 : 0
    }),
  )
  const expected = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)))
  expect(closest(symmetricEigen(matrix).values, expected)).toBeLessThan(rounding)
})

test('a random symmetric matrix is V·diag·Vᵀ with V orthogonal', () => {
  const n = 24
  const noise = torchNoise(5, [n, n])
  const matrix = product(noise, new Float64Array(n).fill(1 / n), noise)
  const { values, vectors } = symmetricEigen(matrix)
  expect(values.every((value, i) => i === 0 || value >= values[i - 1]!)).toBe(true)
  expect(closest(product(vectors, values, vectors).data, matrix.data)).toBeLessThan(rounding)
  const identity = Array.from({ length: n * n }, (_, at) => (Math.floor(at / n) === at % n ? 1 : 0))
  expect(closest(product(vectors, new Float64Array(n).fill(1), vectors).data, identity)).toBeLessThan(rounding)
})

test('the square root of a matrix is the known one', () => {
  // [[2, 1], [1, 3]]² = [[5, 5], [5, 10]]
  const { values, vectors } = symmetricEigen(tensor([2, 2], [5, 5, 5, 10]))
  expect(closest(product(vectors, values.map(Math.sqrt), vectors).data, [2, 1, 1, 3])).toBeLessThan(rounding)
})

test('matrices without real eigenvalues, or none at all, are refused', () => {
  expect(() => symmetricEigen(tensor([2, 2], [0, 1, -1, 0]))).toThrow('symmetric')
  expect(() => symmetricEigen(tensor([2, 2], [1, Number.NaN, Number.NaN, 1]))).toThrow('finite')
  expect(() => symmetricEigen(tensor([2, 3], [1, 2, 3, 4, 5, 6]))).toThrow('square')
})
