/** What every iteration promises. A new file in src/iterations has to join the table. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Task } from '../../src/core/index.js'
import {
  adam,
  anderson,
  cosineSchedule,
  forwardStep,
  gradientDescent,
  type Iteration,
  inertialKm,
  inertialKmStepLimit,
  lbfgs,
  newtonKrylov,
  type Problem,
  picard,
  plateauStep,
  solve,
} from '../../src/iterations/index.js'
import { norm, subtract } from '../../src/math/index.js'
import { breaking, type Known, linear, nonlinear, repelling } from './problems.js'

const budget = 300

/** Each with settings that suit residuals of slope 0.1 to 1. The cosine ends at zero, so that Adam settles. */
const table: readonly Iteration[] = [
  picard(),
  forwardStep({ rho: 1 }),
  inertialKm({ inertia: 0.3, rho: 1 }),
  adam({ rate: cosineSchedule(0.3, budget) }),
  anderson(),
  gradientDescent(),
  lbfgs(),
  newtonKrylov(),
  plateauStep({ rho: 1 }),
]

/** Adam's last steps are as long as the schedule says, not as the residual: 1e-3; the others are at rounding. */
const accuracy = (iteration: Iteration) => (iteration.name === 'adam' ? 1e-3 : 1e-7)

const run = (problem: Problem, iteration: Iteration, iterations = budget, tolerance = 1e-9) =>
  new Task(solve(problem, iteration, { iterations, tolerance }))

/** Counts evaluations and keeps the points that were evaluated. */
function watched(problem: Known) {
  const points: Float64Array[] = []
  const evaluate: Problem['evaluate'] = (x) => {
    points.push(x.data.slice())
    return problem.evaluate(x)
  }
  return { points, problem: { ...problem, evaluate } }
}

it('the table has every iteration, named as its file', () => {
  const files = readdirSync(new URL('../../src/iterations', import.meta.url))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'index.ts')
    .map((file) => file.replace('.ts', ''))
  expect(table.map(({ name }) => name).sort()).toEqual(files.sort())
})

describe.each(table.map((iteration) => [iteration.name, iteration] as const))('%s', (_, iteration) => {
  it.each([
    ['linear', linear],
    ['nonlinear', nonlinear],
  ])('solves the %s problem', async (_, make) => {
    const problem = make()
    const { value, history, residual } = await run(problem, iteration)
    expect(norm(subtract(value, problem.solution))).toBeLessThan(accuracy(iteration))
    expect(residual).toBe(Math.min(...history))
  })

  it('reports what it did and returns a point that was evaluated', async () => {
    const { points, problem } = watched(nonlinear())
    const solution = await run(problem, iteration, 7, 0)
    expect(solution).toMatchObject({ evaluations: 7, iterations: 6, outcome: 'exhausted' })
    expect(solution.history).toHaveLength(7)
    expect(points).toHaveLength(7)
    const best = solution.history.indexOf(solution.residual)
    expect([...points[best]!]).toEqual([...solution.value.data])
  })

  it('keeps no memory between runs and gives the same bits twice', async () => {
    const first = await run(nonlinear(), iteration, 12)
    const again = await run(nonlinear(), iteration, 12)
    expect(again).toEqual(first)
  })

  it('never changes the tensors it is given', async () => {
    const problem = linear()
    const frozen: Problem = {
      ...problem,
      async evaluate(x) {
        const evaluation = await problem.evaluate(x)
        const before = [x.data.slice(), evaluation.residual.data.slice()]
        queueMicrotask(() => expect([x.data, evaluation.residual.data]).toEqual(before))
        return evaluation
      },
    }
    const start = problem.start.data.slice()
    await run(frozen, iteration, 12)
    expect(problem.start.data).toEqual(start)
  })

  it('returns the best point of a problem that blows up, and says so', async () => {
    const problem = repelling()
    const start = await problem.evaluate(problem.start)
    const solution = await run(problem, iteration)
    expect(solution.value.data.every(Number.isFinite)).toBe(true)
    expect(solution.residual).toBeLessThanOrEqual(norm(start.residual))
    // Anderson extrapolates to the zero all the same; who does not get there must not claim so.
    const reached = norm(subtract(solution.value, problem.solution)) < 1e-6
    expect(solution.outcome === 'converged').toBe(reached)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('stops at %s with the best point before', async (value) => {
    const solution = await run(breaking(linear(), 4, value), iteration)
    expect(solution).toMatchObject({ outcome: 'diverged', evaluations: 4 })
    expect(solution.value.data.every(Number.isFinite)).toBe(true)
    expect(solution.residual).toBe(Math.min(...solution.history))
    expect(solution.history.at(-1)).toBe(Number.POSITIVE_INFINITY)
  })

  it('stays at a solution', async () => {
    const problem = linear()
    const solution = await run({ ...problem, start: problem.solution }, iteration, budget, 0)
    expect(solution).toMatchObject({ outcome: 'converged', evaluations: 1, iterations: 0, residual: 0 })
    expect(solution.value).toBe(problem.solution)
  })
})

describe('the theorems', () => {
  /** min over the run of ⟨T z, z − z*⟩/‖T z‖², and the distances to z*. */
  async function measure(iteration: Iteration) {
    const problem = nonlinear()
    const { points, problem: observed } = watched(problem)
    await run(observed, iteration, 60, 0)
    const distances: number[] = []
    let beta = Number.POSITIVE_INFINITY
    for (const data of points) {
      const point = { shape: [6], data }
      const { residual } = await problem.evaluate(point)
      const offset = subtract(point, problem.solution)
      const inner = residual.data.reduce((sum, value, i) => sum + value * offset.data[i]!, 0)
      if (norm(residual) > 0) beta = Math.min(beta, inner / norm(residual) ** 2)
      distances.push(norm(offset))
    }
    return { beta, distances }
  }

  it.each([0.1, 0.7, 1.5])('1: forward steps of %s with beta above rho/2 never move away', async (rho) => {
    const { beta, distances } = await measure(forwardStep({ rho }))
    expect(beta).toBeGreaterThan(rho / 2)
    distances.forEach((distance, k) => {
      if (k > 0 && distances[k - 1]! > 1e-14) expect(distance).toBeLessThan(distances[k - 1]!)
    })
  })

  it.each([0.1, 0.5, 0.9])('2: inertia %s below the step limit converges', async (inertia) => {
    // The residual's slope is at most 0.9, so beta is at least 1/0.9.
    const rho = 0.99 * inertialKmStepLimit(inertia, 1 / 0.9)
    const problem = nonlinear()
    const solution = await run(problem, inertialKm({ inertia, rho }), 4000, 1e-6)
    expect(solution.outcome).toBe('converged')
  })
})
