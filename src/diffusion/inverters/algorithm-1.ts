/**
 * Algorithm 1 of "On Exact Inversion of DPM-Solvers" as its authors released it: the baseline of `implicit`. For use
 * prefer that one: nearer to the noise for a tenth of the evaluations.
 */
import { define } from '../../core/define.js'
import { plateauStep } from '../../iterations/plateau-step.js'
import type { Inverter } from '../diffusion.js'
import { releasedFields, stopNorm } from './parts/released-stop.js'
import { naiveGuess, solveStep, stepEquation } from './parts/step-equation.js'
import { checkAccepted, countedDiffusion, noiseNorm, notImplicit, strideOf, walkBack } from './parts/walk-back.js'

/**
 * Solves F(x[i]) = x[i+1] by forward steps from the naive guess: x ← x − ρₖ·(F(x) − y).
 *
 * ρₖ warms up over 20 updates to ρ = 0.5 and is halved on plateaus of 20. It stops at Σ(F(x) − y)² < 1e-3, summed over
 * the latent whatever its size (`as-released`), or at the same mean square as at 4 × 64 × 64 (`per-element`). Shapes:
 * any. Cost: 1 + up to `iterations` evaluations a step. Exact given the latent, up to that tolerance. Errors:
 * `unsupported` as `implicit`. Source: Hong et al., CVPR 2024, Algorithm 1, with the constants of
 * github.com/smhongok/inv-dpm. Deviations: the best point instead of the last; the sampler's own grid, where the
 * released code is off by one at t = 500.
 *
 * @example await new Task(algorithm1({ stop: 'per-element' }).invert(clean, ddim(), diffusion))
 */
export const algorithm1 = define({
  id: 'algorithm-1',
  title: 'Algorithm 1 of exact DPM-Solver inversion',
  source: 'Hong et al., CVPR 2024, arXiv 2311.18387',
  fields: {
    ...releasedFields,
    rate: { type: 'number', exclusiveMinimum: 0, default: 0.5, description: 'Step size ρ after the warm-up.' },
  },
  make: ({ stop, iterations, rate }): Inverter => {
    const inverter: Inverter = {
      name: 'algorithm-1',
      accepts: (solver, grid) => notImplicit(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const stride = strideOf(solver, plain.grid)!
        return yield* walkBack('algorithm-1', clean, plain, stride, async function* (known, index, end) {
          const { diffusion, evaluations } = countedDiffusion(plain)
          const equation = stepEquation(solver, diffusion, index, end, known)
          const guess = await naiveGuess(equation, diffusion)
          const { states, solution } = yield* solveStep(equation, guess, plateauStep({ rho: rate }), {
            residual: (mismatch) => mismatch,
            correct: false,
            iterations,
            sufficientMerit: stopNorm(stop, known) / noiseNorm(equation.to, known),
            stage: 'algorithm-1',
          })
          return { states, solution: { ...solution, evaluations: evaluations() } }
        })
      },
    }
    return inverter
  },
})
