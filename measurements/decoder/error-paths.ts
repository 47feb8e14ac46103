/** How the errors of the latent and of the pixels change along a run: where they part, the pixels cannot say when to stop. */
import {
  type Autoencoder,
  autoencoderOf,
  type DecoderInverter,
  mean,
  openAutoencoder,
  relay,
  type Steps,
} from 'undiffuse'
import { decibels, nmse } from '../shared/accuracy.js'
import { type KeptBench, kept } from './kept-rows.js'
import { type BenchMethod, makeInverter } from './methods.js'
import type { KnownPicture } from './pictures.js'

/** Errors after so many round trips; those that judge a point count. */
export interface PathPoint {
  readonly roundTrips: number
  /** Of the latent that was looked at, which need not be the one that would be returned. */
  readonly nmseDb: number
  /** Of its picture, against the 8-bit one. */
  readonly psnrDb: number
}

/** One run; or means over pictures, where a run that ended stays where it was. */
export interface Path {
  readonly points: readonly PathPoint[]
  /** The latent that is returned, and after how many round trips. */
  readonly end: PathPoint
}

export interface ErrorPath extends Path {
  readonly method: string
}

/** PSNR of pixels that span 2, from ‖D(z) − x‖ of n numbers. */
const psnrOf = (distance: number, n: number): number => 20 * Math.log10((2 * Math.sqrt(n)) / distance)

/**
 * One run of an inverter whose merit is ‖D(z) − x‖, watched. The first point is the encoder's.
 *
 * @example const { points, end } = await new Task(errorPath(accelerated(), autoencoder, problem))
 */
export async function* errorPath(
  inverter: DecoderInverter,
  autoencoder: Autoencoder,
  problem: KnownPicture,
): Steps<Path> {
  const points: PathPoint[] = []
  const { length } = problem.image.data
  const solution = yield* relay(inverter.invert(problem.image, autoencoder), (step) => {
    const { done, latent, residual } = step
    if (latent && residual !== undefined && Number.isFinite(residual)) {
      const nmseDb = decibels(nmse(latent, problem.latent))
      points.push({ roundTrips: done, nmseDb, psnrDb: psnrOf(residual, length) })
    }
    return step
  })
  const { value, residual, evaluations } = solution
  const nmseDb = decibels(nmse(value, problem.latent))
  return { points, end: { roundTrips: evaluations, nmseDb, psnrDb: psnrOf(residual, length) } }
}

const meanPoint = (points: readonly PathPoint[]): PathPoint => ({
  roundTrips: mean(points.map(({ roundTrips }) => roundTrips)),
  nmseDb: mean(points.map(({ nmseDb }) => nmseDb)),
  psnrDb: mean(points.map(({ psnrDb }) => psnrDb)),
})

/** The mean of several paths after each number of round trips that any of them looks at. */
function meanPath(paths: readonly (readonly PathPoint[])[]): readonly PathPoint[] {
  const looked = [...new Set(paths.flat().map(({ roundTrips }) => roundTrips))].sort((a, b) => a - b)
  return looked.map((roundTrips) => {
    const reached = paths.map((path) => path.findLast((point) => point.roundTrips <= roundTrips) ?? path[0]!)
    return { ...meanPoint(reached), roundTrips }
  })
}

/** The path of a method with one budget, mean over the problems. Errors: those of the inverter. */
async function* meanOfPaths(
  { networks, openRuntime, signal }: KeptBench,
  problems: readonly KnownPicture[],
  { name, specification, budgets = [1], profile = networks.profile }: BenchMethod,
): Steps<ErrorPath> {
  const runtime = openRuntime()
  const model = openAutoencoder({ ...networks, profile: profile === 'none' ? undefined : profile }, runtime)
  const autoencoder = autoencoderOf(model, signal)
  const stage = `${networks.name}: path of ${name}`
  const runs: Path[] = []
  try {
    for (const problem of problems) {
      const run = errorPath(makeInverter(specification, budgets[0]!), autoencoder, problem)
      runs.push(yield* relay(run, () => ({ stage, done: runs.length, total: problems.length })))
    }
  } finally {
    await model.close()
    await runtime.close()
  }
  return {
    method: name,
    points: meanPath(runs.map(({ points }) => points)),
    end: meanPoint(runs.map(({ end }) => end)),
  }
}

/** The paths of methods with one budget each; finished ones are kept. Cost: pictures × budgets. */
export async function* errorPaths(
  bench: KeptBench,
  problems: readonly KnownPicture[],
  methods: readonly BenchMethod[],
): Steps<readonly ErrorPath[]> {
  const paths: ErrorPath[] = []
  for (const method of methods) paths.push(yield* kept(bench, 'error-paths', problems, method, meanOfPaths))
  return paths
}
