/**
 * One run of an inverter on a problem with a known answer, watched: the error after every evaluation, and what the run
 * would have returned at smaller budgets. Not the sweep over methods: sweep.ts.
 */
import { performance } from 'node:perf_hooks'
import {
  autoencoderEvaluations,
  autoencoderOf,
  counted,
  type DecoderInverter,
  type Evaluations,
  isUndiffuseError,
  type Model,
  type Outcome,
  type Progress,
  relay,
  type Signal,
  type Steps,
  type Tensor,
} from 'undiffuse'
import { decibels, nmse } from '../shared/accuracy.js'
import type { KnownPicture } from './pictures.js'

/** `failed`: there was no result, since a network gave numbers that are not finite. */
export type BenchOutcome = Outcome | 'failed'

/** What a budget buys on one picture. */
export interface Snapshot {
  readonly budget: number
  readonly outcome: BenchOutcome
  /** The latent that is returned at this budget; absent when the run failed. */
  readonly latent?: Tensor
  /** The error that the method itself expects at its end, where it expects one. */
  readonly expectedNmseDb?: number | undefined
  /** Network evaluations of the method's own kind that were used. */
  readonly evaluations: number
  readonly networkRuns: Evaluations
  readonly seconds: number
}

export interface Trace {
  readonly snapshots: readonly Snapshot[]
  /** NMSE in dB of the best point so far, after each evaluation. */
  readonly nmseDb: readonly number[]
}

interface Point {
  readonly latent: Tensor
  readonly seconds: number
  readonly networkRuns: Evaluations
}

/**
 * Runs the inverter on the problem's 8-bit picture and takes a snapshot at each budget, which are in ascending order and
 * of which the last is the inverter's own.
 *
 * A snapshot before the end is what a run that ended there returns, the best point so far by the method's own merit:
 * true for methods whose budget only ends them. Yields the run's progress. Errors: those of the inverter, except
 * `not-finite`, which is an outcome.
 */
export async function* trace(
  inverter: DecoderInverter,
  model: Model,
  problem: KnownPicture,
  budgets: readonly number[],
  signal?: Signal,
): Steps<Trace> {
  const { model: watched, counts } = counted(model)
  const networkRuns = () => autoencoderEvaluations(counts())
  const points: Point[] = []
  const errors: number[] = []
  let least = Number.POSITIVE_INFINITY
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000

  function watch({ residual = Number.POSITIVE_INFINITY, latent }: Progress) {
    if (!latent) return
    const better = points.length === 0 || residual < least
    least = Math.min(least, residual)
    points.push({
      latent: better ? latent : points.at(-1)!.latent,
      seconds: elapsed(),
      networkRuns: networkRuns(),
    })
    errors.push(better ? decibels(nmse(latent, problem.latent)) : errors.at(-1)!)
  }

  try {
    const solution = yield* relay(inverter.invert(problem.image, autoencoderOf(watched, signal)), (progress) => {
      watch(progress)
      return progress
    })
    const end = { latent: solution.value, seconds: elapsed(), networkRuns: networkRuns() }
    const snapshots = budgets.map((budget): Snapshot => {
      const ended = budget >= solution.evaluations || budget === budgets.at(-1)
      const point = ended ? end : points[Math.min(budget, points.length) - 1]!
      const evaluations = ended ? solution.evaluations : budget
      const { outcome, expectedNmseDb } = solution
      return { ...point, budget, evaluations, ...(ended ? { outcome, expectedNmseDb } : { outcome: 'exhausted' }) }
    })
    return { snapshots, nmseDb: errors }
  } catch (error) {
    if (!isUndiffuseError(error) || error.code !== 'not-finite') throw error
    const spent = { evaluations: points.length, networkRuns: networkRuns(), seconds: elapsed() }
    return { snapshots: budgets.map((budget) => ({ ...spent, budget, outcome: 'failed' })), nmseDb: errors }
  }
}
