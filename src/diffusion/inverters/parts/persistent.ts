/** A step's equation solved by the cheapest way that works: Anderson, then Newton–Krylov, then by way of shorter steps. */
import type { Steps } from '../../../core/progress.js'
import { anderson } from '../../../iterations/anderson.js'
import { newtonKrylov } from '../../../iterations/newton-krylov.js'
import type { Iteration } from '../../../iterations/parts/solve.js'
import { combine, type Tensor } from '../../../math/tensor.js'
import type { Diffusion, Solver, StepInversion } from '../../diffusion.js'
import { continued } from './continuation.js'
import { type StepEquation, type StepSolution, slopeOf, solveStep } from './step-equation.js'

/** So many evaluations without a smaller residual mean that it is at the rounding of the network, or lost. */
export const patience = 10

/** What is tried where the first way does not converge, each with what is before it. */
export const fallbacks = ['none', 'newton-krylov', 'continuation'] as const
export type Fallback = (typeof fallbacks)[number]

export interface SolveLimits {
  /** Evaluations, at most. */
  readonly iterations: number
  readonly tolerance: number
  readonly stage: string
}

/** A solution, with what found it where the first way did not. */
export interface PersistentSolution extends StepSolution {
  readonly solution: StepInversion
}

/** Solves by Anderson, or another iteration, on what is left of F(x) − y with the velocity held fixed. */
export const solveFlat = (
  equation: StepEquation,
  start: Tensor,
  { tolerance, ...limits }: SolveLimits,
  iteration: Iteration = anderson(),
): Steps<StepSolution> =>
  solveStep(equation, start, iteration, {
    residual: (mismatch) => combine([1 / slopeOf(equation), mismatch]),
    ...(iteration.name === 'newton-krylov' ? productsBetween : { correct: true, patience }),
    sufficientMerit: tolerance,
    ...limits,
  })

/** Between two Newton steps there are products: they are no updates, and do not lower the residual. */
export const productsBetween = { correct: false, patience: undefined } as const

/**
 * Tries what is left where a step did not converge: `newton-krylov` from the best point so far, then, with `continuation`, a
 * way by shorter steps, and both iterations from where it leads.
 *
 * Every way has the budget of a step: at most four in all. The nearest point of all is kept.
 */
export async function* persevered(
  equation: StepEquation,
  first: StepSolution,
  solver: Solver,
  diffusion: Diffusion,
  fallback: Fallback,
  limits: SolveLimits,
): Steps<PersistentSolution> {
  const isRoot = ({ solution }: StepSolution) => solution.outcome === 'converged'
  if (fallback === 'none' || isRoot(first)) return first
  const newton = yield* solveFlat(equation, first.solution.value, limits, newtonKrylov())
  if (isRoot(newton)) return told(newton, 'newton-krylov')
  const best = nearer(first, newton)
  if (fallback === 'newton-krylov') return best
  let left = limits.iterations
  const start = yield* continued(equation, solver, diffusion, async function* (part, from, tolerance) {
    const found = yield* solveFlat(part, from, { ...limits, iterations: Math.max(left, 1), tolerance })
    left -= found.solution.evaluations
    return found
  })
  if (!start) return best
  const led = yield* solveFlat(equation, start, limits)
  if (isRoot(led)) return told(led, 'continuation')
  const last = yield* solveFlat(equation, led.solution.value, limits, newtonKrylov())
  return isRoot(last) ? told(last, 'continuation') : nearer(nearer(best, led), last)
}

const told = (found: StepSolution, by: string): PersistentSolution => {
  return { ...found, solution: { ...found.solution, by } }
}

const nearer = (one: StepSolution, other: StepSolution): StepSolution =>
  other.solution.residual < one.solution.residual ? other : one
