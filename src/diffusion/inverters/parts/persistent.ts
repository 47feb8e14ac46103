/** A step's equation solved by the cheapest way that works: Anderson, Picard, Newton–Krylov, then by way of shorter steps. */
import type { Steps } from '../../../core/progress.js'
import { anderson } from '../../../iterations/anderson.js'
import { newtonKrylov } from '../../../iterations/newton-krylov.js'
import type { Iteration } from '../../../iterations/parts/solve.js'
import { picard } from '../../../iterations/picard.js'
import { combine, norm, type Tensor } from '../../../math/tensor.js'
import type { Diffusion, Solver, StepInversion } from '../../diffusion.js'
import { continued } from './continuation.js'
import {
  naiveGuess,
  residualHoldingNoise,
  type StepEquation,
  type StepSolution,
  slopeOf,
  solveStep,
} from './step-equation.js'
import { noiseNorm } from './walk-back.js'

/** So many evaluations without a smaller residual mean that it is at the rounding of the network, or lost. */
export const patience = 10

/** What is tried where the first way does not converge, each with what is before it. */
export const fallbacks = ['none', 'picard', 'newton-krylov', 'continuation'] as const
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

/** Solves by Picard's iteration with the noise held fixed, from the naive step: what AIDI does. */
async function* solveHoldingNoise(
  equation: StepEquation,
  diffusion: Diffusion,
  limits: SolveLimits,
): Steps<StepSolution> {
  const options = {
    residual: residualHoldingNoise(equation),
    correct: true,
    patience,
    sufficientMerit: limits.tolerance,
  }
  return yield* solveStep(equation, await naiveGuess(equation, diffusion), picard(), { ...options, ...limits })
}

/**
 * Tries what is left where a step did not converge, in the order of `fallbacks`, and keeps the nearest point of all.
 *
 * Picard's iteration starts anew from the naive step: it is slower than Anderson's and leaps less. Newton–Krylov starts from
 * the best point so far. `continuation` goes by shorter steps, and solves by both from where they lead. Every way has the
 * budget of a step: at most five in all. Nothing is tried where the first way ended at the rounding of float32.
 */
export async function* persevered(
  equation: StepEquation,
  first: StepSolution,
  solver: Solver,
  diffusion: Diffusion,
  fallback: Fallback,
  limits: SolveLimits,
): Steps<PersistentSolution> {
  const byNewton = (start: Tensor) => solveFlat(equation, start, limits, newtonKrylov())
  const ways: Record<Exclude<Fallback, 'none'>, (best: PersistentSolution) => Steps<StepSolution>> = {
    picard: () => solveHoldingNoise(equation, diffusion, limits),
    'newton-krylov': ({ solution }) => byNewton(solution.value),
    async *continuation(best) {
      let left = limits.iterations
      const start = yield* continued(equation, solver, diffusion, async function* (part, from, tolerance) {
        const found = yield* solveFlat(part, from, { ...limits, iterations: Math.max(left, 1), tolerance })
        left -= found.solution.evaluations
        return found
      })
      if (!start) return best
      const led = yield* solveFlat(equation, start, limits)
      return isRoot(led) ? led : nearer(led, yield* byNewton(led.solution.value))
    },
  }
  let best: PersistentSolution = first
  for (const by of fallbacks.slice(1, fallbacks.indexOf(fallback) + 1)) {
    if (isRoot(best) || isRounding(equation, first)) break
    const found = yield* ways[by as keyof typeof ways](best)
    best = isRoot(found) ? { ...found, solution: { ...found.solution, by } } : nearer(best, found)
  }
  return best
}

/** Of float32, in which networks compute: 1 and the next number. */
const spacing = 2 ** -23
/** At rounding the last residuals are all about the same. */
const flat = 2

/**
 * Whether what is left is the rounding of a float32 network, spacing·(‖a·x‖ + ‖b·D(x)‖) in units of the noise in y, and
 * residuals fall no more: no other way finds less. Steps to a clean y, whose noise is small, come to that above the tolerance.
 */
function isRounding(
  { ofX, ofEstimate, to, target }: StepEquation,
  { solution: { value, residual, history, outcome }, estimate }: StepSolution,
): boolean {
  if (outcome !== 'exhausted' || !estimate || history.length <= patience) return false
  const terms = Math.abs(ofX) * norm(value) + Math.abs(ofEstimate) * norm(estimate)
  const isFlat = history.slice(-patience).every((one) => one <= flat * residual)
  return isFlat && residual <= (spacing * terms) / noiseNorm(to, target)
}

const isRoot = ({ solution }: StepSolution) => solution.outcome === 'converged'

const nearer = (one: StepSolution, other: StepSolution): StepSolution =>
  other.solution.residual < one.solution.residual ? other : one
