/**
 * What `roundtrip` and `example` do: from a noise or a picture there and back again, given the exact latent and given the
 * 8-bit picture alone. The methods are the library's.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  decoderInverters,
  type Exactness,
  type Fit,
  generate,
  type InversionSource,
  invert,
  inverters,
  type NoiseInversion,
  nmseDb,
  type OpenDiffusionModel,
  parse,
  type Reconstruction,
  reconstruct,
  round8,
  type Sampled,
  type Tensor,
} from 'undiffuse'
import { encodePng, type FileContent, writeFilesAtomically } from 'undiffuse/node'
import { follow, type NetworkOptions, now, withModel } from './diffusion.js'
import { noiseExactness } from './noise-inversion.js'
import { noisePlot } from './noise-report.js'
import type { PictureSize } from './numbers.js'
import { prepareOutputs } from './outputs.js'
import { fitPicture, readPictures } from './pictures.js'
import { checkUndoable, completed, type Recipe, type Sampling, samplingOf } from './recipe.js'
import { roundTripReport, roundTripSheet, sayRoundTrip } from './round-trip-report.js'
import { fileTypeOf, tensorFile } from './tensor-files.js'
import type { Terminal } from './terminal.js'
import type { Timed } from './words.js'

export interface RoundTripRequest extends NetworkOptions, Recipe {
  /** A picture to start from, in place of a prompt and a seed. */
  readonly picture?: string
  readonly seed?: number
  readonly size?: PictureSize
  readonly decoder: string
  readonly inverter: string
  readonly fit: Fit
  /** The folder and the beginning of the names of what is written. */
  readonly out: string
  readonly name: string
}

/** From a latent or a picture back to the noise, and from that noise to the picture again. */
export interface Leg {
  readonly given: 'latent' | 'picture'
  readonly inversion: NoiseInversion
  readonly noiseExact: Exactness
  readonly again: Reconstruction
  /** Against the noise that the latent was made from; absent where nobody knows it. */
  readonly noiseNmseDb?: number
  readonly latentNmseDb?: number
}

/** Everything that the report says. */
export interface FinishedRoundTrip extends Timed {
  readonly request: RoundTripRequest
  readonly model: string
  readonly recipe: Recipe
  /** The picture that was started from, fitted; absent where it started from a seed. */
  readonly photograph?: Tensor
  /** A picture whose latent and noise are known. */
  readonly made: Sampled
  readonly legs: readonly Leg[]
}

/** Files by what they hold. */
type RoundTripOutputs = Readonly<Record<'picture' | 'again' | 'tensors' | 'sheet' | 'plot' | 'report', string>>

async function outputsOf({ out, name, picture }: RoundTripRequest): Promise<RoundTripOutputs> {
  const path = (ending: string) => join(out, `${name}.${ending}`)
  const outputs = {
    picture: path('png'),
    again: path('again.png'),
    tensors: path('safetensors'),
    sheet: path('sheet.png'),
    plot: path('residuals.svg'),
    report: path('report.json'),
  }
  await mkdir(out, { recursive: true }).catch(() => {})
  await prepareOutputs({ '--out': Object.values(outputs) }, { 'the picture': picture })
  return outputs
}

interface Walk {
  readonly io: Terminal
  readonly model: OpenDiffusionModel
  readonly sampling: Sampling
  readonly request: RoundTripRequest
}

/** Back to the noise, and from that noise alone to the picture again. */
async function leg(
  { io, model, sampling, request }: Walk,
  given: Leg['given'],
  source: InversionSource,
  known: { readonly image: Tensor; readonly latent?: Tensor; readonly noise?: Tensor },
): Promise<Leg> {
  const options = { ...sampling, model, signal: io.signal, now }
  const decoder = parse(decoderInverters, request.decoder)
  const back = invert(source, { ...options, decoder, inverter: parse(inverters, request.inverter) })
  const inversion = await follow(io, back, `${given} → noise`)
  const { image, latent = inversion.latent, noise } = known
  const there = reconstruct(inversion.noise, { ...options, reference: { image, latent } })
  const again = await follow(io, there, 'noise → picture')
  return {
    given,
    inversion,
    noiseExact: noiseExactness(inversion),
    again,
    ...(noise && { noiseNmseDb: nmseDb(inversion.noise, noise) }),
    ...(known.latent && { latentNmseDb: nmseDb(inversion.latent, known.latent) }),
  }
}

/** The latent as sampling left it, with the memory that solvers need to be undone exactly. */
const cleanEnd = ({ states, latent }: Sampled): InversionSource => {
  const state = states.at(-1)!
  return state.memory.length > 0 ? { state } : { latent }
}

/** noise → picture; latent → noise → picture; picture → noise → picture. */
async function fromSeed(walk: Walk): Promise<Pick<FinishedRoundTrip, 'made' | 'legs'>> {
  const { io, model, sampling, request } = walk
  const { seed = 0, size } = request
  const options = { ...sampling, prompt: sampling.prompt ?? '', model, seed, size, signal: io.signal, now }
  const made = await follow(io, generate(options), 'noise → picture')
  const picture = round8(made.image)
  const givenLatent = await leg(walk, 'latent', cleanEnd(made), made)
  return { made, legs: [givenLatent, await leg(walk, 'picture', { image: picture }, { ...made, image: picture })] }
}

/** picture → noise → picture; then, since that picture's latent and noise are known, latent → noise → picture. */
async function fromPicture(walk: Walk, path: string): Promise<Pick<FinishedRoundTrip, 'photograph' | 'made' | 'legs'>> {
  const [source] = await readPictures([path], walk.io)
  const { image } = fitPicture(source!, walk.model.pixelMultiple, walk.request.fit)
  const there = await leg(walk, 'picture', { image }, { image })
  const made = there.again
  return { photograph: image, made, legs: [there, await leg(walk, 'latent', cleanEnd(made), made)] }
}

/** Their paths by what they hold, and what is in them. A chart of residuals that nobody knows is left out. */
async function contentsOf(finished: FinishedRoundTrip): Promise<Partial<Record<keyof RoundTripOutputs, FileContent>>> {
  const { made, legs, recipe, model, photograph } = finished
  const found = Object.fromEntries(legs.map(({ given, inversion }) => [`noise.given-${given}`, [inversion.noise]]))
  const type = fileTypeOf(finished.request.precision)
  const plot = await noisePlot(legs.map(({ given, inversion }) => ({ name: `given the ${given}`, inversion })))
  return {
    picture: await encodePng(photograph ?? made.image),
    again: await encodePng(legs[0]!.again.image),
    tensors: tensorFile({ noise: [made.noise], latent: [made.latent], ...found }, recipe, { model }, type),
    sheet: await roundTripSheet(finished),
    ...(plot !== undefined && { plot }),
  }
}

/** Reads or generates, inverts, samples again, writes and reports. */
export async function roundTrip(io: Terminal, request: RoundTripRequest): Promise<void> {
  parse(decoderInverters, request.decoder)
  parse(inverters, request.inverter)
  const outputs = await outputsOf(request)
  const finished = await withModel(request, request, async (model, cost): Promise<FinishedRoundTrip> => {
    const begin = now()
    checkUndoable(request, model, '`roundtrip`')
    const sampling = samplingOf(request, model)
    const walk = { io, model, sampling, request }
    const walked = await (request.picture === undefined ? fromSeed(walk) : fromPicture(walk, request.picture))
    const seconds = now() - begin
    const recipe = completed(request, model)
    return { ...walked, request, model: model.name, recipe, seconds, cost: await cost() }
  })
  const contents = Object.entries(await contentsOf(finished)) as [keyof RoundTripOutputs, FileContent][]
  const written = { ...Object.fromEntries(contents.map(([what]) => [what, outputs[what]])), report: outputs.report }
  const report = roundTripReport(finished, written)
  await writeFilesAtomically([
    ...contents.map(([what, content]) => [outputs[what], content] as const),
    [outputs.report, `${JSON.stringify(report, undefined, 2)}\n`],
  ])
  io.clear()
  sayRoundTrip(io, finished, Object.values(written))
  io.result(report)
}
