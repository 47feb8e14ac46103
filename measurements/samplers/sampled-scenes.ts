/**
 * How near generated scenes are to rendered ones, by solver and number of steps: the Fréchet distance in the scene
 * reader's features, and its differences with their uncertainty. Not how near samples are to the exact flow: samplers.ts.
 */

import type { DiffusionModel, Signal, Steps } from 'undiffuse'
import { relay } from 'undiffuse'
import { randomFrom } from '../../training/scenes/random.js'
import type { SceneReader } from '../../training/scenes/reader/reader.js'
import { type Cells, keptOr } from '../shared/cells.js'
import { inRow } from '../shared/rows.js'
import { makeSolver } from '../shared/solver.js'
import { faithfulnessOf, type Share } from './faithfulness.js'
import { type SceneFrechet, sceneFrechet } from './frechet.js'
import { judgedScenes } from './judged-scenes.js'

/** DDIM, what the paper makes of it, and the second-order rule that needs no gamma. */
export const scenesSolvers = ['ddim', 'bdia:gamma=0.5', 'bdia:gamma=1', 'o-belm', 'dpm-solver-2m'] as const

export interface SampledScenesOptions {
  readonly solvers: readonly string[]
  /** The one that the others are compared with. */
  readonly against: string
  readonly steps: readonly number[]
  readonly guidance: number
  /** Generated scenes for each solver and number of steps. */
  readonly count: number
  readonly referenceCount: number
  readonly chunk: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

export interface ScenesRow {
  readonly solver: string
  readonly steps: number
  /** Evaluations of the guided network for one picture. */
  readonly evaluations: number
  readonly frechet: number
  readonly shapeAndColour: Share
}

/** A solver's distance minus that of the one it is compared with; negative is nearer to the scenes. */
export interface FrechetDifference {
  readonly solver: string
  readonly steps: number
  readonly difference: number
  /** 95 % of bootstrap samples, both solvers drawn alike, lie between. */
  readonly low: number
  readonly high: number
}

export interface SampledScenes {
  readonly against: string
  readonly guidance: number
  readonly count: number
  readonly referenceCount: number
  /** The distance of as many other rendered scenes: no model can be expected to be below it. */
  readonly floor: number
  readonly rows: readonly ScenesRow[]
  readonly differences: readonly FrechetDifference[]
}

interface Features {
  readonly features: readonly (readonly number[])[]
  readonly evaluations: number
  readonly shapeAndColour: Share
}

type Sampled = Features & { readonly solver: string; readonly steps: number }
type Distance = (features: readonly Float64Array[]) => Promise<SceneFrechet>

/**
 * Generates the same prompts and noises with every solver and number of steps and measures what comes out.
 *
 * Cost: steps × count generations for each solver, and 100 Fréchet distances for each difference. Features are kept in
 * `cells`.
 */
export async function* sampledScenes(
  model: DiffusionModel,
  reader: SceneReader,
  options: SampledScenesOptions,
): Steps<SampledScenes> {
  const { solvers, against, steps, guidance, count, referenceCount, signal } = options
  const all = solvers.flatMap((solver) => steps.map((number) => ({ solver, steps: number })))
  const sampled: Sampled[] = []
  for (const [i, one] of all.entries()) {
    const found = yield* relay(
      featuresOf(model, reader, one.solver, one.steps, options),
      inRow(`scenes, ${one.solver}, ${one.steps} steps`, i, all.length),
    )
    sampled.push({ ...one, ...found })
  }
  yield { stage: 'Fréchet distances', done: 0, total: sampled.length }
  const distance = await sceneFrechet(reader, referenceCount, signal)
  const rows: ScenesRow[] = []
  const differences: FrechetDifference[] = []
  let floor = Number.POSITIVE_INFINITY
  for (const one of sampled) {
    const found = await distance(vectorsOf(one))
    floor = found.floor
    rows.push({
      solver: one.solver,
      steps: one.steps,
      evaluations: one.evaluations / (guidance === 1 ? 1 : 2),
      frechet: found.distance,
      shapeAndColour: one.shapeAndColour,
    })
    const other = sampled.find((each) => each.solver === against && each.steps === one.steps)
    if (other && one.solver !== against) differences.push(await difference(one, other, distance))
    yield { stage: 'Fréchet distances', done: rows.length, total: sampled.length }
  }
  return { against, guidance, count, referenceCount, floor, rows, differences }
}

const vectorsOf = ({ features }: Features): Float64Array[] => features.map((values) => Float64Array.from(values))

async function* featuresOf(
  model: DiffusionModel,
  reader: SceneReader,
  solver: string,
  steps: number,
  { guidance, count, chunk, cells, modelVersion, signal }: SampledScenesOptions,
): Steps<Features> {
  const key = { benchmark: 'scenes', model: model.name, modelVersion, solver, steps, guidance, scenes: count, chunk }
  return yield* keptOr(cells, key, async function* () {
    const made = makeSolver(solver, steps)
    const options = { solver: made, guidance, count, chunk, keep: 0, signal }
    const { scenes, networkEvaluations } = yield* judgedScenes(model, reader, options)
    return {
      features: scenes.map(({ read }) => [...read.features]),
      evaluations: networkEvaluations,
      shapeAndColour: faithfulnessOf(scenes).shapeAndColour,
    }
  })
}

const resamples = 100

/** The paired bootstrap: the same scenes are drawn, with repetition, from both. Source: Efron and Tibshirani 1993. */
async function difference(one: Sampled, other: Sampled, distance: Distance): Promise<FrechetDifference> {
  const [ours, theirs] = [vectorsOf(one), vectorsOf(other)]
  const between = async (indices: readonly number[]) => {
    const [a, b] = [await distance(indices.map((i) => ours[i]!)), await distance(indices.map((i) => theirs[i]!))]
    return a.distance - b.distance
  }
  const random = randomFrom(1)
  const drawn: number[] = []
  for (let n = 0; n < resamples; n++) drawn.push(await between(ours.map(() => Math.floor(random() * ours.length))))
  drawn.sort((a, b) => a - b)
  const at = (share: number) => drawn[Math.round(share * (resamples - 1))]!
  const value = await between([...ours.keys()])
  return { solver: one.solver, steps: one.steps, difference: value, low: at(0.025), high: at(0.975) }
}
