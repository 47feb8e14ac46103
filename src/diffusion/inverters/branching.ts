/**
 * Inversion of implicit steps that have several roots: several trajectories at once, dead ends given up, and of the noises
 * at the end the most probable. For steps with one root each `implicit` finds the same for less.
 */
import { define } from '../../core/define.js'
import type { Steps } from '../../core/progress.js'
import { norm, type Tensor } from '../../math/tensor.js'
import type { Inverter, RootCheck, State, StepInversion, Trajectory } from '../diffusion.js'
import { type Extrapolation, extrapolation } from './parts/extrapolation.js'
import { persevered, solveFlat } from './parts/persistent.js'
import { growthOf, lookForRoots, pointOf, untried } from './parts/roots.js'
import { naiveGuess, type StepEquation, type StepSolution, stepEquation } from './parts/step-equation.js'
import { checkAccepted, checkFinite, countedDiffusion, notImplicit, strideOf, within } from './parts/walk-back.js'

/** A trajectory from the clean end to some level. */
interface Path {
  readonly x: Tensor
  readonly index: number
  readonly estimates: Extrapolation
  /** How much what is wrong has grown from the clean end to here, at worst. */
  readonly growth: number
  /** The step that led here; undefined at the clean end. */
  readonly step?: { readonly before: Path; readonly equation: StepEquation; readonly found: StepSolution }
}

/** So many steps back other roots are looked for, where no trajectory goes on. */
const backwards = 3
/** A residual of so many tolerances is no root; below, it is rounding that stands in the way. */
const deadEnd = 100

/**
 * Walks back as `implicit` does, along at most `width` trajectories, and chooses among their noises.
 *
 * Where no trajectory has a root at the next step, a wrong root was taken before. Then other roots of the last step are looked
 * for, and of the two before it. At the noisiest step all roots of every trajectory are looked for. Of roots at one level the
 * smallest are kept: −log N(x; 0, I) = ‖x‖²/2 + constant. Among noises that make one picture the smallest is the most probable,
 * but for how much of the noise's space leads there. Where every step has one root it finds what `implicit` finds.
 *
 * Shapes: any. Cost: that of `implicit` for each trajectory, and about 10·`restarts` evaluations for each step at which
 * roots are looked for. A step's `roots` say what was found. Exact given the latent, up to the tolerance; which noise was
 * used is the likeliest guess. Errors: as `implicit`. Source: ours, after the observation of several fixed points in SelFix
 * (arXiv 2606.17584), which takes the straightest path instead.
 *
 * @example const { states } = await new Task(branching({ restarts: 20 }).invert(clean, ddim(), diffusion))
 */
export const branching = define({
  id: 'branching',
  title: 'Implicit inversion with a choice of roots',
  source: 'undiffuse',
  fields: {
    width: { type: 'integer', minimum: 1, maximum: 100, default: 3, description: 'Trajectories at once, at most.' },
    restarts: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 16,
      description: 'Other starts of a step where roots are looked for. About 10 evaluations each.',
    },
    iterations: {
      type: 'integer',
      minimum: 1,
      default: 50,
      unit: 'evaluations of a step',
      description: 'Budget of each solution of a step.',
    },
    tolerance: {
      type: 'number',
      minimum: 0,
      default: 1e-5,
      description: 'Converged when the residual is at most this share of the noise in the cleaner x.',
    },
    seed: { type: 'integer', minimum: 0, default: 0, description: 'Of the random starts.' },
  },
  make: ({ width, restarts, iterations, tolerance, seed }): Inverter => {
    const limits = { iterations, tolerance, stage: 'branching' }
    const inverter: Inverter = {
      name: 'branching',
      accepts: (solver, grid) => notImplicit(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const { diffusion, evaluations } = countedDiffusion(plain)
        const stride = strideOf(solver, plain.grid)!
        const spent: number[] = []
        const checks: RootCheck[] = []
        let paths: readonly Path[] = [{ x: clean.x, index: clean.index, estimates: extrapolation(), growth: 1 }]

        async function* extended(path: Path): Steps<Path> {
          const index = Math.floor((path.index - 1) / stride) * stride
          const equation = stepEquation(solver, diffusion, index, path.index, path.x)
          const expectation = path.estimates.at(equation.from)
          const guess = expectation ? equation.pointFor(expectation) : await naiveGuess(equation, diffusion)
          const first = yield* solveFlat(equation, guess, limits)
          const found = yield* persevered(equation, first, solver, diffusion, 'newton-krylov', limits)
          return reached(path, index, equation, found)
        }

        /** The other ends of the last step of a path. */
        async function* others(path: Path): Steps<readonly Path[]> {
          if (!path.step || restarts === 0) return []
          const { before, equation, found } = path.step
          const solveFrom = (start: Tensor) => solveFlat(equation, start, limits)
          const search = { restarts, seed: seed + path.index, tolerance, solveFrom }
          const { roots, check } = yield* lookForRoots(equation, found, diffusion, search)
          if (check.found > (checks[path.index]?.found ?? 0)) checks[path.index] = check
          return roots.filter((root) => root !== found).map((root) => reached(before, path.index, equation, root))
        }

        /** Paths of one step more: from other roots of earlier steps, where these have come to a dead end. */
        async function* around(ends: readonly Path[]): Steps<readonly Path[]> {
          const stuck: Path[] = []
          for (let back = 0, from = ends; back < backwards; back++) {
            const alternatives: Path[] = []
            for (const path of from) alternatives.push(...(yield* others(path)))
            let ahead: readonly Path[] = alternatives
            for (let k = 0; k <= back; k++) ahead = yield* allExtended(ahead.filter(goesOn))
            if (ahead.some(goesOn)) return ahead
            stuck.push(...ahead)
            from = from.flatMap(({ step }) => (step ? [step.before] : []))
          }
          return stuck
        }

        async function* allExtended(from: readonly Path[]): Steps<readonly Path[]> {
          const ends: Path[] = []
          for (const path of from) ends.push(yield* extended(path))
          return ends
        }

        const goesOn = ({ step }: Path) => step !== undefined && step.found.solution.residual <= deadEnd * tolerance

        async function* onward(): Steps<readonly Path[]> {
          const ahead = yield* allExtended(paths)
          const going = ahead.some(goesOn) ? ahead : [...ahead, ...(yield* around(paths))]
          if (going[0]!.index > 0) return going
          const branches: Path[] = []
          for (const path of going) branches.push(...(yield* others(path)))
          return [...going, ...branches]
        }

        while (paths[0]!.index > 0) {
          const { index: end } = paths[0]!
          const before = evaluations()
          const whole = { stage: 'branching', done: clean.index - end, total: clean.index }
          const ends = yield* within(onward(), whole)
          paths = likeliest(ends, goesOn, width)
          const { index, x } = paths[0]!
          spent[index] = evaluations() - before
          checkFinite('branching', { index, x, memory: [] }, plain.grid)
          yield { ...whole, done: clean.index - index, latent: x }
        }
        return told(paths[0]!, clean, (index) => ({
          evaluations: spent[index] ?? 0,
          ...(checks[index] && { roots: checks[index] }),
        }))
      },
    }
    return inverter
  },
})

function reached(before: Path, index: number, equation: StepEquation, found: StepSolution): Path {
  const { estimate } = found
  const estimates = estimate ? before.estimates.and(equation.from, estimate) : before.estimates
  const growth = before.growth * growthOf(equation.contraction())
  return { x: pointOf(found), index, estimates, growth, step: { before, equation, found } }
}

/** The smallest of those that go on; where none does, the one that is nearest to a root. */
function likeliest(paths: readonly Path[], goesOn: (path: Path) => boolean, width: number): readonly Path[] {
  const going = paths.filter(goesOn)
  const residual = ({ step }: Path) => step!.found.solution.residual
  if (going.length === 0) return [...paths].sort((a, b) => residual(a) - residual(b)).slice(0, 1)
  return going.sort((a, b) => norm(a.x) - norm(b.x)).slice(0, width)
}

/** The states and steps of a path. */
function told(path: Path, clean: State, ofStep: (index: number) => Partial<StepInversion>): Trajectory {
  const states: State[] = []
  const solutions: StepInversion[] = []
  for (let at = path; at.step; at = at.step.before) {
    const { equation, found } = at.step
    const roots = untried(found, at.growth)
    const solution = { ...found.solution, contraction: equation.contraction(), ...(roots && { roots }) }
    states.push(...found.states)
    // Steps undone together tell their evaluations once, so that sums are right.
    solutions.push(
      ...found.states.map(({ index }, k) => ({ ...solution, evaluations: 0, ...(k === 0 && ofStep(index)) })),
    )
  }
  return { states: [...states, clean], solutions }
}
