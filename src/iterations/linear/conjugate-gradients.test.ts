import { describe, expect, it } from 'vitest'
import { apply, symmetric } from '../../../test/laws/problems.js'
import { Task } from '../../core/task.js'
import { dot, map, norm, subtract, tensor } from '../../math/tensor.js'
import { conjugateGradients } from './conjugate-gradients.js'

const eigenvalues = [0.01, 0.1, 0.5, 1, 2, 10]
const matrix = symmetric(4, eigenvalues)
const solution = tensor([6], [1, -2, 0.5, 0, 3, -1])
const right = apply(matrix, solution)
const system = { right, apply: async (x: typeof right) => apply(matrix, x) }
const energy = dot(right, solution)

/** Conjugate gradients in float64 over a condition number of 1000. */
const rounding = 1e-7

const solved = (more: object, iterations: number) =>
  new Task(conjugateGradients({ ...system, ...more }, { iterations, tolerance: 0 }))

describe('conjugateGradients', () => {
  it('solves in as many products as there are eigenvalues', async () => {
    const { value, iterations } = await solved({}, 6)
    expect(iterations).toBe(6)
    expect(norm(subtract(value, solution)) / norm(solution)).toBeLessThan(rounding)
  })

  it('raises the energy to bᵀA⁻¹b, and never above it', async () => {
    const { history, energy: found } = await solved({}, 6)
    expect(history.toSorted((a, b) => a - b)).toEqual(history)
    expect(Math.abs(found / energy - 1)).toBeLessThan(rounding)
  })

  it('needs one product with the inverse as its preconditioner', async () => {
    const inverse = symmetric(
      4,
      eigenvalues.map((value) => 1 / value),
    )
    const { value } = await solved({ precondition: async (r: typeof right) => apply(inverse, r) }, 1)
    expect(norm(subtract(value, solution)) / norm(solution)).toBeLessThan(rounding)
  })

  it('stops where the energy grows no more, and says how it ended', async () => {
    const stopping = (iterations: number) => new Task(conjugateGradients(system, { iterations }))
    expect((await stopping(2)).outcome).toBe('exhausted')
    const { outcome, energy: found } = await stopping(100)
    expect(outcome).toBe('converged')
    expect(found / energy).toBeGreaterThan(0.99)
  })

  it('ends at a direction in which the matrix is not positive', async () => {
    const indefinite = { right, apply: async (x: typeof right) => map(x, (value) => -value) }
    const { outcome, iterations } = await new Task(conjugateGradients(indefinite, { iterations: 5 }))
    expect([outcome, iterations]).toEqual(['exhausted', 0])
  })
})
