/** From pictures or latents to the noise that made them: what `invert` does with a whole model. The methods are the library's. */
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import type { Solver } from '../../diffusion/diffusion.js'
import { isLinearizable } from '../../diffusion/linearized.js'
import type { Tensor } from '../../math/tensor.js'
import { questionsOf } from '../../model/guidance.js'
import { sidesOf } from '../../model/layout.js'
import type { Fitted } from '../../pictures/fit.js'
import { latentShapeAt } from '../../verbs/generate.js'
import { inversion, type NoiseInversion } from '../../verbs/invert.js'
import { type FloorProbes, type PictureFloor, pictureFloor } from '../../verbs/picture-floor.js'
import { defaultChunk, sideBySide } from '../../verbs/side-by-side.js'
import { setting } from '../fields.js'
import { jsonText, prepareOutputs } from '../files/outputs.js'
import { lastName, withoutEnding } from '../files/paths.js'
import {
  checkPicture,
  fitPicture,
  type ListedPictures,
  largeNote,
  listPictures,
  type MeasuredPicture,
  measureSources,
  type NamedPicture,
  notesOf,
  readPictures,
} from '../files/pictures.js'
import {
  checkAxes,
  checkFileModel,
  checkFileSolver,
  checkFinite,
  fileTypeOf,
  isTensorFile,
  notesOnFileWeights,
  type ReadTensors,
  readTensorFile,
  tensorFile,
} from '../files/tensor-files.js'
import { looksWhite } from '../files/white-noise.js'
import type { FileContent, Host, NetworkCost, Note, OperationModel } from '../host.js'
import { noted, notedOf, partOf, type Running, type Told } from '../operation.js'
import { bitsReport } from '../recipes/networks.js'
import {
  checkUndoable,
  completed,
  notesOnTexts,
  otherOrigin,
  otherOriginOfFile,
  type Plan,
  planOf,
  type Recipe,
  samplingOf,
  trueGuidanceOf,
  withRemembered,
} from '../recipes/recipe.js'
import { latentCells, noiseCell, residualChart, shown, tensorPicture } from '../reports/cells.js'
import { costReport, floorNumbers, latentReport, noiseNumbers, totalEvaluations } from '../reports/numbers.js'
import { type Timed, timed, timedDecoder } from '../timed.js'
import type { InvertSettings } from './fields.js'
import { tensorFiles, tensorOutputs } from './outputs.js'

/** A picture as it was read, or a latent; what it is called in reports. */
interface Source {
  readonly name: string
  readonly picture?: NamedPicture
  readonly latent?: Tensor
  /** What the solver remembered at the latent. */
  readonly memory?: readonly Tensor[]
}

interface InvertedSource {
  readonly source: Source
  readonly fitted: Fitted | undefined
  readonly inversion: NoiseInversion
  /** Of finding the latent, and of the whole inversion with it. */
  readonly seconds: { readonly decoder: number; readonly inversion: number }
  /** The error to expect at best, where it was asked for. */
  readonly floor?: Timed<PictureFloor>
}

export interface NoiseOutputs {
  /** One file for all sources, or one for each. */
  readonly noise: string | readonly string[]
  readonly sheet?: string
  /** Absent where no residual is known. */
  readonly plot?: string
  readonly report?: string
}

/** Everything that the report says. */
interface Inverted {
  readonly settings: InvertSettings
  readonly model: OperationModel
  /** Of its weights. */
  readonly modelFiles: string
  readonly recipe: Recipe
  readonly sources: readonly InvertedSource[]
  readonly outputs: NoiseOutputs
  readonly seconds: number
  readonly cost: NetworkCost
}

async function outputsOf(
  settings: InvertSettings,
  sources: readonly Pick<Source, 'name'>[],
  host: Host,
): Promise<NoiseOutputs> {
  // The second latent of `z.safetensors` is `z-2`.
  const names = sources.map(({ name }) => withoutEnding(name.replace(/(\.\w+) (\d+)$/, '-$2$1')))
  const { tensors, sheet, report } = await tensorOutputs(settings, names, host)
  return {
    noise: tensors,
    ...(sheet && { sheet }),
    ...(report && { plot: report('residuals.svg'), report: report('report.json') }),
  }
}

interface ReadSources {
  /** Pictures, and clips. */
  readonly listed: ListedPictures | undefined
  /** Latents, where there are no pictures. */
  readonly latents: readonly Source[]
  /** The files that they are in. */
  readonly paths: readonly string[]
  /** What the files of latents hold; none of pictures. */
  readonly read: readonly ReadTensors[]
  /** What the first file says of how they were made. */
  readonly remembered: Recipe
  readonly notes: readonly Note[]
}

/** Which pictures there are, or the latents in files. */
async function readSources(paths: readonly string[], host: Host): Promise<ReadSources> {
  const files = paths.filter(isTensorFile)
  if (files.length === 0) {
    const listed = await listPictures(paths, host)
    return { listed, latents: [], paths: listed.paths, read: [], remembered: {}, notes: listed.notes }
  }
  if (files.length < paths.length) {
    const remedy = 'Invert them one after the other.'
    throw expected('bad-option', 'pictures or latents', setting('sources'), 'some of each', remedy)
  }
  const read = await Promise.all(files.map((path) => readTensorFile(host.files, path, 'latent')))
  read.forEach(({ tensors, memories }, i) => {
    for (const one of [...tensors, ...memories.flat()]) checkFinite(one, files[i]!)
  })
  const latents = read.flatMap(({ tensors, memories }, i) =>
    tensors.map((latent, k) => ({
      memory: memories[k]!,
      name: tensors.length === 1 ? lastName(files[i]!) : `${lastName(files[i]!)} ${k + 1}`,
      latent,
    })),
  )
  const notes = read.flatMap(({ tensors }, i) => {
    const text = `\`${lastName(files[i]!)}\` looks like noise, and is taken for a latent: there may be nothing to invert.`
    return tensors.some(looksWhite) ? [{ about: files[i]!, text }] : []
  })
  return { listed: undefined, latents, paths: files, read, remembered: read[0]!.recipe, notes }
}

/** Reads pictures once their size is known to fit the model and memory. */
async function readMeasured(
  { fit, chunk = defaultChunk }: InvertSettings,
  measured: readonly MeasuredPicture[],
  plan: Plan,
  model: OperationModel,
  host: Host,
  signal: Signal | undefined,
): Promise<readonly NamedPicture[]> {
  const [first] = measured
  if (!first) return []
  const together = Math.min(chunk, measured.length)
  const denoise = together * questionsOf(model, samplingOf(plan, model))
  checkPicture(first, model, fit, { encode: together, decode: together, denoise })
  return await readPictures(measured, host, signal)
}

async function* invertSources(
  settings: InvertSettings,
  sources: readonly Source[],
  plan: Plan,
  model: OperationModel,
  host: Host,
  signal: Signal | undefined,
): Steps<readonly InvertedSource[], Told> {
  const { decoder, inverter, refine, fit, chunk = defaultChunk } = settings
  const probes: FloorProbes | undefined = settings.floor
  if (sources.some(({ memory = [] }) => memory.length === 0)) checkUndoable(plan, model, '`invert`')
  const sampling = samplingOf(plan, model)
  const index = sampling.solver.grid(model.schedule(latentShapeAt(model))).length - 1
  const each = questionsOf(model, sampling)
  if (probes !== undefined) checkFloor(sampling.solver)
  const fitted = sources.map(({ picture }) => picture && fitPicture(picture, model.layout, fit))
  const decoders = sources.map(() => timedDecoder(decoder.method, host))
  const methods = { inverter: inverter.method, refine: refine?.method }
  const inverting = sideBySide(model, sources, chunk, ({ latent, memory = [] }, view, i) => {
    const given = memory.length > 0 ? { state: { index, x: latent!, memory } } : { latent: latent! }
    const source = latent ? given : { image: fitted[i]!.image }
    const options = { ...sampling, ...methods, model: view, decoder: decoders[i]!.decoder, signal }
    return timed(inversion(source, options), host)
  })
  const task = new Task(inverting, signal)
  // What cannot be refined is refused before anything is computed, and nothing is said of its cost.
  await task[Symbol.asyncIterator]().next()
  if (refine) {
    const most = refine.method.evaluations(index) * each
    yield noted(refine.text, `\`${refine.text}\` takes at most ${most} evaluations a picture`)
  }
  const inversions = yield* partOf(task)
  if (probes !== undefined) {
    const about = evaluationsOfFloor(probes, inversions[0]!.value.noise, index) * each
    yield noted('floor', `the floor takes about ${about} evaluations a picture`)
  }
  const inverted: InvertedSource[] = []
  for (const [i, { value, seconds }] of inversions.entries()) {
    const asked = { ...sampling, model, probes, signal }
    const floor = probes === undefined ? undefined : yield* timed(partOf(pictureFloor(value.noise, asked)), host)
    const times = { decoder: decoders[i]!.seconds(), inversion: seconds }
    inverted.push({ source: sources[i]!, fitted: fitted[i], inversion: value, seconds: times, ...(floor && { floor }) })
  }
  return inverted
}

function checkFloor(solver: Solver): void {
  const answer = isLinearizable(solver)
  if (answer === true) return
  throw expected('unsupported', 'a solver with a derivative', setting('floor'), `\`${solver.name}\``, answer)
}

/** Runs of the denoiser that a branch of guidance takes, derivatives included: a probe takes about 20 products. */
const evaluationsOfFloor = (probes: FloorProbes, noise: Tensor, steps: number): number =>
  steps * (probes === 'whole' ? noise.data.length : 4 * 20 * probes)

/** What someone who finds the file needs to know, `generate` among them. */
function noiseFile(path: string, { settings, model, modelFiles, recipe, sources }: Inverted): Uint8Array[] {
  const inversions = sources.map(({ inversion }) => inversion)
  const [{ source, fitted }] = sources as readonly [InvertedSource]
  const original = source.picture && sidesOf(model.layout, source.picture.image.shape)
  const taken = fitted && sidesOf(model.layout, fitted.image.shape)
  const metadata = {
    model: model.name,
    modelFiles,
    inverter: settings.inverter.text,
    ...(settings.refine && { refine: settings.refine.text }),
    latentExact: inversions.map(({ decoder }) => decoder?.exact ?? 'given').join(','),
    noiseExact: inversions.map(({ noiseExact }) => noiseExact).join(','),
    outcome: inversions.map(({ outcome }) => outcome).join(','),
    sources: JSON.stringify(sources.map(({ source }) => source.name)),
    ...(original &&
      taken && {
        decoder: settings.decoder.text,
        fit: settings.fit,
        height: `${taken.height}`,
        width: `${taken.width}`,
        originalHeight: `${original.height}`,
        originalWidth: `${original.width}`,
      }),
  }
  return tensorFile(
    path,
    { noise: inversions.map(({ noise }) => noise), latent: inversions.map(({ latent }) => latent) },
    { layout: model.layout, recipe, metadata, dtype: fileTypeOf(settings.precision) },
  )
}

/** Residuals are shares of the noise in the cleaner end of a step. */
function reportOf({ settings, model, recipe, sources, outputs, seconds, cost }: Inverted) {
  const [{ inversion, source, fitted }] = sources as readonly [InvertedSource]
  const original = source.picture && sidesOf(model.layout, source.picture.image.shape)
  const taken = fitted && sidesOf(model.layout, fitted.image.shape)
  return {
    model: model.name,
    to: 'noise' as const,
    prompt: recipe.prompt ?? null,
    negativePrompt: recipe.negative ?? null,
    guidance: inversion.guidance,
    ...trueGuidanceOf(recipe),
    solver: recipe.solver ?? inversion.solver,
    steps: inversion.grid.length - 1,
    inverter: settings.inverter.text,
    ...bitsReport(settings),
    device: settings.device ?? 'cpu',
    ...(original &&
      taken && {
        decoder: settings.decoder.text,
        fit: settings.fit,
        widthPixels: original.width,
        heightPixels: original.height,
        fittedWidthPixels: taken.width,
        fittedHeightPixels: taken.height,
      }),
    latentShape: inversion.latent.shape,
    ...(settings.refine && { refine: settings.refine.text }),
    sources: sources.map(({ source, inversion, floor, seconds }) => ({
      source: source.picture?.path ?? source.name,
      notes: source.picture?.notes ?? [],
      latent: inversion.decoder ? latentReport(inversion.decoder, seconds.decoder) : null,
      ...noiseNumbers(inversion, seconds.inversion),
      ...(floor && { floor: floorNumbers(floor.value, floor.seconds) }),
    })),
    evaluations: totalEvaluations(sources.map(({ inversion }) => inversion.evaluations)),
    ...costReport(seconds, cost),
    outputs,
  }
}

export type NoiseInversionReport = ReturnType<typeof reportOf>

/** The picture, what its latent decodes to, where both differ, the latent and the noise. */
function cells({ source, fitted, inversion }: InvertedSource) {
  const { decoder, latent, noise } = inversion
  const picture = fitted && decoder ? latentCells(source.name, fitted, decoder) : []
  return [
    ...picture,
    { image: tensorPicture(latent), label: `latent${picture.length > 0 ? '' : `\n${source.name}`}` },
    noiseCell(noise, 'noise'),
  ]
}

/** Reads, inverts and writes. Fails before the networks run where it can be known to fail. */
export async function* invertToNoise(
  settings: InvertSettings,
  host: Host,
  signal?: Signal,
): Running<NoiseInversionReport> {
  const read = await readSources(settings.sources, host)
  for (const { about, text } of read.notes) yield noted(about, text)
  const plan = planOf(withRemembered(settings, read.remembered))
  // The memory is of the solver that the file names.
  const isAnother = settings.solver !== undefined || settings.steps !== undefined
  const latents = isAnother ? read.latents.map(({ memory: _, ...source }) => source) : read.latents
  const held = await host.models.open({ ...settings, steps: plan.recipe.steps })
  try {
    yield* notedOf(held)
    for (const [i, file] of read.read.entries()) {
      checkFileModel(file, read.paths[i]!, settings, held.model)
      checkFileSolver(file, read.paths[i]!, settings, plan, held.model)
      checkAxes(file, held.model.layout, read.paths[i]!)
    }
    const measured = read.listed ? await measureSources(read.listed, held.model, host, signal) : []
    const names = [...measured.map(({ path }) => ({ name: lastName(path) })), ...latents]
    const outputs = await outputsOf(settings, names, host)
    await prepareOutputs(host.files, { ...outputs }, { 'a source': read.paths })
    const modelFiles = await held.identity()
    for (const [i, file] of read.read.entries()) {
      yield* notesOnFileWeights(file, read.paths[i]!, modelFiles, 'Another noise is found.')
    }
    const begin = host.now()
    const origins = read.read.flatMap(({ metadata }, i) =>
      otherOriginOfFile(metadata, plan, held.model).map((text) => ({ about: read.paths[i]!, text })),
    )
    for (const { about, text } of origins) yield noted(about, text)
    yield* notesOnTexts([plan.recipe.prompt, plan.recipe.negative], held.model, signal)
    const large = measured[0] && largeNote(measured[0], held.model, settings.fit)
    const asRead = await readMeasured(settings, measured, plan, held.model, host, signal)
    if (large) yield large
    const pictures = asRead.map((one) => ({
      ...one,
      notes: [...one.notes, ...otherOrigin(one.texts, [plan], held.model, 'solver')],
    }))
    // Of one picture that is said before the work; of several at the end, with their names.
    if (pictures.length === 1) for (const text of pictures[0]!.notes) yield noted(pictures[0]!.path, text)
    const sources = [...pictures.map((picture) => ({ name: lastName(picture.path), picture })), ...latents]
    const inverted = yield* invertSources(settings, sources, plan, held.model, host, signal)
    const seconds = host.now() - begin
    const recipe = completed(plan, held.model)
    const { model } = held

    const named = inverted.map(({ source, inversion }) => ({ name: source.name, inversion }))
    const chart = outputs.plot === undefined ? undefined : await residualChart(named, host.pictures)
    const { plot, ...others } = outputs
    const written = chart === undefined ? others : outputs
    const cost = await held.cost()
    const finished = { settings, model, modelFiles, recipe, sources: inverted, outputs: written, seconds, cost }
    const result = reportOf(finished)
    const title = `${model.name}, ${settings.inverter.text} on ${recipe.solver ?? inverted[0]!.inversion.solver}`
    const sheet = () => host.pictures.sheet(shown(inverted).map(cells), { title, cellSize: 256 })
    const files: (readonly [string, FileContent])[] = [
      ...tensorFiles(outputs.noise, inverted, (path, some) => noiseFile(path, { ...finished, sources: some })),
      ...(outputs.sheet ? [[outputs.sheet, await sheet()] as const] : []),
      ...(plot && chart ? [[plot, chart] as const] : []),
      ...(outputs.report ? [[outputs.report, jsonText(result)] as const] : []),
    ]
    await host.files.write(files)
    const notes = [...read.notes, ...origins, ...notesOf(sources.flatMap(({ picture }) => picture ?? []))]
    return { result, files: files.map(([path]) => path), notes }
  } finally {
    await held.close()
  }
}
