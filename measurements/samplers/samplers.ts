/**
 * `undiffuse bench samplers`: how far solvers are from the exact flow of a model, against what they cost, and their
 * observed order. Not how good pictures look: sampled-scenes.ts.
 */
import {
  type DiffusionModel,
  fitLine,
  generate,
  mean,
  nmseDb,
  relay,
  type Signal,
  type Steps,
  sideBySide,
  type Tensor,
  tensor,
  withOption,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { equalDb } from '../inversion/inversion.js'
import { type Cells, keptOr } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'
import { makeSolver } from '../shared/solver.js'

/** The grids of every solver here, and of the reference: smooth in lambda, so that halving steps halves each one, and of one end. */
export const smoothGrid = 'spacing=lambda,spread=levels,end=cleanest,wholeTimes=false'

/** The exact flow, as nearly as float32 networks tell it; and the same with half the steps, to know how nearly. */
export const reference = { solver: 'dpm-solver-3m', steps: 1000, check: 500 } as const

/** BDIA's gamma from a quarter to all; none of it is DDIM. */
export const gammas = [0.25, 0.5, 0.75, 1].map((gamma) => `bdia:gamma=${gamma}`)

/** Every solver of variance-preserving models. */
export const comparedSolvers = [
  'ddim',
  ...gammas,
  'o-belm',
  'edict',
  'rex:tableau=euler',
  'rex:tableau=heun',
  'euler',
  'heun',
  'dpm-solver-1',
  'dpm-solver-2m',
  'dpm-solver-2m:prediction=noise',
  'dpm-solver-2s',
  'dpm-solver-3m',
  'bdia-dpm-solver',
  'bdia-edm',
] as const

export interface SamplersOptions {
  readonly solvers: readonly string[]
  readonly steps: readonly number[]
  readonly guidance: number
  readonly count: number
  readonly chunk: number
  /** Options of the grid that are added to every solver's. */
  readonly grid: string
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

export interface SamplerRow {
  readonly solver: string
  readonly steps: number
  /** Evaluations of the guided network for one picture. */
  readonly evaluations: number
  /** Distance of the latent from the reference's, mean over prompts. */
  readonly nmseDb: number
}

/** The slope of the logarithm of the error over that of the steps, and from which steps it was fitted. */
export interface ObservedOrder {
  readonly solver: string
  readonly order: number
  readonly steps: readonly number[]
  readonly correlation: number
}

export interface SamplersResult {
  readonly benchmark: 'samplers'
  readonly model: string
  readonly modelVersion: string
  readonly guidance: number
  readonly prompts: number
  readonly grid: string
  readonly machine: Machine
  readonly reference: {
    readonly solver: string
    readonly steps: number
    /** Its distance from itself with half the steps: errors near this one say nothing. */
    readonly nmseDb: number
  }
  readonly rows: readonly SamplerRow[]
  readonly orders: readonly ObservedOrder[]
}

interface Sampling {
  readonly latents: readonly (readonly number[])[]
  readonly shape: readonly number[]
  readonly evaluations: number
}

/**
 * Samples the same noises with every solver and number of steps, and compares with the reference.
 *
 * Cost: for each prompt the reference's 1500 evaluations and those of every solver. Finished samplings are kept in
 * `cells`. Errors: `bad-option` for a specification that means nothing.
 */
export async function* benchSamplers(model: DiffusionModel, options: SamplersOptions): Steps<SamplersResult> {
  const { solvers, steps, guidance, count, grid, modelVersion } = options
  for (const solver of solvers) for (const number of steps) makeSolver(withOption(solver, grid), number)
  const samplings = [
    ...[reference.steps, reference.check].map((number) => ({ solver: reference.solver as string, steps: number })),
    ...solvers.flatMap((solver) => steps.map((number) => ({ solver, steps: number }))),
  ]
  const done: ((typeof samplings)[number] & { readonly sampling: Sampling })[] = []
  for (const [i, one] of samplings.entries()) {
    const sampling = yield* relay(
      sampled(model, one.solver, one.steps, options),
      inRow(`${one.solver}, ${one.steps} steps`, i, samplings.length),
    )
    done.push({ ...one, sampling })
  }
  const [exact, check, ...compared] = done
  const rows = compared.map(({ sampling, ...one }) => ({
    ...one,
    evaluations: sampling.evaluations / (guidance === 1 ? 1 : 2),
    nmseDb: distance(sampling, exact!.sampling),
  }))
  const certain = distance(check!.sampling, exact!.sampling)
  return {
    benchmark: 'samplers',
    model: model.name,
    modelVersion,
    guidance,
    prompts: count,
    grid,
    machine: machine(),
    reference: { solver: reference.solver, steps: reference.steps, nmseDb: certain },
    rows,
    orders: solvers.flatMap((solver) => observedOrder(solver, rows, certain) ?? []),
  }
}

async function* sampled(
  model: DiffusionModel,
  specification: string,
  steps: number,
  { guidance, count, chunk, grid, cells, modelVersion, signal }: SamplersOptions,
): Steps<Sampling> {
  const method = withOption(specification, grid)
  const how = { solver: method, steps, guidance, prompts: count, chunk }
  const key = { benchmark: 'samplers', model: model.name, modelVersion, ...how }
  return yield* keptOr(cells, key, async function* () {
    const solver = makeSolver(method, steps)
    const generations = yield* sideBySide(model, heldOutPrompts(count), chunk, ({ prompt }, shared, seed) =>
      generate({ model: shared, prompt, seed, guidance, solver, signal }),
    )
    return {
      shape: generations[0]!.latent.shape,
      latents: generations.map(({ latent }) => [...latent.data]),
      evaluations: mean(generations.map(({ evaluations }) => evaluations.denoises)),
    }
  })
}

/** Mean over prompts of the NMSE in dB. */
const distance = (a: Sampling, b: Sampling): number => {
  const latentOf = ({ shape, latents }: Sampling, i: number): Tensor =>
    tensor([...shape], Float64Array.from(latents[i]!))
  return mean(a.latents.map((_, i) => Math.max(nmseDb(latentOf(a, i), latentOf(b, i)), equalDb)))
}

/** So far from no error at all (a tenth) and from the reference's own error is what counts as asymptotic. */
const asymptotic = { belowDb: -20, aboveReferenceDb: 12, points: 3 }

/**
 * The order that a solver shows: −slope of log₁₀ of the error (not squared) over log₁₀ of the steps, by least squares over
 * its three finest samplings whose error is below a tenth and clearly above the reference's own. Undefined where fewer
 * than two are.
 */
export function observedOrder(
  solver: string,
  rows: readonly SamplerRow[],
  referenceDb: number,
): ObservedOrder | undefined {
  const usable = rows
    .filter((row) => row.solver === solver)
    .filter((row) => row.nmseDb < asymptotic.belowDb && row.nmseDb > referenceDb + asymptotic.aboveReferenceDb)
    .sort((a, b) => a.steps - b.steps)
    .slice(-asymptotic.points)
  if (usable.length < 2) return undefined
  const { slope, correlation } = fitLine(
    usable.map(({ steps }) => Math.log10(steps)),
    usable.map((row) => row.nmseDb / 20),
  )
  return { solver, order: -slope, steps: usable.map(({ steps }) => steps), correlation }
}
