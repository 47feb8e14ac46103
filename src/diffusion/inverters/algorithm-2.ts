/**
 * Algorithm 2 of "On Exact Inversion of DPM-Solvers" as its authors released it: the baseline of `sweep` for
 * DPM-Solver++(2M). For use prefer that one: exact to a tolerance, for a fraction of the evaluations.
 */
import { define } from '../../core/define.js'
import { plateauStep } from '../../iterations/plateau-step.js'
import { combine, type Tensor } from '../../math/tensor.js'
import type { Diffusion, Inverter, Solver } from '../diffusion.js'
import type { Grid, NoiseLevel, Schedule } from '../level.js'
import { firstOrderStep, interval } from '../multistep.js'
import { levelsBetween, naiveStep, scheduleOf } from './parts/naive-step.js'
import { releasedFields, stopNorm } from './parts/released-stop.js'
import { solveStep, stepEquation } from './parts/step-equation.js'
import { checkAccepted, countedDiffusion, noiseNorm, refused, walkBack, whatIsLost } from './parts/walk-back.js'

/** Training times between two evaluations of the fine naive inversion. */
const substep = 10

/**
 * Undoes DPM-Solver++(2M) step by step with the second-order term frozen at an estimate.
 *
 * The step is x[i+1] = a·x[i] + b₀·D(x[i]) + b₁·D(x[i−1]), and going back x[i−1] is not known. So: naive inversion in
 * steps of 10 training times to y[i] and y[i−1]; the term b₁·(D(y[i−1]) − D(y[i])) is frozen; then forward steps
 * x ← x − ρ·(F₁(x) + frozen − x[i+1]) from y[i], F₁ the first-order step. ρ = 1 on the step into the image, with plateaus;
 * 10/t in between, t the training time of level i + 1, without; steps of first order follow Algorithm 1, the first of all
 * with ρ = 10/t. Stop as `algorithm-1`. Shapes: any.
 * Cost: 20 evaluations a step at 10 steps for the term, and up to `iterations`, hundreds as released.
 * Exact: no, even where every equation is solved, since the term is an estimate; such steps are `exhausted`.
 * Errors: `unsupported` for any rule but one x and two estimates, for a grid that ends at sigma = 0, and for a schedule
 * without training times or none. Source: Hong et al., CVPR 2024, Algorithm 2, constants of github.com/smhongok/inv-dpm.
 * Deviations as `algorithm-1`.
 *
 * @example await new Task(algorithm2().invert(clean, dpmSolver2M({ steps: 10 }), { ...diffusion, schedule }))
 */
export const algorithm2 = define({
  id: 'algorithm-2',
  title: 'Algorithm 2 of exact DPM-Solver inversion',
  source: 'Hong et al., CVPR 2024, arXiv 2311.18387',
  fields: {
    ...releasedFields,
  },
  make: ({ stop, iterations }): Inverter => {
    const inverter: Inverter = {
      name: 'algorithm-2',
      accepts: (solver, grid) => refusal(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const schedule = scheduleOf(plain, 'algorithm-2')
        if (schedule.trainingTimes === undefined) {
          throw refused('algorithm-2', schedule.name, 'Its sub-steps are counted in training times: use `sweep`.')
        }
        return yield* walkBack('algorithm-2', clean, plain, 1, async function* (known, index, end) {
          const { diffusion, evaluations } = countedDiffusion(plain)
          const { grid, denoise } = diffusion
          const [from, to] = [grid[index]!, grid[end]!]
          const weight = solver.coefficients!(grid, index).denoised[1] ?? 0
          const stride = weight === 0 ? Number.POSITIVE_INFINITY : substep
          const guess = await inverted(known, to, from, stride, schedule, diffusion)
          yield { stage: 'algorithm-2', done: evaluations(), latent: guess }
          let frozen: Tensor | undefined
          if (weight !== 0) {
            const older = grid[index - 1]!
            const before = await inverted(guess, from, older, stride, schedule, diffusion)
            frozen = combine([weight, await denoise(before, older)], [-weight, await denoise(guess, from)])
            yield { stage: 'algorithm-2', done: evaluations(), latent: guess }
          }
          const last = index === grid.length - 2
          const move = plateauStep({
            rho: last ? 1 : substep / schedule.time(to.lambda),
            patience: last || index === 0 ? 20 : Number.POSITIVE_INFINITY,
          })
          const equation = stepEquation(firstOrderWith(frozen), diffusion, index, end, known)
          const { states, solution } = yield* solveStep(equation, guess, move, {
            residual: (mismatch) => mismatch,
            correct: false,
            iterations,
            sufficientMerit: stopNorm(stop, known) / noiseNorm(to, known),
            stage: 'algorithm-2',
          })
          const outcome = frozen && solution.outcome === 'converged' ? 'exhausted' : solution.outcome
          return { states, solution: { ...solution, evaluations: evaluations(), outcome } }
        })
      },
    }
    return inverter
  },
})

/** Fine naive inversion, in steps of so many training times. */
async function inverted(
  x: Tensor,
  cleaner: NoiseLevel,
  noisier: NoiseLevel,
  stride: number,
  schedule: Schedule,
  diffusion: Diffusion,
): Promise<Tensor> {
  let [y, at] = [x, cleaner]
  for (const next of levelsBetween(cleaner, noisier, stride, schedule)) {
    y = await naiveStep(y, at, next, 'noisier', diffusion)
    at = next
  }
  return y
}

/** The first-order step, plus a term that does not move. */
const firstOrderWith = (term: Tensor | undefined): Pick<Solver, 'name' | 'step'> => ({
  name: 'algorithm-2',
  async step({ index, x }, { grid, denoise }) {
    const { from, to } = interval(grid, index)
    const { x: ofX, denoised } = firstOrderStep(from, to)
    const estimate = await denoise(x, from)
    const next = combine([ofX[0]!, x], [denoised[0]!, estimate], ...(term ? [[1, term] as const] : []))
    return { index: index + 1, x: next, memory: [] }
  },
})

/** Why a solver is not of the shape that the algorithm is for; undefined where it is. */
function refusal(solver: Solver, grid: Grid): string | undefined {
  const lost = whatIsLost(solver, grid)
  if (lost) return lost
  const { coefficients } = solver
  const rules = coefficients ? grid.slice(1).map((_, index) => coefficients(grid, index)) : []
  const fits = rules.every(({ x, denoised }) => x.slice(1).every((weight) => weight === 0) && denoised.length <= 2)
  return fits && rules.some(({ denoised }) => denoised.length === 2)
    ? undefined
    : 'It is for DPM-Solver++(2M), one x and two estimates: `automatic` takes most others.'
}
