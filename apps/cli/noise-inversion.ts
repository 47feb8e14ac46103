/** What `invert --to noise` does: pictures or latents in, latents, noise and their report out. */
import { mkdir } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import {
  decoderInverters,
  type Exactness,
  expected,
  type Fit,
  type Fitted,
  type FloorProbes,
  invertAll,
  inverters,
  isLinearizable,
  type NoiseInversion,
  type OpenDiffusionModel,
  type PictureFloor,
  type PromptedSource,
  parse,
  pictureFloor,
  refiners,
  type Solver,
  type Tensor,
} from 'undiffuse'
import { type FileContent, writeFilesAtomically } from 'undiffuse/node'
import { follow, type NetworkOptions, now, withModel } from './diffusion.js'
import { noisePlot, noiseReport, noiseSheet, sayNoiseReport } from './noise-report.js'
import { prepareOutputs } from './outputs.js'
import { fitPicture, type NamedPicture, pictureFiles, readPictures } from './pictures.js'
import { checkUndoable, completed, type Recipe, samplingOf, withRemembered } from './recipe.js'
import { checkTensorFileName, fileTypeOf, isTensorFile, readTensorFile, tensorFile } from './tensor-files.js'
import type { Terminal } from './terminal.js'
import type { Timed } from './words.js'

export const defaultInverter = inverters[0].definition.id

export interface NoiseRequest extends NetworkOptions, Recipe {
  readonly decoder: string
  readonly inverter: string
  readonly refine?: string
  /** How the error to expect is found; not at all where it is absent. */
  readonly floor?: FloorProbes
  readonly fit: Fit
  readonly chunk?: number
  readonly output?: string
  readonly report?: string
}

/** A picture as it was read, or a latent; what it is called in reports. */
export interface NoiseSource {
  readonly name: string
  readonly picture?: NamedPicture
  readonly latent?: Tensor
  /** What the solver remembered at the latent. */
  readonly memory?: readonly Tensor[]
}

export interface InvertedSource {
  readonly source: NoiseSource
  readonly fitted: Fitted | undefined
  readonly inversion: NoiseInversion
  /** What the noise is exact given. */
  readonly noiseExact: Exactness
  /** The error to expect at best, where it was asked for. */
  readonly floor?: PictureFloor
}

/** Everything that the report says. */
export interface FinishedNoise extends Timed {
  readonly request: NoiseRequest
  readonly model: string
  readonly recipe: Recipe
  readonly sources: readonly InvertedSource[]
  readonly outputs: NoiseOutputs
}

export interface NoiseOutputs {
  readonly noise: string
  readonly sheet: string
  /** Absent where no residual is known. */
  readonly plot?: string
  readonly report: string
}

function outputsOf({ output, report }: NoiseRequest, first: string): Required<NoiseOutputs> {
  const stem = basename(resolve(first), extname(first))
  // A latent's own file is not written over.
  const noise = output ?? `${stem}${isTensorFile(first) ? '.noise' : ''}.safetensors`
  checkTensorFileName(noise, '--output')
  const beside = join(report ?? dirname(noise), basename(noise, extname(noise)))
  return {
    noise,
    sheet: `${beside}.sheet.png`,
    plot: `${beside}.residuals.svg`,
    report: `${beside}.report.json`,
  }
}

/** Nothing is computed for outputs that cannot be written. The report's folder is made. */
async function prepare(
  { report }: NoiseRequest,
  outputs: Required<NoiseOutputs>,
  paths: readonly string[],
): Promise<void> {
  if (report !== undefined) await mkdir(report, { recursive: true }).catch(() => {})
  await prepareOutputs({ ...outputs }, { 'a source': await pictureFiles(paths) })
}

/** Pictures, or the latents in files, and what the first file says of how they were made. */
async function readSources(paths: readonly string[], io: Terminal): Promise<[readonly NoiseSource[], Recipe]> {
  const files = paths.filter(isTensorFile)
  if (files.length === 0) {
    const pictures = await readPictures(paths, io)
    return [pictures.map((picture) => ({ name: basename(picture.path), picture })), {}]
  }
  if (files.length < paths.length) {
    const remedy = 'Invert them one after the other.'
    throw expected('bad-option', 'pictures or latents', '`invert`', 'some of each', remedy)
  }
  const read = await Promise.all(files.map((path) => readTensorFile(path, 'latent')))
  const sources = read.flatMap(({ tensors, memories }, i) =>
    tensors.map((latent, k) => ({
      memory: memories[k]!,
      name: tensors.length === 1 ? basename(files[i]!) : `${basename(files[i]!)} ${k + 1}`,
      latent,
    })),
  )
  return [sources, read[0]!.recipe]
}

/** Of a picture whose decoder is not undone exactly, the noise may still be exact given the latent that was found. */
export const noiseExactness = ({ exact, outcome, decoder, refinement }: NoiseInversion): Exactness =>
  exact === 'no' && decoder && (outcome === 'converged' || refinement) ? 'given-latent' : exact

async function invertSources(
  io: Terminal,
  model: OpenDiffusionModel,
  sources: readonly NoiseSource[],
  recipe: Recipe,
  { decoder, inverter, refine, floor: probes, fit, chunk }: NoiseRequest,
): Promise<readonly InvertedSource[]> {
  if (sources.some(({ memory = [] }) => memory.length === 0)) checkUndoable(recipe, model, '`invert`')
  const sampling = samplingOf(recipe, model)
  const index = sampling.solver.grid(model.schedule).length - 1
  const each = sampling.guidance === 1 || sampling.guidance === 0 ? 1 : 2
  const refiner = refine === undefined ? undefined : parse(refiners, refine)
  if (probes !== undefined) checkFloor(sampling.solver)
  const fitted = sources.map(({ picture }) => picture && fitPicture(picture, model.pixelMultiple, fit))
  const task = invertAll(
    sources.map(({ latent, memory = [] }, i): PromptedSource => {
      if (!latent) return { image: fitted[i]!.image }
      return memory.length > 0 ? { state: { index, x: latent, memory } } : { latent }
    }),
    {
      ...sampling,
      model,
      decoder: parse(decoderInverters, decoder),
      inverter: parse(inverters, inverter),
      refine: refiner,
      signal: io.signal,
      now,
      ...(chunk !== undefined && { chunk }),
    },
  )
  // What cannot be refined is refused before anything is computed, and nothing is said of its cost.
  await task[Symbol.asyncIterator]().next()
  if (refiner) io.say(`\`${refine}\` takes at most ${refiner.evaluations(index) * each} evaluations a picture`)
  const inversions = await follow(io, task)
  if (probes !== undefined) {
    io.say(
      `the floor takes about ${evaluationsOfFloor(probes, inversions[0]!.noise, index) * each} evaluations a picture`,
    )
  }
  const inverted: InvertedSource[] = []
  for (const [i, inversion] of inversions.entries()) {
    const asked = { ...sampling, model, probes, signal: io.signal, now }
    inverted.push({
      source: sources[i]!,
      fitted: fitted[i],
      inversion,
      noiseExact: noiseExactness(inversion),
      ...(probes !== undefined && { floor: await follow(io, pictureFloor(inversion.noise, asked)) }),
    })
  }
  return inverted
}

function checkFloor(solver: Solver): void {
  const answer = isLinearizable(solver)
  if (answer === true) return
  throw expected('unsupported', 'a solver with a derivative', '`--floor`', `\`${solver.name}\``, answer)
}

/** Runs of the denoiser that a branch of guidance takes, derivatives included: a probe takes about 20 products. */
const evaluationsOfFloor = (probes: FloorProbes, noise: Tensor, steps: number): number =>
  steps * (probes === 'whole' ? noise.data.length : 4 * 20 * probes)

/** What someone who finds the file needs to know, `undiffuse generate --noise` among them. */
function noiseFile({ request, model, recipe, sources }: FinishedNoise): Uint8Array[] {
  const inversions = sources.map(({ inversion }) => inversion)
  const [{ source, fitted }] = sources as readonly [InvertedSource]
  const sides = (shape: readonly number[]) => ({ height: `${shape[1]}`, width: `${shape[2]}` })
  return tensorFile(
    { latent: inversions.map(({ latent }) => latent), noise: inversions.map(({ noise }) => noise) },
    recipe,
    {
      model,
      inverter: request.inverter,
      ...(request.refine !== undefined && { refine: request.refine }),
      latentExact: inversions.map(({ decoder }) => decoder?.exact ?? 'given').join(','),
      noiseExact: sources.map(({ noiseExact }) => noiseExact).join(','),
      outcome: inversions.map(({ outcome }) => outcome).join(','),
      sources: JSON.stringify(sources.map(({ source }) => source.name)),
      ...(source.picture &&
        fitted && {
          decoder: request.decoder,
          fit: request.fit,
          ...sides(fitted.image.shape),
          originalHeight: sides(source.picture.image.shape).height,
          originalWidth: sides(source.picture.image.shape).width,
        }),
    },
    fileTypeOf(request.precision),
  )
}

/** Reads, inverts, writes and reports. Fails before the networks run where it can be known to fail. */
export async function invertToNoise(io: Terminal, paths: readonly string[], request: NoiseRequest): Promise<void> {
  parse(decoderInverters, request.decoder)
  parse(inverters, request.inverter)
  if (request.refine !== undefined) parse(refiners, request.refine)
  const outputs = outputsOf(request, paths[0]!)
  const [read, remembered] = await readSources(paths, io)
  const recipe = withRemembered(request, remembered)
  // The memory is of the solver that the file names.
  const isAnother = request.solver !== undefined || request.steps !== undefined
  const sources = isAnother ? read.map(({ memory: _, ...source }) => source) : read
  await prepare(request, outputs, paths)

  const finished = await withModel(request, recipe, async (model, cost): Promise<FinishedNoise> => {
    const begin = now()
    const inverted = await invertSources(io, model, sources, recipe, request)
    const seconds = now() - begin
    const made = completed(recipe, model)
    return { request, model: model.name, recipe: made, sources: inverted, outputs, seconds, cost: await cost() }
  })

  const plot = await noisePlot(finished.sources.map(({ source, inversion }) => ({ name: source.name, inversion })))
  const { plot: plotPath, ...others } = outputs
  const shown = plot === undefined ? { ...finished, outputs: others } : finished
  const report = noiseReport(shown)
  const files: (readonly [string, FileContent])[] = [
    [outputs.noise, noiseFile(finished)],
    [outputs.sheet, await noiseSheet(finished)],
    ...(plot === undefined ? [] : [[plotPath, plot] as const]),
    [outputs.report, `${JSON.stringify(report, undefined, 2)}\n`],
  ]
  await writeFilesAtomically(files)
  io.clear()
  sayNoiseReport(io, shown)
  io.result(report)
}
