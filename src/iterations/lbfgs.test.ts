import { describe, expect, it } from 'vitest'
import { Task } from '../core/task.js'
import { norm, subtract, tensor } from '../math/tensor.js'
import { gradientDescent } from './gradient-descent.js'
import { lbfgs } from './lbfgs.js'
import { type Problem, solve } from './parts/solve.js'

/** (1 − x)² + 100(y − x²)², with its minimum 0 at (1, 1) in a curved valley. */
const rosenbrock = (merit: (f: number) => number): Problem => ({
  start: tensor([2], [-1.2, 1]),
  async evaluate({ data }) {
    const [x, y] = data as unknown as [number, number]
    const residual = tensor([2], [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
    return { residual, merit: merit((1 - x) ** 2 + 100 * (y - x * x) ** 2) }
  },
})
const minimum = tensor([2], [1, 1])

describe('lbfgs', () => {
  it('finds the minimum of Rosenbrock’s valley', async () => {
    const solution = await new Task(
      solve(
        rosenbrock((f) => f),
        lbfgs(),
        { iterations: 80, tolerance: 1e-9 },
      ),
    )
    expect(solution.outcome).toBe('converged')
    expect(norm(subtract(solution.value, minimum))).toBeLessThan(1e-8)
  })

  it('uses only the order of merits: the same points for f and for √f', async () => {
    const options = { iterations: 30 }
    const square = await new Task(
      solve(
        rosenbrock((f) => f),
        lbfgs(),
        options,
      ),
    )
    const root = await new Task(solve(rosenbrock(Math.sqrt), lbfgs(), options))
    expect(root.value).toEqual(square.value)
  })

  it('solves a quadratic of n unknowns in about n accepted steps, unlike gradient descent', async () => {
    const curvature = [1, 3, 10, 30, 100]
    const quadratic: Problem = {
      start: tensor([5], [1, 1, 1, 1, 1]),
      async evaluate(x) {
        const residual = tensor(
          [5],
          curvature.map((c, i) => c * x.data[i]!),
        )
        return { residual, merit: x.data.reduce((sum, value, i) => sum + (curvature[i]! * value ** 2) / 2, 0) }
      },
    }
    const options = { iterations: 500, tolerance: 1e-8 }
    const quick = await new Task(solve(quadratic, lbfgs(), options))
    const slow = await new Task(solve(quadratic, gradientDescent({ step: 0.01 }), options))
    expect(quick.outcome).toBe('converged')
    expect(quick.evaluations).toBeLessThan(35)
    expect(slow.evaluations).toBeGreaterThan(3 * quick.evaluations)
  })

  it('ends with shorter and shorter steps where no step helps', async () => {
    // The "gradient" points the wrong way: nothing along it is better than the start.
    const wrong: Problem = {
      start: tensor([1], [1]),
      evaluate: async (x) => ({ residual: tensor([1], [-1]), merit: Math.abs(x.data[0]!) }),
    }
    const solution = await new Task(solve(wrong, lbfgs(), { iterations: 20 }))
    expect(solution).toMatchObject({ value: wrong.start, residual: 1, outcome: 'exhausted' })
    expect(solution.history.at(-1)! - 1).toBeLessThan(1e-5)
  })
})
