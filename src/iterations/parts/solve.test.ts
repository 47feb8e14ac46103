import { describe, expect, it } from 'vitest'
import type { Progress } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { map, norm, tensor } from '../../math/tensor.js'
import { forwardStep } from '../forward-step.js'
import type { Iteration, Problem } from './solve.js'
import { solve } from './solve.js'

/** residual = x, so that a forward step of ½ halves it. */
const halving: Problem = { start: tensor([1], [8]), evaluate: async (x) => ({ residual: x }) }
const half = forwardStep({ rho: 0.5 })

/** Visits the given points, whatever the residual. */
const visiting = (points: readonly number[]): Iteration => ({
  name: 'visiting',
  start: () => {
    let index = 0
    return () => tensor([1], [points[index++]!])
  },
})

describe('solve', () => {
  it('stops at the relative tolerance', async () => {
    const solution = await new Task(solve(halving, half, { iterations: 100, tolerance: 0.1 }))
    expect(solution).toEqual({
      value: tensor([1], [0.5]),
      residual: 0.5,
      iterations: 4,
      evaluations: 5,
      outcome: 'converged',
      history: [8, 4, 2, 1, 0.5],
    })
  })

  it('stops at the absolute tolerance', async () => {
    const solution = await new Task(solve(halving, half, { iterations: 100, absoluteTolerance: 2 }))
    expect(solution).toMatchObject({ residual: 2, evaluations: 3, outcome: 'converged' })
  })

  it('spends its budget and no more: the start and N − 1 updates', async () => {
    const once = await new Task(solve(halving, half, { iterations: 1 }))
    expect(once).toMatchObject({ value: halving.start, iterations: 0, evaluations: 1, outcome: 'exhausted' })
    const thrice = await new Task(solve(halving, half, { iterations: 3 }))
    expect(thrice).toMatchObject({ residual: 2, iterations: 2, evaluations: 3, outcome: 'exhausted' })
  })

  it('returns the best point, not the last', async () => {
    const solution = await new Task(solve(halving, visiting([3, -1, 5, 7]), { iterations: 5 }))
    expect(solution).toMatchObject({ value: tensor([1], [-1]), residual: 1, history: [8, 3, 1, 5, 7] })
  })

  it('is content with a sufficient merit', async () => {
    const solution = await new Task(solve(halving, half, { iterations: 100, sufficientMerit: 3 }))
    expect(solution).toMatchObject({ residual: 2, evaluations: 3, outcome: 'converged' })
  })

  it('runs out of patience where nothing gets better', async () => {
    const points = visiting([3, 4, 5, 2, 6, 7, 8, 1])
    const solution = await new Task(solve(halving, points, { iterations: 50, patience: 3 }))
    expect(solution).toMatchObject({
      residual: 2,
      evaluations: 8,
      outcome: 'exhausted',
      history: [8, 3, 4, 5, 2, 6, 7, 8],
    })
  })

  it('runs out of patience where what is gained is too little, and still returns the best', async () => {
    const points = visiting([7, 6.6, 6.4, 5, 4.8, 4.6, 4.4, 1])
    const solution = await new Task(solve(halving, points, { iterations: 50, patience: 3, leastGain: 0.7 }))
    // From 8: 7 counts, 6.6 does not, 6.4 and 6.6 together neither, 5 does; 4.8, 4.6 and 4.4 are three in a row.
    expect(solution).toMatchObject({ residual: 4.4, evaluations: 8, outcome: 'exhausted' })
  })

  it('measures "best" by the merit, "converged" by the residual', async () => {
    const problem: Problem = {
      start: tensor([1], [4]),
      evaluate: async (x) => ({ residual: x, merit: Math.abs(x.data[0]! - 3) }),
    }
    const solution = await new Task(solve(problem, visiting([3.5, 1, 0]), { iterations: 9 }))
    expect(solution).toMatchObject({ value: tensor([1], [3.5]), residual: 0.5, outcome: 'converged' })
    expect(solution.history).toEqual([1, 0.5, 2, 3])
  })

  it('gives up when the merit stays far above the start, and not when it comes back', async () => {
    const stays = await new Task(solve(halving, visiting([1, 90, 91, 92, 93, 94, 0]), { iterations: 20 }))
    expect(stays).toMatchObject({ residual: 1, outcome: 'diverged', evaluations: 7 })
    const returns = await new Task(solve(halving, visiting([90, 91, 92, 93, 7, 90, 1, 0]), { iterations: 20 }))
    expect(returns).toMatchObject({ residual: 0, outcome: 'converged' })
  })

  it('does not spend an evaluation on a point that is not finite', async () => {
    const solution = await new Task(solve(halving, visiting([4, Number.NaN]), { iterations: 9 }))
    expect(solution).toMatchObject({ residual: 4, outcome: 'diverged', evaluations: 2 })
  })

  it('survives a start that cannot be evaluated', async () => {
    const problem: Problem = { ...halving, evaluate: async (x) => ({ residual: map(x, () => Number.NaN) }) }
    const solution = await new Task(solve(problem, half, { iterations: 9 }))
    expect(solution).toEqual({
      value: halving.start,
      residual: Number.POSITIVE_INFINITY,
      iterations: 0,
      evaluations: 1,
      outcome: 'diverged',
      history: [Number.POSITIVE_INFINITY],
    })
  })

  it('treats a merit that is not finite as it treats a residual', async () => {
    const problem: Problem = {
      ...halving,
      evaluate: async (x) => ({ residual: x, merit: norm(x) < 3 ? Number.NaN : norm(x) }),
    }
    const solution = await new Task(solve(problem, half, { iterations: 9 }))
    expect(solution).toMatchObject({ residual: 4, outcome: 'diverged', evaluations: 3 })
  })

  it('reports progress after every evaluation', async () => {
    const seen: Progress[] = []
    for await (const progress of new Task(solve(halving, half, { iterations: 2, stage: 'test' }))) seen.push(progress)
    expect(seen).toEqual([
      { stage: 'test', done: 1, total: 2, residual: 8, latent: tensor([1], [8]) },
      { stage: 'test', done: 2, total: 2, residual: 4, latent: tensor([1], [4]) },
    ])
  })

  it('ends between evaluations where the task is aborted', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let evaluations = 0
    const problem: Problem = {
      ...halving,
      async evaluate(x) {
        if (++evaluations === 2) controller.abort(reason)
        return { residual: x }
      },
    }
    await expect(new Task(solve(problem, half, { iterations: 9 }), controller.signal)).rejects.toBe(reason)
    expect(evaluations).toBe(2)
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses a budget of %s', async (iterations) => {
    await expect(new Task(solve(halving, half, { iterations }))).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('refuses a start that is not finite', async () => {
    const problem = { ...halving, start: tensor([1], [Number.NaN]) }
    const steps = solve(problem, half, { iterations: 1, stage: 'test' })
    await expect(new Task(steps)).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringContaining('the start of test'),
    })
  })
})
