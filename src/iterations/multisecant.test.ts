import { describe, expect, it } from 'vitest'
import { apply, symmetric } from '../../test/laws/problems.js'
import { Task } from '../core/task.js'
import { combine, map, norm, torchNoise, zeros } from '../math/index.js'
import { anderson } from './anderson.js'
import { multisecant } from './multisecant.js'
import { type Problem, solve } from './solve.js'

const n = 40

/** A(x) + bend·sin(x) − b, with a fifth of A's eigenvalues negative: what strong guidance does to a step. */
function indefinite(bend: number): Problem {
  const eigenvalues = Array.from({ length: n }, (_, i) => (i % 5 === 0 ? -0.05 - 0.005 * i : 0.1 + 0.02 * i))
  const matrix = symmetric(3, eigenvalues)
  const wanted = torchNoise(6, [n])
  const value = (x: typeof wanted) => combine([1, apply(matrix, x)], [bend, map(x, (entry) => Math.sin(entry))])
  const b = value(wanted)
  return { start: zeros([n]), evaluate: async (x) => ({ residual: combine([1, value(x)], [-1, b]) }) }
}

describe('multisecant', () => {
  it('solves a linear problem whose slope points both ways in about as many evaluations as unknowns', async () => {
    const solution = await new Task(
      solve(indefinite(0), multisecant({ reach: 1e9 }), { iterations: n + 5, tolerance: 1e-6 }),
    )
    expect(solution.outcome).toBe('converged')
  })

  it('goes on where a short window stalls', async () => {
    const problem = indefinite(0.01)
    const options = { iterations: 200, tolerance: 1e-6 }
    const stalled = await new Task(solve(problem, anderson(), { ...options, patience: 10 }))
    expect(stalled.outcome).not.toBe('converged')
    const solution = await new Task(solve({ ...problem, start: stalled.value }, multisecant(), options))
    expect(solution.residual).toBeLessThan(stalled.residual / 100)
  })

  it('stays where it is at a solution', async () => {
    const update = multisecant().start(zeros([3]))
    const x = torchNoise(1, [3])
    expect(norm(combine([1, update(x, zeros([3]), 0)], [-1, x]))).toBe(0)
  })
})
