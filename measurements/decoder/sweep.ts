/**
 * Every method at every budget and precision on the same problems: accuracy, time and memory as rows of a table.
 * A runtime, and so a process, of its own for each method and precision, so that its peak of memory is its own.
 */
import {
  type AutoencoderNetworks,
  autoencoderOf,
  confidenceInterval,
  type Evaluations,
  type Interval,
  mean,
  median,
  openAutoencoder,
  psnrDb,
  type Runtime,
  relay,
  type Signal,
  type Steps,
  variance,
} from 'undiffuse'
import { decibels, nmse } from '../shared/accuracy.js'
import { type BenchMethod, hasBudget, makeInverter } from './methods.js'
import type { KnownPicture } from './pictures.js'
import { type BenchOutcome, type Snapshot, type Trace, trace } from './trace.js'

export interface SweepPlan {
  readonly methods: readonly BenchMethod[]
  /** In evaluations: round trips or pullbacks. */
  readonly budgets: readonly number[]
  readonly precisions: readonly (16 | 32)[]
}

/** A method at a budget and a precision. Means are over the pictures that have a result. */
export interface Row {
  readonly method: string
  readonly specification: string
  readonly precisionBits: 16 | 32
  /** The budget; 0 for a method without one. */
  readonly iterations: number
  readonly pictures: number
  /** NMSE of the latent: dB for each picture, then mean and 95 % interval (Student's t). */
  readonly nmseDb: Interval
  /** The same for each picture, in their order; NaN where its run failed. */
  readonly eachNmseDb: readonly number[]
  /** What the method itself expects, mean over pictures; absent where it expects nothing. */
  readonly expectedNmseDb?: number
  /** The same without logarithm: mean and standard deviation over pictures. */
  readonly nmse: { readonly mean: number; readonly deviation: number }
  /** D(ẑ) against the 8-bit picture. */
  readonly psnrDb: Interval
  /** Median over pictures, with networks already open. */
  readonly seconds: number
  /** Largest resident memory of the process that ran the networks. */
  readonly peakMemoryBytes: number
  /** Mean over pictures; smaller than the budget where runs ended early. */
  readonly evaluations: number
  /** Network runs of all kinds, means over pictures. */
  readonly networkRuns: Evaluations
  readonly outcomes: Readonly<Record<BenchOutcome, number>>
}

/** The error along a run: mean over pictures of the NMSE in dB of the best point after each evaluation. */
export interface Curve {
  readonly method: string
  readonly precisionBits: 16 | 32
  readonly iterations: number
  readonly nmseDb: readonly number[]
}

export interface SweepResult {
  readonly rows: readonly Row[]
  readonly curves: readonly Curve[]
}

/** Budgets that one run of the method shows, run by run. */
function runsOf({ specification, anytime }: BenchMethod, budgets: readonly number[]): readonly (readonly number[])[] {
  if (!hasBudget(specification)) return [[0]]
  const ascending = [...budgets].sort((a, b) => a - b)
  return anytime ? [ascending] : ascending.map((budget) => [budget])
}

const budgetsOf = ({ budgets }: BenchMethod, plan: SweepPlan) => budgets ?? plan.budgets

const precisionsOf = ({ precisions }: BenchMethod, plan: SweepPlan) =>
  plan.precisions.filter((precision) => precisions === undefined || precisions.includes(precision))

/** Evaluations of the whole sweep if no run ends early. */
const workOf = (plan: SweepPlan): number =>
  plan.methods.reduce((total, method) => {
    const once = runsOf(method, budgetsOf(method, plan)).reduce((sum, budgets) => sum + Math.max(1, budgets.at(-1)!), 0)
    return total + once * precisionsOf(method, plan).length
  }, 0)

/** Evaluations after which a method has run each of its networks. */
const openingBudget = 4

/** Networks are opened for each size of picture. */
const oneOfEachShape = (problems: readonly KnownPicture[]): readonly KnownPicture[] => [
  ...new Map(problems.map((problem) => [problem.image.shape.join(), problem])).values(),
]

/** A sample of one has no interval. */
const interval = (values: readonly number[]): Interval =>
  values.length > 1
    ? confidenceInterval(values)
    : { mean: values.length === 1 ? values[0]! : Number.NaN, halfWidth: Number.NaN }

const averageRuns = (snapshots: readonly Snapshot[]): Evaluations => {
  const average = (kind: keyof Evaluations) => mean(snapshots.map(({ networkRuns }) => networkRuns[kind]))
  return {
    encodes: average('encodes'),
    decodes: average('decodes'),
    roundTrips: average('roundTrips'),
    pullbacks: average('pullbacks'),
  }
}

function countOutcomes(snapshots: readonly Snapshot[]): Row['outcomes'] {
  const counts = { converged: 0, exhausted: 0, diverged: 0, failed: 0 }
  for (const { outcome } of snapshots) counts[outcome]++
  return counts
}

/** The mean of curves of different lengths; one that ended stays where it was. */
function averageCurve(traces: readonly Trace[]): readonly number[] {
  const curves = traces.map(({ nmseDb }) => nmseDb).filter((curve) => curve.length > 0)
  const length = Math.max(0, ...curves.map((curve) => curve.length))
  return Array.from({ length }, (_, i) => mean(curves.map((curve) => curve[Math.min(i, curve.length - 1)]!)))
}

/**
 * Runs a plan. `openRuntime` starts the process of each method and precision; each is closed before the next starts.
 *
 * Yields progress in evaluations. Cost: pictures × budgets; a method whose budget only ends it is run once, to the
 * largest budget. Errors: those of inverters and runtimes; numbers that are not finite are outcomes.
 */
export async function* sweep(
  networks: AutoencoderNetworks,
  problems: readonly KnownPicture[],
  plan: SweepPlan,
  openRuntime: () => Runtime,
  signal?: Signal,
): Steps<SweepResult> {
  const total = workOf(plan) * problems.length
  const rows: Row[] = []
  const curves: Curve[] = []
  const judging = openRuntime()
  const judges = openAutoencoder(networks, judging)
  const judge = autoencoderOf(judges, signal)
  let done = 0

  async function row(method: BenchMethod, precision: 16 | 32, snapshots: readonly Snapshot[], peak: number) {
    const each = snapshots.map(({ latent }, i) => (latent ? nmse(latent, problems[i]!.latent) : Number.NaN))
    const errors = each.filter((error) => !Number.isNaN(error))
    const likeness: number[] = []
    for (const [i, { latent }] of snapshots.entries()) {
      if (latent) likeness.push(psnrDb(await judge.decode(latent), problems[i]!.image))
    }
    const expectations = snapshots.flatMap(({ expectedNmseDb }) => expectedNmseDb ?? [])
    return {
      method: method.name,
      specification: method.specification,
      precisionBits: precision,
      iterations: snapshots[0]!.budget,
      pictures: snapshots.length,
      nmseDb: interval(errors.map(decibels)),
      eachNmseDb: each.map(decibels),
      ...(expectations.length > 0 && { expectedNmseDb: mean(expectations) }),
      nmse: { mean: interval(errors).mean, deviation: errors.length > 1 ? Math.sqrt(variance(errors)) : Number.NaN },
      psnrDb: interval(likeness),
      seconds: median(snapshots.map(({ seconds }) => seconds)),
      peakMemoryBytes: peak,
      evaluations: mean(snapshots.map(({ evaluations }) => evaluations)),
      networkRuns: averageRuns(snapshots),
      outcomes: countOutcomes(snapshots),
    } satisfies Row
  }

  async function* runMethod(method: BenchMethod, precision: 16 | 32): Steps<void> {
    const runtime = openRuntime()
    const { profile = networks.profile } = method
    const known = { ...networks, profile: profile === 'none' ? undefined : profile }
    const model = openAutoencoder(known, runtime, { precision })
    const stage = `${method.name}, ${precision} bits`
    try {
      // Opens the networks before the clock starts.
      for (const problem of oneOfEachShape(problems)) {
        const inverter = makeInverter(method.specification, openingBudget)
        const opening = trace(inverter, model, problem, [openingBudget], signal)
        yield* relay(opening, () => ({ stage, done, total }))
      }
      const finished: (readonly Trace[])[] = []
      const runs = runsOf(method, budgetsOf(method, plan))
      for (const budgets of runs) {
        const budget = budgets.at(-1)!
        const traces: Trace[] = []
        for (const problem of problems) {
          const inverter = makeInverter(method.specification, budget)
          const work = Math.max(1, budget)
          const run = trace(inverter, model, problem, budgets, signal)
          traces.push(yield* relay(run, (step) => ({ stage, done: done + Math.min(step.done, work), total })))
          done += work
        }
        finished.push(traces)
        curves.push({ method: method.name, precisionBits: precision, iterations: budget, nmseDb: averageCurve(traces) })
      }
      const { peakMemoryBytes } = await runtime.usage()
      for (const traces of finished) {
        for (const i of traces[0]!.snapshots.keys()) {
          const snapshots = traces.map((one) => one.snapshots[i]!)
          rows.push(await row(method, precision, snapshots, peakMemoryBytes))
        }
      }
    } finally {
      await model.close()
      await runtime.close()
    }
  }

  try {
    for (const method of plan.methods) {
      for (const precision of precisionsOf(method, plan)) yield* runMethod(method, precision)
    }
  } finally {
    await judges.close()
    await judging.close()
  }
  return { rows, curves }
}
