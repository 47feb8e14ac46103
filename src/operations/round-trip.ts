/**
 * `roundtrip`: from a noise or a picture there and back again, given the exact latent and given the 8-bit picture alone.
 * The methods are the library's.
 */
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import { sidesOf } from '../model/layout.js'
import { errorMap, round8 } from '../pictures/pixels.js'
import { generate } from '../verbs/generate.js'
import { denoises, type Sampled } from '../verbs/sampling.js'
import { type Settings, setting } from './fields.js'
import { jsonText, prepareOutputs, reportField } from './files/outputs.js'
import { withoutEnding } from './files/paths.js'
import {
  checkPicture,
  fitPicture,
  listPictures,
  measurePictures,
  type NamedPicture,
  notesOf,
  readPictures,
} from './files/pictures.js'
import { fileTypeOf, tensorFile } from './files/tensor-files.js'
import type { ContactSheetCell, FileContent, Host, NetworkCost, Note, OperationModel } from './host.js'
import { cleanEnd, type Leg, leg, type Walk } from './inverting/legs.js'
import { notedOf, operation, partOf, type Running } from './operation.js'
import { bitsReport, decoderFields, inverterField, networkFields, seedField, sizeField } from './recipes/networks.js'
import {
  checkUndoable,
  completed,
  notesOnTexts,
  otherOrigin,
  type Plan,
  pictureRecipeField,
  pictureTexts,
  planOf,
  promptField,
  type Recipe,
  recipeFields,
  requiredPrompt,
  samplingOf,
  trueGuidanceOf,
} from './recipes/recipe.js'
import { errorGain, noiseCell, residualChart, tensorPicture } from './reports/cells.js'
import { errorDecibels, percent } from './reports/labels.js'
import { costReport, latentReport, matchReport, noiseNumbers, totalEvaluations } from './reports/numbers.js'
import { timed } from './timed.js'

const fields = {
  picture: {
    type: 'file',
    description: 'to start from, in place of a prompt and a seed',
    subject: true,
    word: 'picture',
  },
  prompt: promptField,
  seed: { ...seedField, description: 'of the noise (default: 0)' },
  size: sizeField,
  ...recipeFields,
  ...networkFields,
  inverter: inverterField,
  ...decoderFields,
  report: { ...reportField, description: 'where pictures, tensors, a sheet, a chart and all numbers go' },
  recipe: pictureRecipeField,
  name: {
    rare: true,
    type: 'string',
    description: 'the beginning of the names of what is written (default: that of the picture, or roundtrip)',
    word: 'name',
  },
} as const

type RoundTripSettings = Settings<typeof fields>

interface Walked {
  /** The picture that was started from, fitted; absent where it started from a seed. */
  readonly photograph?: Tensor
  /** A picture whose latent and noise are known. */
  readonly made: Sampled
  /** Absent where it started from a picture. */
  readonly generationSeconds?: number
  readonly legs: readonly Leg[]
  readonly notes: readonly Note[]
}

/** Everything that the report says. */
interface RoundTrip extends Walked {
  readonly settings: RoundTripSettings
  readonly name: string
  readonly model: OperationModel
  readonly recipe: Recipe
  readonly seconds: number
  readonly cost: NetworkCost
}

/** Files by what they hold. */
export type RoundTripOutputs = Readonly<Record<'picture' | 'again' | 'tensors' | 'sheet' | 'plot' | 'report', string>>

function checkStart({ picture, prompt, seed, size }: RoundTripSettings): void {
  if (picture === undefined) {
    requiredPrompt(prompt, 'Pass a picture, or a prompt for one that is made.')
  } else if (seed !== undefined || size !== undefined) {
    const got = `${picture} and ${setting(seed !== undefined ? 'seed' : 'size')}`
    throw expected('bad-option', 'a picture or a seed', '`roundtrip`', got, 'Leave one of them out.')
  }
}

async function outputsOf(
  { report, picture }: RoundTripSettings,
  name: string,
  { files }: Host,
): Promise<RoundTripOutputs | undefined> {
  if (report === undefined) return undefined
  const path = (ending: string) => files.join(report, `${name}.${ending}`)
  const outputs = {
    picture: path('png'),
    again: path('again.png'),
    tensors: path('safetensors'),
    sheet: path('sheet.png'),
    plot: path('residuals.svg'),
    report: path('report.json'),
  }
  await prepareOutputs(files, { 'settings.report': Object.values(outputs) }, { 'the picture': picture })
  return outputs
}

interface RoundTripWalk extends Walk {
  readonly settings: RoundTripSettings
  readonly plan: Plan
}

/** noise → picture; latent → noise → picture; picture → noise → picture. */
async function* fromSeed(walk: RoundTripWalk): Steps<Walked> {
  const { settings, host, model, sampling, signal } = walk
  const { seed = 0, size } = settings
  const options = { ...sampling, prompt: sampling.prompt ?? '', model, seed, size, signal }
  const { value: made, seconds } = yield* timed(partOf(generate(options), 'noise → picture'), host)
  const picture = round8(made.image)
  const givenLatent = yield* leg(walk, 'latent', cleanEnd(made), made)
  const givenPicture = yield* leg(walk, 'picture', { image: picture }, { ...made, image: picture })
  return { made, generationSeconds: seconds, legs: [givenLatent, givenPicture], notes: [] }
}

/** picture → noise → picture; then, since that picture's latent and noise are known, latent → noise → picture. */
async function* fromPicture(walk: RoundTripWalk, path: string): Steps<Walked> {
  const listed = await listPictures([path], walk.host)
  const measured = await measurePictures(listed.paths, walk.host, walk.signal)
  const asks = { encode: 1, decode: 1, ...denoises(walk.model, walk.sampling) }
  checkPicture(measured[0]!, walk.model, walk.settings.fit, asks)
  const [source] = (await readPictures(measured, walk.host, walk.signal)) as [NamedPicture]
  const origin = otherOrigin(source.texts, [walk.plan], walk.model, 'solver')
  const notes = [...listed.notes, ...notesOf([{ ...source, notes: [...source.notes, ...origin] }])]
  const { image } = fitPicture(source, walk.model.layout, walk.settings.fit)
  const there = yield* leg(walk, 'picture', { image }, { image })
  const made = there.again
  const back = yield* leg(walk, 'latent', cleanEnd(made), made)
  return { photograph: image, made, legs: [there, back], notes }
}

const legReport = ({ given, inversion, again, seconds, noiseNmseDb, latentNmseDb }: Leg) => ({
  given,
  latent: inversion.decoder ? latentReport(inversion.decoder, seconds.decoder) : null,
  ...noiseNumbers(inversion, seconds.inversion),
  noiseNmseDb: noiseNmseDb ?? null,
  latentNmseDb: latentNmseDb ?? null,
  again: { ...matchReport(again.match), evaluations: again.evaluations, seconds: seconds.again },
})

/** Errors of equal tensors and pictures are infinite decibels. */
function reportOf(finished: RoundTrip, outputs: Readonly<Record<string, string>>) {
  const { settings, model, recipe, made, generationSeconds, legs, photograph, seconds, cost } = finished
  const { height, width } = sidesOf(model.layout, made.image.shape)
  const all = legs.flatMap(({ inversion, again }) => [inversion.evaluations, again.evaluations])
  return {
    model: model.name,
    start: photograph ? (settings.picture ?? null) : { seed: settings.seed ?? 0 },
    prompt: recipe.prompt ?? null,
    negativePrompt: recipe.negative ?? null,
    guidance: legs[0]!.inversion.guidance,
    ...trueGuidanceOf(recipe),
    solver: recipe.solver ?? legs[0]!.inversion.solver,
    steps: made.grid.length - 1,
    inverter: settings.inverter.text,
    decoder: settings.decoder.text,
    ...bitsReport(settings),
    device: settings.device ?? 'cpu',
    widthPixels: width,
    heightPixels: height,
    latentShape: made.latent.shape,
    ...(!photograph && { generation: { evaluations: made.evaluations, seconds: generationSeconds } }),
    legs: legs.map(legReport),
    evaluations: totalEvaluations(photograph ? all : [made.evaluations, ...all]),
    ...costReport(seconds, cost),
    outputs,
  }
}

export type RoundTripReport = ReturnType<typeof reportOf>

/** What came back, the noise that was found, and where both differ from what they should be. */
function cells(
  { made, photograph }: RoundTrip,
  { given, inversion, again, noiseNmseDb }: Leg,
): readonly ContactSheetCell[] {
  const { equalValues = 0 } = again.match
  const wanted = given === 'picture' && photograph ? photograph : made.image
  const noises = [inversion.noise, made.noise].map((noise) => tensorPicture(noise, made.noise))
  return [
    { image: again.image, label: `again, given the ${given}\n${percent(equalValues)} of values equal` },
    noiseCell(inversion.noise, 'noise found'),
    { image: errorMap(again.image, wanted, errorGain), label: `error of the picture\n× ${errorGain}` },
    ...(noiseNmseDb === undefined
      ? []
      : [
          {
            image: errorMap(noises[0]!, noises[1]!, errorGain),
            label: `error of the noise × ${errorGain}\n${errorDecibels(noiseNmseDb)}`,
          },
        ]),
  ]
}

/** Where it started, and for each way back the picture and the noise that came of it, with their errors. */
function sheetOf(finished: RoundTrip, host: Host): Promise<Uint8Array> {
  const { made, photograph, legs, recipe, model, settings, name } = finished
  const start: readonly ContactSheetCell[] = photograph
    ? [{ image: photograph, label: name }]
    : [
        { image: made.image, label: `made of seed ${settings.seed ?? 0}` },
        noiseCell(made.noise, 'noise'),
        { image: tensorPicture(made.latent), label: 'latent' },
      ]
  const title = recipe.prompt === undefined ? model.name : `${model.name}: ${recipe.prompt}`
  return host.pictures.sheet([start, ...legs.map((one) => cells(finished, one))], { title, cellSize: 256 })
}

/** What is in the files, by what they hold. A chart of residuals that nobody knows is left out. */
async function contentsOf(
  finished: RoundTrip,
  identity: string,
  outputs: RoundTripOutputs,
  host: Host,
): Promise<readonly (readonly [keyof RoundTripOutputs, FileContent])[]> {
  const { made, legs, recipe, model, photograph, settings } = finished
  const found = Object.fromEntries(legs.map(({ given, inversion }) => [`noise.given-${given}`, [inversion.noise]]))
  const named = legs.map(({ given, inversion }) => ({ name: `given the ${given}`, inversion }))
  const tensors = { noise: [made.noise], latent: [made.latent], ...found }
  const chart = await residualChart(named, host.pictures)
  const { layout, name } = model
  const written = { layout, recipe, metadata: { model: name }, dtype: fileTypeOf(settings.precision) }
  const texts = settings.recipe ? pictureTexts({ model: name, identity, recipe }) : {}
  const { seed = 0 } = settings
  const encode = (image: Tensor, said: Readonly<Record<string, string>>) =>
    host.pictures.encode(image, settings.recipe ? said : {})
  return [
    ['picture', await (photograph ? encode(photograph, {}) : encode(made.image, { ...texts, seed: `${seed}` }))],
    ['again', await encode(legs[0]!.again.image, texts)],
    ['tensors', tensorFile(outputs.tensors, tensors, written)],
    ['sheet', await sheetOf(finished, host)],
    ...(chart === undefined ? [] : [['plot', chart] as const]),
  ]
}

async function* run(settings: RoundTripSettings, host: Host, signal?: Signal): Running<RoundTripReport> {
  checkStart(settings)
  const { picture } = settings
  const name = settings.name ?? (picture === undefined ? 'roundtrip' : withoutEnding(host.files.nameOf(picture)))
  const plan = planOf(settings)
  const outputs = await outputsOf(settings, name, host)
  const held = await host.models.open(settings)
  try {
    yield* notedOf(held)
    const { model } = held
    checkUndoable(plan, model, '`roundtrip`')
    const begin = host.now()
    yield* notesOnTexts([plan.recipe.prompt, plan.recipe.negative], model, signal)
    const methods = { inverter: settings.inverter.method, decoder: settings.decoder.method }
    const walk = { settings, plan, ...methods, host, model, sampling: samplingOf(plan, model), signal }
    const walked = yield* picture === undefined ? fromSeed(walk) : fromPicture(walk, picture)
    const seconds = host.now() - begin
    const recipe = completed(plan, model)
    const finished = { ...walked, settings, name, model, recipe, seconds, cost: await held.cost() }
    if (outputs === undefined) return { result: reportOf(finished, {}), files: [], notes: walked.notes }
    const identity = await held.identity()
    const contents = await contentsOf(finished, identity, outputs, host)
    const written = { ...Object.fromEntries(contents.map(([what]) => [what, outputs[what]])), report: outputs.report }
    const result = reportOf(finished, written)
    await host.files.write([
      ...contents.map(([what, content]) => [outputs[what], content] as const),
      [outputs.report, jsonText(result)],
    ])
    return { result, files: Object.values(written), notes: walked.notes }
  } finally {
    await held.close()
  }
}

export const roundTripOperation = operation({
  id: 'roundtrip',
  title: 'there and back: how much of noise and picture survives',
  fields,
  run,
})
