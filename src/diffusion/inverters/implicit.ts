/**
 * Inversion of each step as the equation that it is, with any iteration. The way to undo samplers that were not made to
 * be undone: exact given the latent, up to the tolerance. Multistep rules need `sweep`; reversible ones `reversible`.
 */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { anderson } from '../../iterations/anderson.js'
import { forwardStep } from '../../iterations/forward-step.js'
import { gradientDescent } from '../../iterations/gradient-descent.js'
import { newtonKrylov } from '../../iterations/newton-krylov.js'
import type { Iteration } from '../../iterations/parts/solve.js'
import { picard } from '../../iterations/picard.js'
import { combine, type Tensor } from '../../math/tensor.js'
import type { Diffusion, Inverter, Solver } from '../diffusion.js'
import { extrapolation } from './parts/extrapolation.js'
import { fallbacks, patience, persevered, productsBetween, solveFlat } from './parts/persistent.js'
import { growthOf, lookForRoots, untried } from './parts/roots.js'
import {
  naiveGuess,
  residualHoldingNoise,
  type StepEquation,
  slopeOf,
  solveStep,
  stepEquation,
} from './parts/step-equation.js'
import { checkAccepted, countedDiffusion, notImplicit, refused, strideOf, walkBack } from './parts/walk-back.js'

const iterationNames = ['picard', 'forward-step', 'anderson', 'newton-krylov', 'gradient-descent'] as const
type IterationName = (typeof iterationNames)[number]

/**
 * Solves step(x[i]) = x[i+1] for x[i], one step after the other from the clean end.
 *
 * With F(x) = a·x + b·D(x) (a = σ′/σ, b = α′ − α·a for first-order steps), r = F(x) − y and its size ‖r‖/(σ′·√n).
 * `anderson` accelerates x ← x − r/(a + b·∂D) with ∂D = alpha/(alpha² + sigma²), the velocity held fixed. `picard` is x
 * ← x − (α/α′)·r, the noise held fixed: the fixed-point iteration of AIDI. `forward-step` is x ← x − rate·r.
 * `newton-krylov` solves J·d = −r by evaluations nearby, for steps on which nothing contracts. `gradient-descent` follows
 * Fᵀ′·r with the denoiser's pullback and finds its own step. The start is free after the first step: a parabola through the
 * estimates of the last cleaner levels (`extrapolated`); picard and forward-step start from the naive step, as published. A step has converged at a size of at most `tolerance`; that last residual is
 * still taken off by one update that costs nothing. Steps that do not converge keep the best point seen and say so
 * (`exhausted`, `diverged`). `fallback` goes on from there: Picard from the naive step, Newton–Krylov, then a start by way of 4 or
 * 16 shorter steps, each within the budget. With `restarts` every step is solved from so many other points too, and `roots` says how many
 * different roots they led to; the first is kept. Without restarts q tells how much the fixed-point map drew iterates
 * together. Where q is 0.75 or more, or Π 1/(1 − q) from the clean end reaches 10⁶, `roots` says `not tried`: another noise
 * may lead to the same image.
 *
 * Shapes: any. Memory: 2·window + 6 tensors. Cost at 50 DDIM steps and −90 dB: about 2 network evaluations a step on
 * the analytic world of the laws, 3 to 4 on the bundled model at guidance 1 to 3. Coarse grids and strong guidance cost up to
 * 22: docs/noise-inversion.md has a table. A solver of two evaluations a step pays them for each.
 * Exact given the latent, up to the tolerance, where the preimage is unique. Coarse grids under strong guidance can have
 * several, all with a residual of zero. Guidance can also turn a step over (∂F/∂x indefinite). Such steps can end
 * `exhausted`. Errors: `unsupported` for solvers with memory, for a grid that ends at sigma = 0, and for gradient
 * descent without a pullback. Source: the equation, Hong et al., CVPR 2024; picard, Pan et al., ICCV 2023 (AIDI);
 * preconditioner, start, unit of the tolerance and the free last update, ours.
 *
 * @example
 * const { states, solutions } = await new Task(implicit({ tolerance: 1e-6 }).invert(clean, ddim(), diffusion))
 */
export const implicit = define({
  id: 'implicit',
  title: 'Implicit inversion',
  source: 'Hong et al., CVPR 2024; Pan et al., ICCV 2023; acceleration by undiffuse',
  also: {
    aidi: 'implicit:iteration=picard',
    'fixed-point': 'implicit:iteration=picard',
    picard: 'implicit:iteration=picard',
    anderson: 'implicit',
    'newton-krylov': 'implicit:iteration=newton-krylov',
  },
  fields: {
    iteration: { type: 'choice', choices: iterationNames, default: 'anderson', description: 'How to move.' },
    iterations: {
      type: 'integer',
      minimum: 1,
      default: 50,
      unit: 'evaluations of a step',
      description: 'Budget of each step.',
    },
    tolerance: {
      type: 'number',
      minimum: 0,
      default: 1e-5,
      description: 'Converged when the residual is at most this share of the noise in the cleaner x.',
    },
    rate: {
      type: 'number',
      exclusiveMinimum: 0,
      description:
        'Share of the residual taken off. Default 1 for anderson, picard and gradient-descent, 0.5 forward-step.',
    },
    window: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 5,
      description: 'Differences that anderson remembers.',
    },
    start: {
      type: 'choice',
      choices: ['extrapolated', 'naive'],
      description: 'First guess. Default extrapolated; naive for picard and forward-step, as published.',
    },
    fallback: {
      type: 'choice',
      choices: fallbacks,
      default: 'none',
      description: 'What is tried where a step does not converge, each after those before it.',
    },
    restarts: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'Other starts of each step, to see whether it has other roots. About 10 evaluations each.',
    },
    seed: { type: 'integer', minimum: 0, default: 0, description: 'Of the random starts.' },
  },
  make: ({ iteration, iterations, tolerance, window, fallback, restarts, seed, ...options }): Inverter => {
    const rate = options.rate ?? (iteration === 'forward-step' ? 0.5 : 1)
    const published = iteration === 'picard' || iteration === 'forward-step'
    const start = options.start ?? (published ? 'naive' : 'extrapolated')
    const moves: Record<IterationName, () => Iteration> = {
      picard: () => (rate === 1 ? picard() : forwardStep({ rho: rate })),
      'forward-step': () => forwardStep({ rho: rate }),
      anderson: () => anderson({ window, damping: rate }),
      'newton-krylov': () => newtonKrylov(),
      'gradient-descent': () => gradientDescent({ step: rate }),
    }
    const stage = `implicit ${iteration}`
    const inverter: Inverter = {
      name: 'implicit',
      accepts: (solver, grid) => notImplicit(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        if (iteration === 'gradient-descent') checkGradient(solver, plain)
        let estimates = extrapolation()
        let growth = 1
        const stride = strideOf(solver, plain.grid)!
        return yield* walkBack(stage, clean, plain, stride, async function* (known, index, end) {
          const { diffusion, evaluations } = countedDiffusion(plain)
          const equation = stepEquation(solver, diffusion, index, end, known)
          const expectation = start === 'extrapolated' ? estimates.at(equation.from) : undefined
          const guess = expectation ? equation.pointFor(expectation) : await naiveGuess(equation, diffusion)
          const limits = { iterations, tolerance, stage }
          const first = yield* solveStep(equation, guess, moves[iteration](), {
            residual: residuals[iteration](equation, diffusion),
            ...(iteration === 'newton-krylov' ? productsBetween : { correct: true, patience }),
            iterations,
            sufficientMerit: tolerance,
            stage,
          })
          const persistent = yield* persevered(equation, first, solver, diffusion, fallback, limits)
          const solveFrom = (start: Tensor) => solveFlat(equation, start, limits)
          const search = { restarts, seed: seed + index, tolerance, solveFrom }
          const others = restarts > 0 ? yield* lookForRoots(equation, persistent, diffusion, search) : undefined
          const found = others?.roots[0] ?? persistent
          if (found.estimate) estimates = estimates.and(equation.from, found.estimate)
          const contraction = equation.contraction()
          growth *= growthOf(contraction)
          const roots = others?.check ?? untried(found, growth)
          const told = { ...found.solution, evaluations: evaluations(), contraction, ...(roots && { roots }) }
          return { states: found.states, solution: told }
        })
      },
    }
    return inverter
  },
})

type Residual = (mismatch: Tensor, x: Tensor) => Tensor | Promise<Tensor>

/** What each iteration drives to zero. */
const residuals: Record<IterationName, (equation: StepEquation, diffusion: Diffusion) => Residual> = {
  picard: residualHoldingNoise,
  'forward-step': () => (mismatch) => mismatch,
  anderson: (equation) => (mismatch) => combine([1 / slopeOf(equation), mismatch]),
  'newton-krylov': (equation) => (mismatch) => combine([1 / slopeOf(equation), mismatch]),
  'gradient-descent': (equation, diffusion) => async (mismatch, x) => {
    const pulled = await diffusion.pullback!(x, equation.from, mismatch)
    const scale = 1 / slopeOf(equation) ** 2
    return combine([scale * equation.ofX, mismatch], [scale * equation.ofEstimate, pulled])
  },
}

/** The gradient is known where a step is a·x + b·D(x) and a gradient graph can be opened. */
function checkGradient(solver: Solver, { grid, pullback }: Diffusion): void {
  const name = 'implicit:iteration=gradient-descent'
  if (!pullback) throw refused(name, 'a denoiser without gradients', 'Use `iteration=anderson`, which needs none.')
  if (!solver.coefficients || strideOf(solver, grid) !== 1) {
    throw expected('unsupported', 'a step a·x + b·D(x)', `\`${name}\``, solver.name, 'Use `iteration=anderson`.')
  }
}
