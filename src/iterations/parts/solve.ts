/**
 * The only iterative loop: drives a residual to zero, counts what it costs, remembers the best point seen and says how
 * it ended. How to move is an Iteration's business; what is solved, a Problem's.
 */
import { expected, gotText } from '../../core/errors.js'
import type { Steps } from '../../core/progress.js'
import { isFinite as isFiniteTensor, norm, type Tensor } from '../../math/tensor.js'

export interface Evaluation {
  /** Zero at a solution; of the point's shape. For minimisers, the gradient. */
  readonly residual: Tensor
  /** What "best" is measured by, smaller is better; ‖residual‖ by default. Iterations use only its order. */
  readonly merit?: number
}

export interface Problem {
  readonly start: Tensor
  /** The costly part. */
  evaluate(x: Tensor): Promise<Evaluation>
}

/** The next point to look at, from the point just evaluated. Holds its own history. */
export type Updater = (x: Tensor, residual: Tensor, merit: number) => Tensor

/** How to move when the residual is not zero. `start` makes a fresh updater. */
export interface Iteration {
  readonly name: string
  start(x: Tensor): Updater
}

/**
 * How it ended: the residual is within the tolerance, or the merit sufficient; the budget or the patience is spent; or
 * the problem blew up, that is, a number was not finite or the merit stayed far above the start's.
 */
export type Outcome = 'converged' | 'exhausted' | 'diverged'

/** Never silent, never NaN. */
export interface Solution {
  /** The point with the smallest merit among those evaluated, the start included. */
  readonly value: Tensor
  /** The merit of `value`; infinite when not even the start could be evaluated. */
  readonly residual: number
  /** Updates whose result was evaluated: evaluations − 1. */
  readonly iterations: number
  readonly evaluations: number
  readonly outcome: Outcome
  /** The merit at each evaluation, infinite where it was not finite. */
  readonly history: readonly number[]
}

export interface SolveOptions {
  /** Budget of evaluations, at least 1; never exceeded. */
  readonly iterations: number
  /** Converged when ‖residual‖ ≤ tolerance·‖residual at the start‖. Default 0: only an exact zero. */
  readonly tolerance?: number
  /** Converged when ‖residual‖ ≤ this, whatever the start. Default 0. */
  readonly absoluteTolerance?: number
  /** Converged when the merit is at most this: as good as the data allow. Default: never. */
  readonly sufficientMerit?: number | undefined
  /** Ends, exhausted, when this many evaluations in a row brought no smaller merit. Default: never. */
  readonly patience?: number | undefined
  /** What the merit must fall by, since the last time that it did, to be called smaller by `patience`. Default 0: by anything. */
  readonly leastGain?: number | undefined
  /** Name of the work in its progress; the iteration's by default. */
  readonly stage?: string
}

/** A merit this many times the start's, for this many evaluations in a row, will not come back by itself. */
const divergence = { growth: 10, patience: 5 }

/**
 * Drives a problem's residual to zero with an iteration and returns the best point it has evaluated.
 *
 * x⁰ = start, xᵏ⁺¹ = update(xᵏ, residual(xᵏ), merit(xᵏ)). A budget of N costs at most N evaluations: the start and
 * N − 1 updates; a point that was never evaluated is never returned. Yields progress after each evaluation, with the
 * point as `latent` and its merit as `residual`. Not converging is an outcome, not an error. Throws `not-finite` when
 * the start is not finite, and `bad-option` for a budget below 1. A `Task` with a signal ends it between evaluations.
 *
 * @example
 * const problem = { start: zeros([2]), evaluate: async (x) => ({ residual: subtract(x, target) }) }
 * const { value, outcome } = await new Task(solve(problem, anderson(), { iterations: 20, tolerance: 1e-6 }))
 */
export async function* solve(problem: Problem, iteration: Iteration, options: SolveOptions): Steps<Solution> {
  const {
    iterations,
    tolerance = 0,
    absoluteTolerance = 0,
    sufficientMerit,
    patience = Number.POSITIVE_INFINITY,
    leastGain = 0,
  } = options
  const { stage = iteration.name } = options
  checkSolvable(problem, iterations, stage)
  const update = iteration.start(problem.start)
  const history: number[] = []
  let best = { value: problem.start, residual: Number.POSITIVE_INFINITY }
  let target = absoluteTolerance
  let farAbove = 0
  let fruitless = 0
  let lastGain = Number.POSITIVE_INFINITY
  const finish = (outcome: Outcome): Solution => {
    return { ...best, iterations: history.length - 1, evaluations: history.length, outcome, history }
  }

  for (let x = problem.start; ; ) {
    const { residual, merit: given } = await problem.evaluate(x)
    const size = norm(residual)
    const finite = Number.isFinite(size) && (given === undefined || Number.isFinite(given))
    const merit = finite ? (given ?? size) : Number.POSITIVE_INFINITY
    history.push(merit)
    fruitless = merit < lastGain - leastGain ? 0 : fruitless + 1
    if (fruitless === 0) lastGain = merit
    if (merit < best.residual) best = { value: x, residual: merit }
    yield { stage, done: history.length, total: iterations, residual: merit, latent: x }

    if (!finite) return finish('diverged')
    if (history.length === 1) target = Math.max(target, tolerance * size)
    if (size <= target || (sufficientMerit !== undefined && merit <= sufficientMerit)) return finish('converged')
    farAbove = merit > divergence.growth * history[0]! ? farAbove + 1 : 0
    if (farAbove === divergence.patience) return finish('diverged')
    if (history.length === iterations || fruitless >= patience) return finish('exhausted')
    x = update(x, residual, merit)
    if (!isFiniteTensor(x)) return finish('diverged')
  }
}

function checkSolvable(problem: Problem, iterations: number, stage: string): void {
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw expected(
      'bad-option',
      'an integer, at least 1',
      `the iterations of ${stage}`,
      gotText(iterations),
      'Raise it.',
    )
  }
  if (!isFiniteTensor(problem.start)) {
    throw expected('not-finite', 'finite numbers', `the start of ${stage}`, 'NaN or infinity', 'Check what made it.')
  }
}
