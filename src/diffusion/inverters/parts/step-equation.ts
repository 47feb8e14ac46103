/**
 * One step of a solver as an equation, F(x) = y for the noisier x, and its solution with any iteration. What to start
 * from and how to weigh the residual is the inverter's business.
 */
import { expected } from '../../../core/errors.js'
import type { Steps } from '../../../core/progress.js'
import { type Iteration, type Solution, type SolveOptions, solve } from '../../../iterations/parts/solve.js'
import { combine, isFinite as isFiniteTensor, norm, subtract, type Tensor } from '../../../math/tensor.js'
import type { Diffusion, Solver, State } from '../../diffusion.js'
import type { NoiseLevel } from '../../level.js'
import { firstOrderStep, interval } from '../../multistep.js'
import { stepped } from '../../solver-check.js'
import { naiveStep } from './naive-step.js'
import { velocitySlope } from './velocity.js'
import { noiseNorm } from './walk-back.js'

export interface StepEquation {
  readonly from: NoiseLevel
  readonly to: NoiseLevel
  /** y, the known x at the cleaner level. */
  readonly target: Tensor
  /** Steps of the grid that it goes over. */
  readonly count: number
  /** F(x) − y and the states on the way; not finite where the network's answer is not. */
  evaluate(x: Tensor): Promise<{ readonly mismatch: Tensor; readonly states: readonly State[] }>
  /** What is left where F(x) is not finite: x itself at each noisier level of the step. */
  statesAt(x: Tensor): readonly State[]
  /** The weights of x and of the estimate of x₀ in the first-order step between the two levels. */
  readonly ofX: number
  readonly ofEstimate: number
  /**
   * The estimate of x₀ with which the first-order step leads from x to y + mismatch: D(x) where F is that step. Undefined
   * where the step leads nowhere.
   */
  estimateAt(x: Tensor, mismatch: Tensor): Tensor | undefined
  /** The x from which the first-order step with this estimate leads to y. */
  pointFor(estimate: Tensor): Tensor
  /**
   * The largest ‖G(x) − G(y)‖/‖x − y‖ between points evaluated one after the other, of the fixed-point map G(x) = x − (F(x) −
   * y)/slope that holds the velocity: |Δσ|·L along the way of the iteration. 0 where no two points were apart.
   */
  contraction(): number
}

/** The equation of the steps from `index` to `end`, which need no memory. */
export function stepEquation(
  solver: Undone,
  diffusion: Diffusion,
  index: number,
  end: number,
  target: Tensor,
): StepEquation {
  const { from } = interval(diffusion.grid, index)
  const { to } = interval(diffusion.grid, end - 1)
  const rule = firstOrderStep(from, to)
  const [ofX, ofEstimate] = [rule.x[0]!, rule.denoised[0]!]
  const slope = slopeOf({ ofX, ofEstimate, from, to })
  const least = leastApart * noiseNorm(to, target)
  let before: { readonly x: Tensor; readonly mismatch: Tensor } | undefined
  let contraction = 0
  function observe(x: Tensor, mismatch: Tensor): void {
    if (!isFiniteTensor(mismatch)) return
    if (before) {
      const apart = norm(subtract(x, before.x))
      const moved = combine([1, x], [-1, before.x], [-1 / slope, mismatch], [1 / slope, before.mismatch])
      if (apart >= least) contraction = Math.max(contraction, norm(moved) / apart)
    }
    before = { x, mismatch }
  }
  return {
    from,
    to,
    target,
    count: end - index,
    ofX,
    ofEstimate,
    contraction: () => contraction,
    estimateAt: (x, mismatch) =>
      ofEstimate === 0
        ? undefined
        : combine([1 / ofEstimate, target], [1 / ofEstimate, mismatch], [-ofX / ofEstimate, x]),
    pointFor: (estimate) => combine([1 / ofX, target], [-ofEstimate / ofX, estimate]),
    statesAt: (x) => Array.from({ length: end - index }, (_, k) => ({ index: index + k, x, memory: [] })),
    async evaluate(x) {
      const states: State[] = [{ index, x, memory: [] }]
      while (states.length <= end - index) states.push(await stepped(solver, states.at(-1)!, diffusion))
      const reached = states.pop()!
      checkForgets(reached, solver)
      const mismatch = combine([1, reached.x], [-1, target])
      observe(x, mismatch)
      return { mismatch, states }
    },
  }
}

/** What a step's equation is made of, and what says that its memory is known. */
type Undone = Pick<Solver, 'name' | 'step' | 'stride' | 'coefficients' | 'unstep'>

/** Throws `unsupported` where the next step would read a memory that these equations do not have: their roots are not the run's. */
function checkForgets({ memory }: State, { name, ...solver }: Undone): void {
  if (memory.length === 0 || solver.stride !== undefined || solver.coefficients || solver.unstep) return
  const remedy = 'Give it `unstep`, `coefficients` or `stride`: docs/extending.md, "A solver".'
  throw expected(
    'unsupported',
    'steps that need no memory',
    `the solver \`${name}\``,
    'a step that returns some',
    remedy,
  )
}

/** In units of the noise in y: points that are nearer tell the rounding of the network, not its slope. */
const leastApart = 1e-3

/** ∂F/∂x with the velocity held fixed; in a step to sigma = 0 that of a flow, D = (x − sigma·velocity)/(alpha + sigma). */
export const slopeOf = ({
  ofX,
  ofEstimate,
  from,
  to,
}: Pick<StepEquation, 'ofX' | 'ofEstimate' | 'from' | 'to'>): number =>
  ofX + ofEstimate * (to.sigma === 0 ? 1 / (from.alpha + from.sigma) : velocitySlope(from))

interface Best {
  readonly mismatch: Tensor
  readonly residual: Tensor
  readonly merit: number
  readonly states: readonly State[]
}

/** The naive step, to start from; y itself where the network has no answer. One evaluation. */
export async function naiveGuess({ target, from, to }: StepEquation, diffusion: Diffusion): Promise<Tensor> {
  const guess = await naiveStep(target, to, from, 'noisier', diffusion)
  return isFiniteTensor(guess) ? guess : target
}

/** F(x) − y in units of x with the noise held fixed, (α/α′)·r: what Picard's iteration takes off. */
export const residualHoldingNoise =
  ({ from, to }: StepEquation) =>
  (mismatch: Tensor): Tensor =>
    combine([from.alpha / to.alpha, mismatch])

export interface StepSolution {
  readonly states: readonly State[]
  readonly solution: Solution
  /** The estimate of x₀ that the network gave at the best point; undefined where the start had blown up. */
  readonly estimate: Tensor | undefined
}

/**
 * Solves a step's equation; merits are ‖F(x) − y‖ in units of the noise in y, sigma·√n.
 *
 * `residual` turns F(x) − y into what the iteration drives to zero. With `correct`, a solution within the tolerance gets
 * one more update that is not evaluated, as in implicit Runge–Kutta codes (Hairer and Wanner, IV.8): the iteration
 * contracts, so x lies nearer than the residual says, which is that of the last evaluated point.
 */
export async function* solveStep(
  equation: StepEquation,
  start: Tensor,
  iteration: Iteration,
  {
    residual,
    correct,
    ...options
  }: SolveOptions & {
    readonly residual: (mismatch: Tensor, x: Tensor) => Tensor | Promise<Tensor>
    readonly correct: boolean
  },
): Steps<StepSolution> {
  const unit = noiseNorm(equation.to, equation.target)
  const update = iteration.start(start)
  let best: Best | undefined
  const problem = {
    start,
    async evaluate(x: Tensor) {
      const { mismatch, states } = await equation.evaluate(x)
      const merit = norm(mismatch) / unit
      const rest = Number.isFinite(merit) ? await residual(mismatch, x) : mismatch
      if (merit < (best?.merit ?? Number.POSITIVE_INFINITY)) best = { mismatch, residual: rest, merit, states }
      return { residual: rest, merit }
    },
  }
  const solved = yield* solve(problem, { ...iteration, start: () => update }, options)
  // A weight of zero stops an iteration without a solution.
  const within = solved.residual <= (options.sufficientMerit ?? 0)
  const solution: Solution = solved.outcome === 'converged' && !within ? { ...solved, outcome: 'exhausted' } : solved
  if (!best) return { solution, states: equation.statesAt(start), estimate: undefined }
  const corrected = correct && solution.outcome === 'converged'
  const x = corrected ? update(solution.value, best.residual, best.merit) : solution.value
  return {
    solution,
    states: best.states.map((state, k) => (k === 0 ? { ...state, x } : state)),
    estimate: equation.estimateAt(solution.value, best.mismatch),
  }
}
