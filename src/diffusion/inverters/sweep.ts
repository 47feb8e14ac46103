/**
 * Inversion of multistep rules: the whole trajectory as one equation, since going back a step needs the estimates of
 * noisier levels that are not known yet. For rules without memory `implicit` is cheaper.
 */
import { define } from '../../core/define.js'
import { anderson } from '../../iterations/anderson.js'
import { type Problem, type Solution, solve } from '../../iterations/parts/solve.js'
import { picard } from '../../iterations/picard.js'
import { combine, norm, type Tensor } from '../../math/tensor.js'
import type { Diffusion, Inverter, Solver, State, Trajectory } from '../diffusion.js'
import type { Grid } from '../level.js'
import { type LinearTrajectory, linearTrajectory } from './parts/recurrence.js'
import { velocityOf } from './parts/velocity.js'
import { checkAccepted, countedDiffusion, whatIsLost } from './parts/walk-back.js'

/** So many sweeps without a smaller residual mean that it is at the rounding of the network, or lost; 8 gave up too early. */
const patience = 15

const iterations = { anderson: (window: number) => anderson({ window }), picard: () => picard() }

/**
 * Finds the trajectory of a multistep rule that ends at x[N], by sweeps from the clean end over all its velocities.
 *
 * Given velocities v[0 … N−1], D = slope·x − sigma·v makes the rule linear in x, so the trajectory that ends at x[N] is
 * known without evaluations. A sweep asks the network at each x[i] in turn, cleanest first, replaces v[i] by what it
 * answers and shifts all noisier ones as far: G(v). Solves v = G(v) by Anderson acceleration over all levels
 * together, or by plain sweeps (`picard`), from the same velocity everywhere. Converged when the root mean square of
 * v − G(v), in units of the noise, is at most `tolerance`.
 *
 * Shapes: any. Memory: 2·window·N tensors. Cost: one evaluation a step and sweep, one more for the start. Measured with 2M
 * at 10 and 20 steps: 5 to 6 sweeps for −116 dB and better on the analytic world of the laws; on the bundled model at guidance
 * 1, 19 for −97 dB and 33 for −87 dB. Exact given the latent, up to the tolerance, where the preimage is unique:
 * coarse grids under strong guidance can have several, all with a residual of zero. States carry no memory.
 * Errors: `unsupported` for solvers that are not linear multistep rules, and for a grid that ends at sigma = 0 unless the
 * solver keeps x there. What does not converge says so (`exhausted`, `diverged`) and keeps the best sweep. Source: ours;
 * the equation that Algorithm 2 of Hong et al., CVPR 2024, solves approximately.
 *
 * @example
 * const { states } = await new Task(sweep().invert(clean, dpmSolver2M({ steps: 20 }), diffusion))
 */
export const sweep = define({
  id: 'sweep',
  title: 'Sweeps over the trajectory',
  source: 'undiffuse',
  fields: {
    iteration: {
      type: 'choice',
      choices: ['anderson', 'picard'],
      default: 'anderson',
      description: 'How the next sweep starts from the last ones.',
    },
    sweeps: { type: 'integer', minimum: 1, default: 50, unit: 'sweeps', description: 'Budget.' },
    tolerance: {
      type: 'number',
      minimum: 0,
      default: 3e-6,
      description: 'Converged when a sweep moves the velocities by at most this, in units of the noise.',
    },
    window: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 7,
      description: 'Differences that anderson remembers.',
    },
  },
  make: ({ iteration, sweeps, tolerance, window }): Inverter => {
    const inverter: Inverter = {
      name: 'sweep',
      accepts: (solver, grid) => refusal(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const { diffusion, evaluations } = countedDiffusion(plain)
        const problem = await sweepProblem(clean, solver, diffusion)
        const solution = yield* solve(problem, iterations[iteration](window), {
          iterations: sweeps,
          sufficientMerit: tolerance,
          patience,
          stage: `sweep ${iteration}`,
        })
        return trajectoryFrom(clean, problem, solution, evaluations())
      },
    }
    return inverter
  },
})

/** Why a solver's trajectory is not linear in its velocities, or cannot be undone; undefined where it can. */
function refusal(solver: Solver, grid: Grid): string | undefined {
  const { lossy, keepsToZero = false } = solver
  // Velocities say nothing of x where a step leads from pure noise to sigma = 0.
  const keeps = keepsToZero && grid[0]!.alpha > 0
  const lost = whatIsLost({ ...(lossy !== undefined && { lossy }), keepsToZero: keeps }, grid)
  if (lost) return lost
  return solver.coefficients ? undefined : 'It is not a linear multistep rule: use `implicit` or `reversible`.'
}

interface SweepProblem extends Problem {
  /** The trajectory of some velocities. */
  readonly trajectory: LinearTrajectory
  /** G(v) of velocities that were evaluated; undefined where they had blown up. */
  answer(velocities: Tensor): readonly Tensor[] | undefined
}

/** What the best sweep found: where it converged, from what the network answered, which is nearer than what it was asked. */
function trajectoryFrom(clean: State, problem: SweepProblem, solution: Solution, evaluations: number): Trajectory {
  const asked = split(solution.value)
  const answered = problem.answer(solution.value)
  const found = (solution.outcome === 'converged' && answered) || asked
  const xs = found.map((_, index) => problem.trajectory(index, found))
  const { length } = asked
  const share = Math.floor(evaluations / length)
  return {
    states: [...xs.map((x, index) => ({ index, x, memory: [] })), clean],
    solutions: asked.map((velocity, i) => ({
      ...solution,
      value: xs[i]!,
      residual: answered
        ? norm(combine([1, velocity], [-1, answered[i]!])) / Math.sqrt(velocity.data.length)
        : Number.POSITIVE_INFINITY,
      evaluations: i === length - 1 ? evaluations - share * (length - 1) : share,
    })),
  }
}

async function sweepProblem(clean: State, solver: Solver, diffusion: Diffusion): Promise<SweepProblem> {
  const { grid, denoise } = diffusion
  const count = clean.index
  const size = clean.x.data.length
  const answers = new WeakMap<Tensor, readonly Tensor[]>()
  const rules = Array.from({ length: count }, (_, index) => solver.coefficients!(grid, index))
  const trajectory = linearTrajectory(clean.x, grid, rules)
  const velocityAt = async (x: Tensor, index: number) => {
    return velocityOf(x, await denoise(x, grid[index]!), grid[index]!)
  }
  const first = await velocityAt(clean.x, count - 1)
  return {
    start: stacked(Array.from({ length: count }, () => first)),
    trajectory,
    answer: (velocities) => answers.get(velocities),
    async evaluate(point) {
      const before = split(point)
      const after = [...before]
      for (let i = count - 1; i >= 0; i--) {
        const velocity = await velocityAt(trajectory(i, after), i)
        after[i] = velocity
        for (let j = 0; j < i; j++) after[j] = combine([1, before[j]!], [1, velocity], [-1, before[i]!])
      }
      const residual = combine([1, point], [-1, stacked(after)])
      const merit = norm(residual) / Math.sqrt(count * size)
      if (Number.isFinite(merit)) answers.set(point, after)
      return { residual, merit }
    },
  }
}

/** Tensors of one shape as one, and back. */
function stacked(parts: readonly Tensor[]): Tensor {
  const { shape, data } = parts[0]!
  const all = new Float64Array(parts.length * data.length)
  parts.forEach((part, i) => {
    all.set(part.data, i * data.length)
  })
  return { shape: [parts.length, ...shape], data: all }
}

function split({ shape: [count = 0, ...shape], data }: Tensor): readonly Tensor[] {
  const size = data.length / count
  return Array.from({ length: count }, (_, i) => ({ shape, data: data.subarray(i * size, (i + 1) * size) }))
}
