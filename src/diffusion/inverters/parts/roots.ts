/** Whether a step's equation has other roots than the one that was found: restarts from other points, and what they find. */
import type { Steps } from '../../../core/progress.js'
import { torchGenerator } from '../../../math/noise.js'
import { combine, norm, sizeOf, subtract, type Tensor } from '../../../math/tensor.js'
import type { Diffusion, RootCheck } from '../../diffusion.js'
import { naiveGuess, type StepEquation, type StepSolution } from './step-equation.js'
import { noiseNorm } from './walk-back.js'

export interface RootSearch {
  /** Other starts than that of the first root. */
  readonly restarts: number
  readonly seed: number
  /** What a residual is small by, in units of the noise. */
  readonly tolerance: number
  /** Solves the equation from a start. */
  solveFrom(start: Tensor): Steps<StepSolution>
}

export interface FoundRoots {
  /** Distinct, the first root first where it is one. */
  readonly roots: readonly StepSolution[]
  readonly check: RootCheck
}

/**
 * Below this a step's fixed-point map is taken to contract elsewhere too, and its growth to be bounded. q is seen where the iteration came
 * by. Of nine walks that led to the noise itself five stayed below it; all eight that led to another one had a step above it.
 */
const contracting = 0.75

/**
 * How much further from its root a step's point may be than the residual says, at worst: 1/(1 − q) where the fixed-point map
 * draws points together by q (Banach), and without a bound where it hardly does. What is wrong at the cleaner level grows as much,
 * so along a walk the factors multiply.
 */
export const growthOf = (contraction: number): number =>
  contraction < contracting ? 1 / (1 - contraction) : Number.POSITIVE_INFINITY

/** What grows more than this along a walk leaves doubt: walks that led to the noise itself grew by 8·10⁴ at most. */
const doubtful = 1e6

/** Of a step without restarts: that other roots were not tried, unless they are ruled out. Costs no evaluations. */
export const untried = ({ solution }: StepSolution, growth: number): RootCheck | undefined =>
  growth < doubtful ? undefined : { answer: 'not tried', found: solution.outcome === 'converged' ? 1 : 0, tried: 0 }

/** Nearer than so many tolerances, two points need no look between them. */
const near = 10
/** At the middle of two roots the residual is so many times what the ends and the tolerance explain. */
const between = 2

/**
 * Starts a step's equation from other points and counts the roots that they lead to.
 *
 * The starts: the cleaner x itself; the naive step; the first root with the mean of
 * each channel turned around; then the first root, moved. Where x is more image than noise it is moved in
 * random directions by the length of the step. Where it is more noise, the mean of each channel is drawn anew from
 * N(0, alpha² + sigma²): noise hides all but the means, and they decide what the network answers. Two points are different roots where F is not within the tolerance
 * at the middle between them: for a linear F it would be, however flat. Cost: a solution for each start, and one evaluation.
 * Exact: no; what no start leads to is not found.
 */
export async function* lookForRoots(
  equation: StepEquation,
  first: StepSolution,
  diffusion: Diffusion,
  { restarts, seed, tolerance, solveFrom }: RootSearch,
): Steps<FoundRoots> {
  const unit = noiseNorm(equation.to, equation.target)
  const isRoot = ({ solution }: StepSolution) => solution.residual <= tolerance
  const roots = isRoot(first) ? [first] : []

  async function isKnown(found: StepSolution): Promise<boolean> {
    const x = pointOf(found)
    const distances = roots.map((root) => norm(subtract(pointOf(root), x)) / unit)
    const nearest = roots[distances.indexOf(Math.min(...distances))]
    if (!nearest) return false
    if (Math.min(...distances) <= near * tolerance) return true
    const { mismatch } = await equation.evaluate(combine([0.5, pointOf(nearest)], [0.5, x]))
    const explained = Math.max(nearest.solution.residual, found.solution.residual, tolerance)
    return norm(mismatch) / unit <= between * explained
  }

  const centre = isRoot(first) ? pointOf(first) : equation.target
  for await (const start of startsOf(equation, centre, diffusion, restarts, seed)) {
    const found = yield* solveFrom(start)
    if (isRoot(found) && !(await isKnown(found))) roots.push(found)
  }
  const answer = roots.length === 0 ? 'none found' : roots.length === 1 ? 'unique as far as tried' : 'several roots'
  return { roots, check: { answer, found: roots.length, tried: restarts } }
}

/** The noisier x that a solution found. */
export const pointOf = ({ states }: StepSolution): Tensor => states[0]!.x

async function* startsOf(
  equation: StepEquation,
  centre: Tensor,
  diffusion: Diffusion,
  restarts: number,
  seed: number,
): AsyncGenerator<Tensor, void> {
  const { target, from, to } = equation
  const random = torchGenerator(seed)
  const step = norm(subtract(centre, target)) || noiseNorm(to, target)
  for (let k = 0; k < restarts; k++) {
    if (k === 0) yield target
    else if (k === 1) yield await naiveGuess(equation, diffusion)
    else if (k === 2) yield combine([1, centre], [-2, channelMeans(centre)])
    else {
      const noise = random.noise(centre.shape)
      yield from.sigma > from.alpha
        ? combine([1, centre], [-1, channelMeans(centre)], [Math.hypot(from.alpha, from.sigma), channelMeans(noise)])
        : combine([1, centre], [step / norm(noise), noise])
    }
  }
}

/** The mean of each channel, everywhere in it. */
function channelMeans({ shape, data }: Tensor): Tensor {
  const channels = shape.length > 1 ? shape[0]! : 1
  const size = sizeOf(shape) / channels
  const means = new Float64Array(data.length)
  for (let from = 0; from < data.length; from += size) {
    const sum = data.subarray(from, from + size).reduce((a, b) => a + b, 0)
    means.fill(sum / size, from, from + size)
  }
  return { shape, data: means }
}
