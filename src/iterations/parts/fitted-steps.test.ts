import { describe, expect, it } from 'vitest'
import { Task } from '../../core/task.js'
import { map, norm, subtract, type Tensor, tensor, torchNoise } from '../../math/index.js'
import { fittedPoint, fittedSteps } from './fitted-steps.js'
import { solve } from './solve.js'

const eigenvalues = [0.2, 0.5, 0.9, 1.3, -0.4]
const solution = tensor([5], [1, -2, 0.5, 3, -1])
const start = torchNoise(1, [5])
const times = (x: Tensor, factors: (eigenvalue: number) => number) =>
  map(x, (value, i) => value * factors(eigenvalues[i]!))
const problem = { start, evaluate: async (x: Tensor) => ({ residual: times(subtract(x, solution), (a) => a) }) }

async function path(shares: readonly (readonly number[])[], iterations: number): Promise<Tensor[]> {
  const points: Tensor[] = []
  for await (const { latent } of solve(problem, fittedSteps(shares), { iterations })) points.push(latent!)
  return points
}

describe('fittedSteps', () => {
  it('are polynomials of the matrix', async () => {
    // p₁(a) = 1 − s·a; p₂(a) = 1 − u·a − v·a·p₁(a)
    const [s, u, v] = [0.8, 0.9, 0.6]
    const points = await path([[s], [u, v]], 3)
    const error = subtract(start, solution)
    const first = (a: number) => 1 - s * a
    const second = (a: number) => 1 - u * a - v * a * first(a)
    const wanted = [() => 1, first, second]
    for (const [k, polynomial] of wanted.entries()) {
      // Rounding.
      expect(norm(subtract(subtract(points[k]!, solution), times(error, polynomial)))).toBeLessThan(1e-14)
    }
  })

  it('stay where they are after the last row', async () => {
    const points = await path([[0.8]], 4)
    expect(points).toHaveLength(4)
    expect(points[2]).toEqual(points[1])
    expect(points[3]).toEqual(points[1])
  })

  it('solve in as many steps as there are eigenvalues, whatever their signs', async () => {
    // Newton's form of the polynomial with these zeros: the step of row k removes one eigenvalue after the other.
    const rows: number[][] = []
    let before: number[] = []
    for (const a of eigenvalues) {
      // xᵏ⁺¹ = xᵏ − residual(xᵏ)/a
      before = [...before, 1 / a]
      rows.push(before)
    }
    const { value } = await new Task(solve(problem, fittedSteps(rows), { iterations: eigenvalues.length + 1 }))
    // Rounding, magnified by steps of 1/0.2.
    expect(norm(subtract(value, solution))).toBeLessThan(1e-12)
  })
})

describe('fittedPoint', () => {
  it('is the start without shares', () => {
    expect(fittedPoint(start, [], [])).toEqual(start)
  })
})
