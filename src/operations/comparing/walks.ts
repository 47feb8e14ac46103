/** Every pair walked there and back: from the latent, and from the picture. */
import type { DecoderInverter, LatentSolution } from '../../autoencoder/autoencoder.js'
import { inverters } from '../../catalog.js'
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { relay } from '../../core/relay.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { formatShape, sameShape, type Tensor } from '../../math/tensor.js'
import { counted } from '../../model/counted.js'
import { questionsOf } from '../../model/guidance.js'
import { checkRoom } from '../../model/memory.js'
import { autoencoderOf } from '../../model/views.js'
import { round8 } from '../../pictures/pixels.js'
import { generate } from '../../verbs/generate.js'
import type { InversionSource } from '../../verbs/invert.js'
import { reconstruct } from '../../verbs/reconstruct.js'
import type { Sampled } from '../../verbs/sampling.js'
import { setting } from '../fields.js'
import { lastName } from '../files/paths.js'
import { checkPicture, fitPicture, measurePicture, type NamedPicture, readPicture } from '../files/pictures.js'
import { checkAxes, checkFileModel, checkFinite, readTensorFile } from '../files/tensor-files.js'
import { looksWhite } from '../files/white-noise.js'
import type { Host, Note, OperationModel } from '../host.js'
import { cleanEnd, type Leg, leg, type Walk } from '../inverting/legs.js'
import { noted, type Parts, partOf, type Told } from '../operation.js'
import { completed, otherOrigin, type Plan, type Recipe, samplingOf, solverWords } from '../recipes/recipe.js'
import { evaluationsOf, making, type Ways } from './expected-costs.js'
import type { NoiseKeeper } from './noise-files.js'
import {
  type Compared,
  type CompareSettings,
  checkSolvers,
  checkTaken,
  type Legs,
  type Pair,
  pairsOf,
  refusalNotes,
  type Start,
  waysOf,
} from './pairs.js'

export interface Comparison {
  readonly image: Tensor
  /** What inverters refuse, what reading the picture changed, and where it says that it was made otherwise. */
  readonly notes: readonly Note[]
  /** Absent of a picture file. */
  readonly noise?: Tensor
  readonly rows: readonly Compared[]
}

/** A file that rows go back from. */
export interface Given {
  readonly path: string
  readonly way: Leg['given']
  /** In 8 bits: the picture, or what the latent decodes to. */
  readonly image: Tensor
  readonly latent?: Tensor
  /** What the solver of this text remembered beside the latent. */
  readonly memory?: { readonly of: Recipe; readonly tensors: readonly Tensor[] }
  /** What reading it changed, and what was taken from its text. */
  readonly notes: readonly string[]
  /** What says another solver than the file does: its own in other steps. Default `solvers`. */
  readonly solverSetting?: 'steps'
  /** What its own text says of how it was made. */
  readonly texts: Readonly<Record<string, string>> | undefined
}

/** Walks every pair there and back. The picture of a prompt is made once for each solver. */
export async function* compareAll(
  settings: CompareSettings,
  start: Start,
  { model, given, host }: { readonly model: OperationModel; readonly given: Given | undefined; readonly host: Host },
  keeper: NoiseKeeper | undefined,
  signal: Signal | undefined,
): Steps<Comparison, Told> {
  await checkSolvers(settings, model)
  const pairs = pairsOf(settings, start, model)
  checkTaken(pairs, settings, model)
  const { seed = 0, size } = settings
  const decoder = remembering(settings.decoder.method)
  const plans = pairs.map(({ pair }) => pair.plan)
  const known =
    settings.noise === undefined ? undefined : await knownNoise(settings.noise, given!.image, settings, model, host)
  const others = given ? otherOrigin(given.texts, plans, model, given.solverSetting ?? 'solvers') : []
  const onFile = given ? [...given.notes, ...others, ...(known ? [] : [unknownNoise(given)])] : []
  const said = [...refusalNotes(pairs, settings, model), ...onFile.map((text) => ({ about: given!.path, text }))]
  for (const { about, text } of said) yield noted(about, text)
  const taken = pairs.flatMap(({ pair, refusal }) => (refusal === undefined ? [pair.plan] : []))
  // Of a file that was made otherwise it is known that this noise makes another picture.
  const isChecked = given && known && others.length === 0
  const onNoise = isChecked ? yield* notesOnNoise(known, given, new Set(taken), { model, settings, signal }) : []
  for (const { about, text } of onNoise) yield noted(about, text)
  const notes = [...said, ...onNoise]
  const rows: Compared[] = []
  const ways = waysOf(settings, start)
  const { model: asked, counts } = counted(model)
  const isFirst = ({ pair: { plan } }: Compared, i: number) =>
    i === pairs.findIndex(({ pair, refusal }) => refusal === undefined && (given || pair.plan === plan))
  const makingOf = ({ pair: { plan }, steps = 1 }: Compared) =>
    making(steps, questionsOf(model, samplingOf(plan, model)), ways, given === undefined)
  const inTable = pairs.filter(({ refusal }) => refusal === undefined)
  const weights = inTable.map((row) => row.weight + (isFirst(row, pairs.indexOf(row)) ? makingOf(row) : 0))
  const numberOf = (row: Compared) => inTable.indexOf(row) + 1
  let made: (Made & { readonly plan: Plan }) | undefined
  let first: Made | undefined
  for (const row of pairs) {
    const place = inTable.indexOf(row)
    const before = evaluationsOf(counts())
    const evaluationsOfAWalk = (row.steps ?? 1) * questionsOf(model, samplingOf(row.pair.plan, model))
    const partsNow = (): Parts => {
      const walked = (evaluationsOf(counts()) - before) / evaluationsOfAWalk
      const begun = Math.min(walked, mostBegun * weights[place]!)
      return { done: place, total: inTable.length, begun, one: 'row', weights }
    }
    const { plan, inverter } = row.pair
    if (row.refusal !== undefined) {
      rows.push(row)
      continue
    }
    const sampling = samplingOf(plan, model)
    const walk = { inverter: inverter.method, decoder, host, model: asked, sampling, signal }
    if (given) {
      const { way, image, latent } = given
      const truth = { image, ...(latent && { latent }), ...(known && { noise: known }) }
      const walked = {
        ...row,
        legs: { [way]: yield* named(leg(walk, way, sourceOf(given, row.pair, model), truth), row, partsNow) },
        image,
      }
      rows.push(keeper ? yield* keeper.keep(walked, numberOf(row)) : walked)
      continue
    }
    if (made?.plan !== plan) {
      const options = { ...sampling, prompt: start.prompt ?? '', model: asked, seed, size, signal }
      const sampled = yield* named(partOf(generate(options)), row, partsNow)
      made = { plan, sampled, image: round8(sampled.image) }
      if (!first && keeper) yield* keeper.keepKnown(sampled.noise, pairs)
      first ??= made
    }
    const walked = { ...row, legs: yield* legsOf(ways, walk, made, row, partsNow), image: made.image }
    rows.push(keeper ? yield* keeper.keep(walked, numberOf(row)) : walked)
  }
  const noise = first?.sampled.noise ?? known
  return { image: first?.image ?? given!.image, ...(noise && { noise }), notes, rows }
}

/** Of a noise that makes another picture fewer values are equal. */
const leastEqual = 0.5

/** Whether a noise that was passed makes the picture by one of the solvers: errors against another one mean nothing. */
async function* notesOnNoise(
  noise: Tensor,
  { way, image }: Given,
  plans: ReadonlySet<Plan>,
  of: { readonly model: OperationModel; readonly settings: CompareSettings; readonly signal: Signal | undefined },
): Steps<readonly Note[], Told> {
  const { model, settings, signal } = of
  let most = 0
  for (const plan of plans) {
    const options = { ...samplingOf(plan, model), model, reference: { image }, signal }
    const { match } = yield* partOf(reconstruct(noise, options), 'noise → picture')
    most = Math.max(most, match.equalValues ?? 0)
    if (most >= leastEqual) return []
  }
  const path = settings.noise!
  const text = `\`${path}\` does not make this ${way}, with this prompt, guidance and solver: ${(100 * most).toFixed(0)} % of the 8-bit values are equal. Is it of another? Errors of noise are against it all the same.`
  return [{ about: path, text }]
}

/** The picture, or the latent with what its own solver remembered there. */
function sourceOf({ image, latent, memory }: Given, { plan }: Pair, model: OperationModel): InversionSource {
  if (!latent) return { image }
  const { solver } = samplingOf(plan, model)
  const isItsOwn = memory && memory.tensors.length > 0 && solverWords(completed(plan, model)) === solverWords(memory.of)
  if (!isItsOwn) return { latent }
  const index = solver.grid(model.schedule(latent.shape)).length - 1
  return { state: { index, x: latent, memory: memory.tensors } }
}

/** A row that takes longer than was expected is not finished before its end. */
const mostBegun = 0.98

interface Made {
  readonly sampled: Sampled
  readonly image: Tensor
}

async function* legsOf(
  ways: Ways,
  walk: Walk,
  { sampled: made, image }: Made,
  row: Compared,
  partsNow: () => Parts,
): Steps<Legs, Told> {
  const legs: Partial<Record<Leg['given'], Leg>> = {}
  for (const given of ways) {
    const source = given === 'latent' ? cleanEnd(made) : { image }
    const known = given === 'latent' ? made : { ...made, image }
    const way = ways.length > 1 ? given : undefined
    legs[given] = yield* named(leg(walk, given, source, known), row, partsNow, way)
  }
  return legs
}

/** The latent of a picture is found once, whatever is done with it then. */
function remembering(decoder: DecoderInverter): DecoderInverter {
  const found = new Map<Tensor, LatentSolution>()
  return {
    ...decoder,
    async *invert(image, ...rest) {
      const solution = found.get(image) ?? (yield* decoder.invert(image, ...rest))
      found.set(image, solution)
      return solution
    },
  }
}

/** Steps under what each does, and the names of the row: `gradient steps, naive on ddim`; the way back has the row's alone. */
const named = <T>(
  work: Steps<T, Told>,
  { pair }: Compared,
  partsNow: () => Parts,
  way?: Leg['given'],
): Steps<T, Told> =>
  relay(work, (progress) => ({ ...progress, stage: stageOf(progress.stage, pair, way), parts: partsNow() }))

/** First words of the stages of the way back, of what `automatic` chooses too. */
const undoing = new Set(inverters.map(({ definition }) => definition.id))

/** The way that a leg names before it is left out; a method that the row names is not told twice. */
function stageOf(stage: string, { inverter, solver }: Pair, way: Leg['given'] | undefined): string {
  const part = stage.split(': ').at(-1)!
  const row = `${inverter.text} on ${solver}${way === undefined ? '' : `, from the ${way}`}`
  const [id = ''] = part.split(' ')
  if (id === solver.split(':')[0]) return solver
  // `automatic` alone is the stage of finding a latent.
  const isBack = id !== automatic.definition.id && (undoing.has(id) || id === inverter.text.split(':')[0])
  return isBack ? row : `${part}, ${row}`
}

const unknownNoise = ({ way }: Given) =>
  `Nobody knows its noise, so no error of the noise is told, and no chart drawn. Pass ${setting('noise')} where it was kept, or the prompt and ${setting('seed')} in place of the ${way}.`

/** What there is to know of a latent from its numbers. */
function notesOnLatent(latent: Tensor, path: string): readonly string[] {
  const file = `\`${lastName(path)}\``
  if (looksWhite(latent)) {
    return [
      `${file} looks like noise, and is taken for a latent. Make a picture from this noise first, and pass that with ${setting('noise', lastName(path))}.`,
    ]
  }
  const isRounded = latent.data.every((value) => value === Math.fround(value))
  return isRounded
    ? [
        `The latent in ${file} is rounded to 32 bits. A latent that is made of a prompt has 64, so its runs and errors differ.`,
      ]
    : []
}

/** The noise of a picture, from a file that holds one. Throws where it is of another model or size. */
async function knownNoise(
  path: string,
  image: Tensor,
  settings: CompareSettings,
  model: OperationModel,
  { files }: Host,
): Promise<Tensor> {
  const file = await readTensorFile(files, path, 'noise')
  checkFileModel(file, path, settings, model)
  checkAxes(file, model.layout, path)
  const [noise] = file.tensors as readonly [Tensor]
  checkFinite(noise, path)
  const shape = model.layout.latentShape(image.shape)
  if (file.tensors.length === 1 && sameShape(noise.shape, shape)) return noise
  const got = file.tensors.length === 1 ? formatShape(noise.shape) : `${file.tensors.length} noises`
  const what = `one noise of ${formatShape(shape)}`
  throw expected('bad-shape', what, `\`${lastName(path)}\``, got, 'Pass the noise of this picture alone.')
}

/** The file that a comparison begins with. */
export async function readGiven(
  { path, way }: NonNullable<Start['file']>,
  settings: CompareSettings,
  model: OperationModel,
  host: Host,
  signal: Signal | undefined,
): Promise<Given> {
  if (way === 'latent') return await readLatent(path, settings, model, host, signal)
  const { image, notes, texts } = await fittedPicture(path, settings, model, host)
  return { path, way, image, notes, texts: texts?.Software === 'undiffuse' ? texts : undefined }
}

/** The one latent in a file, and the picture that it decodes to. Throws where it is of another model or shape. */
async function readLatent(
  path: string,
  settings: CompareSettings,
  model: OperationModel,
  { files }: Host,
  signal: Signal | undefined,
): Promise<Given> {
  const file = await readTensorFile(files, path, 'latent')
  checkFileModel(file, path, settings, model)
  checkAxes(file, model.layout, path)
  const [latent] = file.tensors as readonly [Tensor]
  if (file.tensors.length > 1) {
    const remedy = 'Compare them one after the other.'
    throw expected('bad-option', 'one latent', `\`${lastName(path)}\``, `${file.tensors.length}`, remedy)
  }
  checkFinite(latent, path)
  checkRoom(model, { denoise: 1, decode: 1 }, latent.shape, `\`${lastName(path)}\``)
  const image = round8(await autoencoderOf(model, signal).decode(latent))
  const { metadata, recipe, memories } = file
  const notes = notesOnLatent(latent, path)
  const isTold = metadata.model !== undefined && recipe.solver !== undefined
  const texts = !isTold ? undefined : { ...metadata, Software: 'undiffuse', model: model.name }
  return { path, way: 'latent', image, latent, memory: { of: recipe, tensors: memories[0]! }, notes, texts }
}

/** The picture as the model takes it, in 8 bits. Throws as `checkPicture`. */
async function fittedPicture(
  path: string,
  { fit }: CompareSettings,
  model: OperationModel,
  host: Host,
): Promise<NamedPicture> {
  checkPicture(await measurePicture(path, host), model, fit, { encode: 1, decode: 1, denoise: 1 })
  const picture = await readPicture(path, host)
  return { ...picture, image: round8(fitPicture(picture, model.layout, fit).image) }
}
