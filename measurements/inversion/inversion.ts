/**
 * `undiffuse bench inversion`: pictures whose noise is known, inverted in every way that is asked for. Result only: words
 * are in inversion-text.ts, charts in inversion-plots.ts; files are written by whoever asked.
 */
import { performance } from 'node:perf_hooks'
import {
  type DenoisingPrecision,
  decoderInverters,
  type Generation,
  generate,
  type InversionSource,
  invert,
  inverters,
  isUndiffuseError,
  latentShapeAt,
  map,
  mean,
  type NoiseInversion,
  nmseDb,
  type Outcome,
  parse,
  type Reconstruction,
  reconstruct,
  relay,
  round8,
  type Signal,
  type Solver,
  type Steps,
  sideBySide,
  type Tensor,
  variance,
  withOption,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import type { Cells } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import type { InversionCase, InversionPlan } from './plans.js'

export interface InversionBenchOptions extends InversionPlan {
  /** Prompts: the first held-out captions, with the noise of seeds 0, 1, …. */
  readonly count: number
  /** In place of the captions: one prompt for every seed. */
  readonly prompt?: string | undefined
  /** Prompts that share network runs. */
  readonly chunk: number
  readonly cells: Cells
  /** What tells one version of the model's weights from another: part of the cells' keys. */
  readonly modelVersion: string
  /** What the denoising network computes with in cases that do not say. */
  readonly precisionBits: DenoisingPrecision
  readonly signal?: Signal | undefined
}

/** Of decibels over prompts. Equal tensors count as `equalDb`. */
export interface Decibels {
  readonly mean: number
  readonly worst: number
  /** In the order of the prompts. */
  readonly each: readonly number[]
}

/** Below the rounding of float64 (10·log₁₀ of 2⁻¹⁰⁴): what equal tensors count as, since the logarithm of 0 is no number. */
export const equalDb = -313

export interface InversionMeasures {
  /** ‖ẑ − z‖²/‖z‖² of the noise. */
  readonly noiseNmseDb: Decibels
  /** The same without logarithm, as Hong et al. (CVPR 2024) print it: mean and standard deviation over prompts. */
  readonly noiseNmse: { readonly mean: number; readonly deviation: number }
  /** Of the latent that the inversion started from; absent where it was given. */
  readonly latentNmseDb?: Decibels
  /** Of the picture made again from what was found, both in 8 bits and [0, 1]; absent where making it gave no numbers. */
  readonly imageNmseDb?: Decibels
  /** Share of the picture's 8-bit values that are equal. */
  readonly equalValuesShare?: number
  /** Evaluations of the guided network for one step; those of gradients included. */
  readonly evaluationsPerStep: number
  /** Network evaluations for one picture: guidance counts two. */
  readonly networkEvaluations: number
  /** For one picture, `chunk` at a time; decoder inversion included. */
  readonly secondsPerPicture: number
  /** Of all steps of all prompts. */
  readonly outcomes: Readonly<Record<Outcome, number>>
}

/** A cell with its numbers, or with the reason why there are none. */
export interface InversionRow extends InversionCase {
  readonly measures?: InversionMeasures
  readonly failure?: string
}

export interface InversionBenchResult {
  readonly benchmark: 'inversion'
  readonly title: string
  readonly model: string
  readonly modelVersion: string
  readonly precisionBits: DenoisingPrecision
  readonly prompts: number
  readonly prompt?: string
  readonly chunk: number
  readonly machine: Machine
  readonly rows: readonly InversionRow[]
}

/** Opened with these steps; what it computes with is the plan's precision, or the case's own. */
export type InvertedModels = (steps: number, precisionBits: DenoisingPrecision) => SampledModel

/** The solver of a case on a model that was opened with the case's steps. */
const solverOf = ({ solver, steps }: InversionCase, model: SampledModel): Solver =>
  solverOn(model, withOption(solver, `steps=${steps}`))

/** Why a case cannot be measured: the inverter's reason; undefined where it can. Throws `bad-option` for bad options. */
export function refusal(one: InversionCase, model: SampledModel): string | undefined {
  const { inverter } = one
  const made = solverOf(one, model)
  const answer = parse(inverters, inverter).accepts(made, made.grid(model.schedule(latentShapeAt(model))))
  return answer === true ? undefined : answer
}

interface KnownNoise {
  readonly prompt: string
  readonly generation: Generation
}

/** What several cases invert: the pictures of one solver, number of steps and guidance. */
const picturesOf = ({ solver, steps, guidance, precisionBits }: InversionCase): string =>
  `${solver} ${steps} ${guidance} ${precisionBits}`

const sourceOf = ({ source }: InversionCase, { latent, image, states }: Generation): InversionSource => {
  if (source === 'picture') return { image: round8(image) }
  return source === 'memory' ? { state: states.at(-1)! } : { latent }
}

/**
 * Measures every case of a plan on the same prompts and noises, with the model in the case's precision; finished ones are taken from `cells` and kept there.
 *
 * Pictures are generated once for the cases of one solver, steps and guidance that stand together. Cost: for each prompt
 * of each case the inversion's evaluations and a reconstruction. Yields progress of the case in hand, with how many are finished. Errors: `bad-option` for a
 * specification that means nothing; numbers that are not finite are a row with its `failure`, and so is an inverter that
 * does not accept the solver.
 */
export async function* benchInversion(
  models: InvertedModels,
  { title, cases, count, prompt, chunk, cells, modelVersion, precisionBits, signal }: InversionBenchOptions,
): Steps<InversionBenchResult> {
  const modelOf = (one: InversionCase) => models(one.steps, one.precisionBits ?? precisionBits)
  const { name } = modelOf(cases[0]!)
  const prompts =
    prompt === undefined ? heldOutPrompts(count).map((one) => one.prompt) : Array.from({ length: count }, () => prompt)
  const refusals = cases.map((one) => refusal(one, modelOf(one)))
  const rows: InversionRow[] = []
  let known: { readonly of: string; readonly pictures: readonly KnownNoise[] } | undefined
  const inHand = (name: string) => inRow(name, rows.length, cases.length)

  async function* pictures(one: InversionCase): Steps<readonly KnownNoise[]> {
    if (known?.of !== picturesOf(one)) {
      const { guidance } = one
      const solver = solverOf(one, modelOf(one))
      const made = sideBySide(modelOf(one), prompts, chunk, (prompt, shared, seed) =>
        generate({ model: shared, prompt, seed, guidance, solver, signal }),
      )
      const generations = yield* relay(made, inHand(`making pictures, ${describe(one)}`))
      known = {
        of: picturesOf(one),
        pictures: generations.map((generation) => ({ prompt: generation.prompt, generation })),
      }
    }
    return known.pictures
  }

  for (const [i, one] of cases.entries()) {
    const key = {
      benchmark: 'inversion',
      model: name,
      modelVersion,
      precisionBits,
      prompts: count,
      ...(prompt !== undefined && { prompt }),
      chunk,
      ...one,
    }
    const refused = refusals[i]
    const found = refused === undefined ? await cells.find<InversionRow>(key) : { ...one, failure: refused }
    if (found) {
      rows.push(found)
      continue
    }
    const made = yield* finite(pictures(one))
    const row =
      typeof made === 'string'
        ? { ...one, failure: made }
        : yield* relay(measured(modelOf(one), one, made, chunk, signal), inHand(describe(one)))
    await cells.keep(key, row)
    rows.push(row)
  }
  return {
    benchmark: 'inversion',
    title,
    model: name,
    modelVersion,
    precisionBits,
    prompts: count,
    ...(prompt !== undefined && { prompt }),
    chunk,
    machine: machine(),
    rows,
  }
}

const describe = ({ solver, steps, guidance, inverter, decoder }: InversionCase): string =>
  `${solver} ${steps}, guidance ${guidance}, ${decoder ? `${decoder}, ` : ''}${inverter}`

async function* measured(
  model: SampledModel,
  one: InversionCase,
  pictures: readonly KnownNoise[],
  chunk: number,
  signal: Signal | undefined,
): Steps<InversionRow> {
  const { guidance } = one
  const solver = solverOf(one, model)
  const decoder = one.decoder === undefined ? undefined : parse(decoderInverters, one.decoder)
  const start = performance.now()
  const inversions = yield* finite(
    sideBySide(model, pictures, chunk, ({ prompt, generation }, shared) => {
      const inverter = parse(inverters, one.inverter)
      return invert(sourceOf(one, generation), { model: shared, prompt, guidance, solver, inverter, decoder, signal })
    }),
  )
  const seconds = (performance.now() - start) / 1000
  if (typeof inversions === 'string') return { ...one, failure: inversions }
  const again = yield* finite(
    sideBySide(model, pictures, chunk, ({ prompt, generation: { image } }, shared, i) =>
      reconstruct(inversions[i]!.states[0]!, { model: shared, prompt, guidance, solver, reference: { image }, signal }),
    ),
  )
  const remade = typeof again === 'string' ? undefined : again
  return { ...one, measures: measuresOf(one, pictures, inversions, remade, seconds / pictures.length) }
}

/** The result of steps, or the message of their error where numbers were not finite: an outcome of a benchmark. */
async function* finite<T>(steps: Steps<T>): Steps<T | string> {
  try {
    return yield* steps
  } catch (error) {
    if (!isUndiffuseError(error) || error.code !== 'not-finite') throw error
    return error.message
  }
}

function measuresOf(
  { steps, guidance, source }: InversionCase,
  pictures: readonly KnownNoise[],
  inversions: readonly NoiseInversion[],
  again: readonly Reconstruction[] | undefined,
  secondsPerPicture: number,
): InversionMeasures {
  const errors = inversions.map(({ noise }, i) => Math.max(nmseDb(noise, pictures[i]!.generation.noise), equalDb))
  const linear = errors.map((error) => 10 ** (error / 10))
  const networkEvaluations = mean(inversions.map(({ evaluations }) => evaluations.denoises + evaluations.pullbacks))
  const outcomes = { converged: 0, exhausted: 0, diverged: 0 }
  for (const { outcome } of inversions.flatMap((inversion) => inversion.steps)) outcomes[outcome]++
  return {
    noiseNmseDb: decibels(errors),
    noiseNmse: { mean: mean(linear), deviation: linear.length > 1 ? Math.sqrt(variance(linear)) : 0 },
    ...(source === 'picture' && {
      latentNmseDb: decibels(inversions.map(({ latent }, i) => nmseDb(latent, pictures[i]!.generation.latent))),
    }),
    ...(again && {
      imageNmseDb: decibels(again.map(({ image }, i) => nmseDb(shown(image), shown(pictures[i]!.generation.image)))),
      equalValuesShare: mean(again.map(({ match }) => match.equalValues!)),
    }),
    evaluationsPerStep: networkEvaluations / (guidance === 1 ? 1 : 2) / steps,
    networkEvaluations,
    secondsPerPicture,
    outcomes,
  }
}

/** A picture as its file shows it, in [0, 1]. */
const shown = (image: Tensor): Tensor => map(round8(image), (value) => (value + 1) / 2)

function decibels(values: readonly number[]): Decibels {
  const bounded = values.map((value) => Math.max(value, equalDb))
  return { mean: mean(bounded), worst: Math.max(...bounded), each: bounded }
}
