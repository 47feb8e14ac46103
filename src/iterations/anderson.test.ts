import { describe, expect, it } from 'vitest'
import { apply, linear, symmetric } from '../../test/laws/problems.js'
import { Task } from '../core/task.js'
import { combine, dot, norm, type Tensor, tensor, torchNoise, zeros } from '../math/index.js'
import { anderson } from './anderson.js'
import { type Problem, solve } from './parts/solve.js'

const n = 8

/** A(x) − b with a matrix that is not symmetric and not a contraction of x − A(x). */
function unsymmetric() {
  const matrix = symmetric(3, [0.2, 0.5, 0.8, 1, 1.3, 1.7, 2.1, 2.4]).map((row, i) =>
    row.map((entry, j) => entry + (i < j ? 0.1 : 0)),
  )
  const b = torchNoise(5, [n])
  const residuals: Tensor[] = []
  const problem: Problem = {
    start: zeros([n]),
    async evaluate(x) {
      const residual = combine([1, apply(matrix, x)], [-1, b])
      residuals.push(residual)
      return { residual }
    },
  }
  return { matrix, residuals, problem }
}

describe('anderson', () => {
  it('solves a linear problem in at most n + 1 updates', async () => {
    const { problem } = unsymmetric()
    const iteration = anderson({ window: n, growth: Number.POSITIVE_INFINITY })
    const solution = await new Task(solve(problem, iteration, { iterations: n + 2, tolerance: 1e-10 }))
    expect(solution.outcome).toBe('converged')
    expect(solution.iterations).toBeLessThanOrEqual(n + 1)
  })

  it('is GMRES: residual k+1 is I − A applied to the smallest residual over the Krylov space of k', async () => {
    const { matrix, residuals, problem } = unsymmetric()
    const iteration = anderson({ window: n, growth: Number.POSITIVE_INFINITY })
    await new Task(solve(problem, iteration, { iterations: n }))
    const images: Tensor[] = []
    let power = residuals[0]!
    for (let k = 0; k + 1 < residuals.length; k++) {
      // Minimal residual r₀ − projection of r₀ onto A·Krylov, by Gram–Schmidt on A r₀, A² r₀, …
      let smallest = residuals[0]!
      for (const image of images) smallest = combine([1, smallest], [-dot(image, smallest), image])
      const want = combine([1, smallest], [-1, apply(matrix, smallest)])
      // Rounding, magnified by the Krylov vectors' growing dependence.
      expect(norm(combine([1, residuals[k + 1]!], [-1, want]))).toBeLessThan(1e-9 * norm(residuals[0]!))
      power = apply(matrix, power)
      let fresh = power
      for (const image of [...images, ...images]) fresh = combine([1, fresh], [-dot(image, fresh), image])
      images.push(combine([1 / norm(fresh), fresh]))
    }
  })

  it('leaves out dependent differences instead of dividing by zero', async () => {
    const problem: Problem = { start: tensor([2], [1, 1]), evaluate: async (x) => ({ residual: x }) }
    const solution = await new Task(solve(problem, anderson({ damping: 0.5 }), { iterations: 9, tolerance: 1e-12 }))
    expect(solution.outcome).toBe('converged')
    const flat: Problem = { start: tensor([2], [1, 1]), evaluate: async () => ({ residual: tensor([2], [1, 0]) }) }
    const stuck = await new Task(solve(flat, anderson(), { iterations: 9 }))
    expect(stuck).toMatchObject({ outcome: 'exhausted', evaluations: 9 })
  })

  it('restarts from the best point with half the damping when the merit grows', () => {
    const update = anderson({ growth: 2 }).start(zeros([1]))
    const at = (x: number) => tensor([1], [x])
    update(at(0), at(0.25), 1)
    update(at(5), at(9), 2)
    expect(update(at(7), at(9), 2.1).data[0]).toBe(0 - 0.25 / 2)
    expect(update(at(8), at(9), 2.1).data[0]).toBe(0 - 0.25 / 4)
  })

  it('takes fewer evaluations than forward steps', async () => {
    const run = (window: number) =>
      new Task(solve(linear(), anderson({ window }), { iterations: 300, tolerance: 1e-10 }))
    const [plain, accelerated] = [await run(0), await run(6)]
    expect(plain.outcome).toBe('converged')
    expect(accelerated.evaluations).toBeLessThan(plain.evaluations / 3)
  })
})
