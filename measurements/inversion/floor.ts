/**
 * `undiffuse bench floor`: how well the noise can be known from the 8-bit picture, and how near methods come to it.
 * Result only: words are in floor-text.ts; files are written by whoever asked.
 */
import { performance } from 'node:perf_hooks'
import {
  type DiffusionModel,
  decoderInverters,
  type FloorProbes,
  type Generation,
  generate,
  invert,
  nmseDb,
  type PictureFloor,
  parse,
  pictureFloor,
  refiners,
  relay,
  round8,
  type Signal,
  type Steps,
  stepsOf,
  withOption,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { type Cells, keptOr } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { solverOn } from '../shared/solver.js'

/** A way from the picture alone to the noise; what the picture was made with is known. */
export interface NoiseFinder {
  readonly name: string
  readonly decoder: string
  /** What refines the noise afterwards. */
  readonly refine?: string
}

const defaultDecoder = decoderInverters[0].definition.id

/** The encoder, today's default, the true gradient, and the most probable noise from where the default ends. */
export const noiseFinders: readonly NoiseFinder[] = [
  { name: 'encoder', decoder: 'encoder-only' },
  { name: 'default', decoder: defaultDecoder },
  { name: 'gradient', decoder: 'gradient:optimizer=lbfgs,iterations=50' },
  { name: 'most probable', decoder: defaultDecoder, refine: 'most-probable' },
]

export interface FloorBenchOptions {
  /** Prompts: the first held-out captions, with the noise of seeds 0, 1, …. */
  readonly prompts: number
  readonly guidances: readonly number[]
  /** Without steps. */
  readonly solver: string
  readonly steps: number
  readonly probes: FloorProbes
  readonly finders: readonly NoiseFinder[]
  readonly cells: Cells
  /** What tells one version of the model's weights from another: part of the cells' keys. */
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

/** What one way found of one picture's noise. */
export interface FoundNoise {
  readonly noiseNmseDb: number
  readonly latentNmseDb: number
  /** Of the denoising network, derivatives and both branches of guidance counted. */
  readonly networkEvaluations: number
  readonly seconds: number
  /** −log of the probability, where it was refined. */
  readonly objectiveBefore?: number
  readonly objectiveAfter?: number
}

export interface FloorFound {
  readonly nmseDb: number
  readonly lowDb?: number
  readonly highDb?: number
  readonly networkEvaluations: number
  readonly seconds: number
}

/** One prompt at one guidance: its floor, and what each way found, in the order of the finders. */
export interface FloorRow {
  readonly prompt: string
  readonly guidance: number
  readonly floor: FloorFound
  readonly found: readonly FoundNoise[]
}

export interface FloorBenchResult {
  readonly benchmark: 'floor'
  readonly model: string
  readonly modelVersion: string
  readonly solver: string
  readonly steps: number
  readonly probes: FloorProbes
  readonly finders: readonly NoiseFinder[]
  readonly machine: Machine
  readonly rows: readonly FloorRow[]
}

/** Below any number that means something: JSON has no infinity. */
const lowestDb = -313

/**
 * Measures the floor and every way for each prompt at each guidance; finished pieces are taken from `cells` and kept there.
 *
 * Pictures are generated, rounded to 8 bits and inverted with the prompt, solver and guidance known, one at a time, so that
 * seconds are those of one picture. The floor is taken at the true noise. Cost: see `pictureFloor` and `mostProbable`; the
 * rest is little beside them. Yields progress in prompts. Errors: `bad-option` for specifications that mean nothing.
 */
export async function* benchFloor(model: DiffusionModel, options: FloorBenchOptions): Steps<FloorBenchResult> {
  const { guidances, steps, probes, finders, cells, modelVersion, signal } = options
  const solver = solverOn(model, withOption(options.solver, `steps=${steps}`))
  const cases = guidances.flatMap((guidance) =>
    heldOutPrompts(options.prompts).map(({ prompt }, seed) => ({ prompt, seed, guidance })),
  )
  const rows: FloorRow[] = []
  for (const { prompt, seed, guidance } of cases) {
    const asked = { model, prompt, guidance, solver, signal }
    let made: Generation | undefined
    const named = (stage: string) => ({
      stage: `${stage}, guidance ${guidance}, prompt ${seed + 1}`,
      done: rows.length,
      total: cases.length,
    })

    /** What was kept, or what `measure` gives for the picture, which is made when it is first needed. */
    async function* piece<T>(what: object, name: string, measure: (made: Generation) => Steps<T>): Steps<T> {
      const key = { benchmark: 'floor', model: model.name, modelVersion, solver: options.solver, steps, guidance, seed }
      return yield* keptOr(cells, { ...key, ...what }, async function* () {
        made ??= yield* relay(stepsOf(generate({ ...asked, seed })), () => named('making the picture'))
        return yield* relay(measure(made), () => named(name))
      })
    }

    const floor = yield* piece({ probes }, 'floor', (made) => floorOf(made, { ...asked, probes }))
    const found: FoundNoise[] = []
    for (const finder of finders) {
      found.push(yield* piece({ finder }, finder.name, (made) => foundBy(finder, made, asked)))
    }
    rows.push({ prompt, guidance, floor, found })
  }
  const { solver: specification } = options
  const result = { model: model.name, modelVersion, solver: specification, steps, probes, finders }
  return { benchmark: 'floor', ...result, machine: machine(), rows }
}

type Asked = Parameters<typeof generate>[0]

const clock = () => performance.now() / 1000

async function* floorOf({ noise }: Generation, asked: Asked & { readonly probes: FloorProbes }): Steps<FloorFound> {
  const begin = clock()
  const { nmseDb, intervalDb, evaluations } = yield* stepsOf(pictureFloor(noise, asked))
  return {
    nmseDb,
    ...(intervalDb && { lowDb: Math.max(intervalDb.low, lowestDb), highDb: intervalDb.high }),
    networkEvaluations: networkEvaluations(evaluations),
    seconds: clock() - begin,
  }
}

async function* foundBy({ decoder, refine }: NoiseFinder, made: Generation, asked: Asked): Steps<FoundNoise> {
  const methods = {
    decoder: parse(decoderInverters, decoder),
    refine: refine === undefined ? undefined : parse(refiners, refine),
  }
  const begin = clock()
  const found = yield* stepsOf(invert({ image: round8(made.image) }, { ...asked, ...methods }))
  const seconds = clock() - begin
  const { objective } = found.refinement ?? {}
  return {
    noiseNmseDb: Math.max(nmseDb(found.noise, made.noise), lowestDb),
    latentNmseDb: Math.max(nmseDb(found.latent, made.latent), lowestDb),
    networkEvaluations: networkEvaluations(found.evaluations),
    seconds,
    ...(objective && { objectiveBefore: objective.before, objectiveAfter: objective.after }),
  }
}

const networkEvaluations = ({ denoises, pullbacks, pushforwards = 0 }: PictureFloor['evaluations']): number =>
  denoises + pullbacks + pushforwards
