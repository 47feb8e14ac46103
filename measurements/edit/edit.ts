/**
 * `undiffuse bench edit`: how much of a background edits keep, and whether they give what was asked for, each method
 * against the oracle that owns the true trajectory. Result only: words and sheets are in edit-text.ts.
 */
import { performance } from 'node:perf_hooks'
import {
  autoencoderOf,
  confidenceInterval,
  type DiffusionModel,
  edit,
  edits,
  type Interval,
  invertDecoder,
  isUndiffuseError,
  likenessOutside,
  map,
  mean,
  parse,
  relay,
  round8,
  type Signal,
  type Solver,
  type Steps,
  ssimMap,
  type Tensor,
  withOption,
} from 'undiffuse'
import { encodePng } from 'undiffuse/node'
import { randomFrom } from '../../training/scenes/random.js'
import { attributes } from '../../training/scenes/reader/network.js'
import type { SceneReader, Words } from '../../training/scenes/reader/reader.js'
import { type Share, shareOf } from '../samplers/faithfulness.js'
import type { CellKey, Cells } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import { type EditCase, type Given, generatedCases, renderedCases } from './cases.js'
import { generatedEdit, renderedEdit, type SceneEdit } from './sources.js'

export interface EditBenchOptions {
  /** Pictures that the model made, and rendered scenes. */
  readonly generated: number
  readonly rendered: number
  /** Without steps. Default: the model's own, in the steps that it was opened with. */
  readonly solver?: string | undefined
  readonly steps: number
  readonly guidance: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

/** One edit of one source. Plain data: what cells keep. */
export interface EditMeasures {
  /** Of the 8-bit pictures, where the mask is 0. */
  readonly background: {
    readonly nmse: number
    readonly psnrDb: number
    readonly ssim: number
    readonly largestLevels: number
  }
  /** Of the edit and the scene that it should give: inside the mask, and SSIM of the whole picture. */
  readonly target?: { readonly psnrDb: number; readonly ssim: number }
  /** Intersection over union of the mask that the method found and the known one. */
  readonly maskOverlap?: number
  /** The scene reader reads the changed attribute as the target's. */
  readonly changed: boolean
  /** It reads the other five as in the source. */
  readonly kept: boolean
  readonly converged: boolean
  /** Network evaluations, guidance counted twice, and gradients; and runs of the autoencoder. */
  readonly evaluations: number
  readonly gradients: number
  readonly seconds: number
  /** A PNG in base64. */
  readonly picture: string
}

export interface EditRow {
  readonly name: string
  readonly method: string
  /** Means and 95 % intervals over sources. */
  readonly nmse: Interval
  readonly psnrDb: Interval
  readonly ssim: Interval
  /** Mean background NMSE over the oracle's, with 95 % of resamples of the sources. */
  readonly overOracle?: { readonly ratio: number; readonly low: number; readonly high: number }
  readonly maskOverlap?: Interval
  readonly targetPsnrDb?: Interval
  readonly targetSsim?: Interval
  readonly changed: Share
  readonly changedAndKept: Share
  readonly convergedShare: number
  readonly evaluations: number
  readonly gradients: number
  readonly seconds: number
}

export interface EditPart {
  readonly sources: number
  readonly rows: readonly EditRow[]
  /** Cases that this model or solver does not take, and why. */
  readonly refused: readonly RefusedCase[]
}

export interface RefusedCase {
  readonly name: string
  readonly reason: string
}

export interface EditBenchResult {
  readonly benchmark: 'edit'
  readonly model: string
  readonly modelVersion: string
  readonly solver: string
  readonly steps: number
  readonly guidance: number
  readonly machine: Machine
  readonly generated?: EditPart
  readonly rendered?: EditPart
}

/** A source and what every case made of it, for sheets. */
export interface EditedSource {
  readonly source: SceneEdit
  readonly results: readonly { readonly name: string; readonly measures: EditMeasures }[]
  readonly refused: readonly RefusedCase[]
}

export interface EditBench {
  readonly result: EditBenchResult
  readonly examples: { readonly generated: readonly EditedSource[]; readonly rendered: readonly EditedSource[] }
}

/**
 * Edits every source in every case and measures backgrounds, targets, success and cost.
 *
 * Cost: for each source one decoder inversion and the cases' own. Finished edits are kept in `cells`. Errors: `bad-option`
 * for a solver that means nothing; those of the methods.
 */
export async function* benchEdit(
  model: SampledModel,
  reader: SceneReader,
  options: EditBenchOptions,
): Steps<EditBench> {
  const { generated, rendered, steps, guidance, modelVersion } = options
  const sampler = options.solver ? solverOn(model, withOption(options.solver, `steps=${steps}`)) : model.solver
  const solver = options.solver ?? sampler.name
  const total = generated + rendered
  const part = async function* (
    count: number,
    before: number,
    cases: readonly EditCase[],
    sourceOf: (index: number) => Steps<SceneEdit>,
  ): Steps<readonly EditedSource[]> {
    const found: EditedSource[] = []
    for (let index = 0; index < count; index++) {
      const at = () => ({ stage: 'editing', done: before + index, total })
      const source = yield* relay(sourceOf(index), at)
      found.push(yield* relay(editedInAll(model, reader, source, index, cases, sampler, { ...options, solver }), at))
    }
    return found
  }
  const ofModel = yield* part(generated, 0, generatedCases, (index) =>
    generatedEdit(model, index, { ...options, solver: sampler }),
  )
  const ofScenes = yield* part(rendered, generated, renderedCases, async function* (index) {
    yield { stage: 'source', done: 0, total: 1 }
    return renderedEdit(index)
  })
  return {
    result: {
      benchmark: 'edit',
      model: model.name,
      modelVersion,
      solver,
      steps,
      guidance,
      machine: machine(),
      ...(ofModel.length > 1 && { generated: partOf(ofModel, generatedCases) }),
      ...(ofScenes.length > 1 && { rendered: partOf(ofScenes, renderedCases) }),
    },
    examples: { generated: ofModel, rendered: ofScenes },
  }
}

async function* editedInAll(
  model: SampledModel,
  reader: SceneReader,
  source: SceneEdit,
  index: number,
  cases: readonly EditCase[],
  solver: Solver,
  options: EditBenchOptions & { readonly solver: string },
): Steps<EditedSource> {
  const { cells, modelVersion, guidance, signal } = options
  const { from, to } = source
  const results: { name: string; measures: EditMeasures }[] = []
  const refused: RefusedCase[] = []
  const latentOf = latentsOf(model, source, signal)
  const before = await reader.readScene(source.source, signal)
  const kind = source.states ? 'generated' : 'rendered'
  for (const one of cases) {
    const about = { benchmark: 'edit', kind, model: model.name, modelVersion, index, from, to, ...one }
    const key: CellKey = { ...about, decoder: 'automatic', solver: options.solver, steps: options.steps, guidance }
    let measures = await cells.find<EditMeasures>(key)
    if (!measures) {
      const found = await latentOf(one.given)
      const edited = yield* orRefusal(editedOnce(model, source, one, found, { solver, guidance, signal }))
      if (typeof edited === 'string') {
        refused.push({ name: one.name, reason: edited })
        continue
      }
      const { image, ...cost } = edited
      const read = await reader.readScene(image, signal)
      measures = { ...likeness(image, source), ...judged(read, before, source), ...cost, picture: await pngOf(image) }
      await cells.keep(key, measures)
    }
    results.push({ name: one.name, measures })
    yield { stage: one.name, done: results.length, total: cases.length }
  }
  return { source, results, refused }
}

/** What the work gives, or why the model or the solver does not take it. */
async function* orRefusal<T>(work: Steps<T>): Steps<T | string> {
  try {
    return yield* work
  } catch (error) {
    if (isUndiffuseError(error) && error.code === 'unsupported') return error.message
    throw error
  }
}

interface FoundLatent {
  readonly latent: Tensor
  readonly seconds: number
}

/** The latents that cases start from, each found once and only when it is asked for. */
function latentsOf(model: DiffusionModel, { source, target, states }: SceneEdit, signal: Signal | undefined) {
  const autoencoder = autoencoderOf(model, signal)
  const ways: Readonly<Record<Given, () => Promise<Tensor>>> = {
    trajectory: async () => states!.at(-1)!.x,
    picture: async () => (await invertDecoder(source, { model, signal })).latent,
    encoder: () => autoencoder.encode(source),
    target: () => autoencoder.encode(target!),
  }
  const known = new Map<Given, FoundLatent>()
  return async (given: Given): Promise<FoundLatent> => {
    const start = performance.now()
    const found = known.get(given) ?? { latent: await ways[given](), seconds: (performance.now() - start) / 1000 }
    known.set(given, found)
    return found
  }
}

type EditedOnce = Pick<EditMeasures, 'converged' | 'evaluations' | 'gradients' | 'seconds' | 'maskOverlap'> & {
  readonly image: Tensor
}

/** In 8 bits, with what it cost: finding the latent is in the seconds, not in the evaluations of the denoiser. */
async function* editedOnce(
  model: SampledModel,
  source: SceneEdit,
  { method, given, mask }: EditCase,
  { latent, seconds }: FoundLatent,
  {
    solver,
    guidance,
    signal,
  }: { readonly solver: Solver; readonly guidance: number; readonly signal: Signal | undefined },
): Steps<EditedOnce> {
  if (method === undefined) {
    const image = round8(await autoencoderOf(model, signal).decode(latent))
    return { image, converged: true, evaluations: 0, gradients: 0, seconds }
  }
  const task = edit(given === 'trajectory' ? { states: source.states! } : { latent }, {
    model,
    from: source.from,
    to: source.to,
    guidance,
    solver,
    method: parse(edits, method),
    mask: mask === 'shared' ? source.mask : undefined,
    signal,
  })
  const start = performance.now()
  for await (const progress of task) yield progress
  const edited = await task
  return {
    image: round8(edited.image),
    ...(mask === 'none' && edited.mask && { maskOverlap: overlap(edited.mask, source.mask) }),
    converged: edited.outcome === 'converged',
    evaluations: edited.evaluations.denoises,
    gradients: edited.evaluations.pullbacks,
    seconds: seconds + (performance.now() - start) / 1000,
  }
}

function overlap(a: Tensor, b: Tensor): number {
  const count = (isCounted: (x: number, y: number) => boolean) =>
    a.data.reduce((sum, x, i) => sum + (isCounted(x, b.data[i]!) ? 1 : 0), 0)
  return count((x, y) => x === 1 && y === 1) / count((x, y) => x === 1 || y === 1)
}

/** More than any picture in 8 bits that differs from another: what equal ones count as, for means. */
const equalPsnrDb = 100

function likeness(image: Tensor, { source, mask, target }: SceneEdit): Pick<EditMeasures, 'background' | 'target'> {
  const { share: _, ...background } = likenessOutside(mask, image, source)!
  const inside = map(mask, (value) => 1 - value)
  const finite = (psnrDb: number) => Math.min(psnrDb, equalPsnrDb)
  return {
    background: { ...background, psnrDb: finite(background.psnrDb) },
    ...(target && {
      target: {
        psnrDb: finite(likenessOutside(inside, image, target)!.psnrDb),
        ssim: mean(ssimMap(image, target).data),
      },
    }),
  }
}

const judged = (read: Words, before: Words, { change, wanted }: SceneEdit): Pick<EditMeasures, 'changed' | 'kept'> => ({
  changed: read[change] === wanted,
  kept: attributes.every((name) => name === change || read[name] === before[name]),
})

const pngOf = async (image: Tensor): Promise<string> => Buffer.from(await encodePng(image)).toString('base64')

function partOf(edited: readonly EditedSource[], cases: readonly EditCase[]): EditPart {
  const measuresOf = (name: string) => edited.map(({ results }) => results.find((one) => one.name === name)!.measures)
  const refused = cases.flatMap(({ name }) => {
    const found = edited.flatMap((one) => one.refused).find((one) => one.name === name)
    return found ? [found] : []
  })
  const taken = cases.filter(({ name }) => refused.every((one) => one.name !== name))
  const rows = taken.map((one): EditRow => {
    const all = measuresOf(one.name)
    const over = (value: (measures: EditMeasures) => number) => confidenceInterval(all.map(value))
    const overOracle = one.oracle === undefined ? undefined : ratioOf(all, measuresOf(one.oracle))
    const overlaps = all.flatMap(({ maskOverlap }) => maskOverlap ?? [])
    const hasTarget = all.every(({ target }) => target !== undefined)
    return {
      name: one.name,
      method: one.method ?? 'none',
      nmse: over(({ background }) => background.nmse),
      psnrDb: over(({ background }) => background.psnrDb),
      ssim: over(({ background }) => background.ssim),
      ...(overOracle && { overOracle }),
      ...(overlaps.length > 1 && { maskOverlap: confidenceInterval(overlaps) }),
      ...(hasTarget && {
        targetPsnrDb: over(({ target }) => target!.psnrDb),
        targetSsim: over(({ target }) => target!.ssim),
      }),
      changed: shareOf(all, ({ changed }) => changed),
      changedAndKept: shareOf(all, ({ changed, kept }) => changed && kept),
      convergedShare: mean(all.map(({ converged }) => (converged ? 1 : 0))),
      evaluations: mean(all.map(({ evaluations }) => evaluations)),
      gradients: mean(all.map(({ gradients }) => gradients)),
      seconds: mean(all.map(({ seconds }) => seconds)),
    }
  })
  return { sources: edited.length, rows, refused }
}

const resamples = 1000

/**
 * The ratio of mean background errors; sources are drawn, with repetition, for both alike. Undefined for an oracle without
 * error. Source: Efron and Tibshirani 1993.
 */
function ratioOf(ours: readonly EditMeasures[], oracle: readonly EditMeasures[]): EditRow['overOracle'] {
  const total = (all: readonly EditMeasures[], indices: readonly number[]) =>
    indices.reduce((sum, i) => sum + all[i]!.background.nmse, 0)
  if (total(oracle, [...oracle.keys()]) === 0) return undefined
  const of = (indices: readonly number[]) => total(ours, indices) / total(oracle, indices)
  const random = randomFrom(1)
  const drawn = Array.from({ length: resamples }, () => of(ours.map(() => Math.floor(random() * ours.length))))
  drawn.sort((a, b) => a - b)
  const at = (share: number) => drawn[Math.round(share * (resamples - 1))]!
  return { ratio: of([...ours.keys()]), low: at(0.025), high: at(0.975) }
}
