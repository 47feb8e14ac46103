import { describe, expect, it } from 'vitest'
import { symmetric } from '../../test/laws/problems.js'
import { cholesky, traceOfInverse } from './cholesky.js'
import { tensor } from './tensor.js'

/** Float64 over a condition number of 1e6. */
const rounding = 1e-8

describe('cholesky', () => {
  it('factors what its factor makes', () => {
    expect([...cholesky(tensor([2, 2], [4, 2, 2, 2])).data]).toEqual([2, 0, 1, 1])
  })

  it('refuses matrices that are not positive or not square', () => {
    expect(() => cholesky(tensor([2, 2], [1, 2, 2, 1]))).toThrow(/pivot/)
    expect(() => cholesky(tensor([1, 2], [1, 2]))).toThrow(/1×2/)
  })
})

describe('traceOfInverse', () => {
  it('is the sum of the inverse eigenvalues', () => {
    const eigenvalues = [1e-3, 0.2, 1, 7, 1e3]
    const matrix = tensor([5, 5], symmetric(3, eigenvalues).flat())
    const sum = eigenvalues.reduce((total, value) => total + 1 / value, 0)
    expect(Math.abs(traceOfInverse(matrix) / sum - 1)).toBeLessThan(rounding)
  })
})
