/**
 * `watermark calibrate`: unmarked pictures in, the noise that `detect` would recover from them out. Pictures that the model
 * makes itself, whose noise is known, say how well it is recovered.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { mean } from '../math/statistics.js'
import { dot, formatShape, norm, type Shape, type Tensor, zeros } from '../math/tensor.js'
import { sidesOf } from '../model/layout.js'
import { round8 } from '../pictures/pixels.js'
import { sizeText } from '../pictures/planes.js'
import { sameSize } from '../restorations/index.js'
import { generate, latentShapeAt } from '../verbs/generate.js'
import { invertAll, type PromptedSource } from '../verbs/invert.js'
import { checkKey, type WatermarkKey } from '../watermark/key.js'
import { type KeyRate, keyRates } from '../watermark/reading/key-rate.js'
import { type Settings, setting } from './fields.js'
import { calibrationFile } from './files/calibrations.js'
import { float32Tensor, float32Text } from './files/float32-text.js'
import { notesOnWeights, readKeyFile } from './files/keys.js'
import { checkName, prepareOutputs, resultPath } from './files/outputs.js'
import { fittedSize, listPictures, measurePicture, readPicture } from './files/pictures.js'
import type { Host, NetworkCost, OperationModel } from './host.js'
import { noted, notedOf, operation, type Parts, partOf, type Running, type Told } from './operation.js'
import { seedField, sizeField } from './recipes/networks.js'
import { notesOnTexts, samplingOf } from './recipes/recipe.js'
import {
  broughtTo,
  inversionOf,
  isBrought,
  type Recovery,
  readFitted,
  recoveryFields,
  recoveryOf,
  settingsOf,
} from './recipes/recovery.js'
import { costReport, momentsOf } from './reports/numbers.js'
import { type Journal, journalOf, openJournal, type RunSettings } from './runs/journal.js'
import { type FailedLine, failedLine, keeping, lineFields, linesOnce, type PictureLine } from './runs/lines.js'
import { type Item, type Opened, survey } from './runs/survey.js'

const fields = {
  pictures: {
    type: 'file',
    description: 'unmarked pictures, or folders of them',
    subject: true,
    many: true,
    default: [],
    word: 'picture',
  },
  generated: {
    type: 'integer',
    minimum: 0,
    default: 0,
    description: 'pictures that the model makes as well, of prompts that you pass',
  },
  prompts: {
    type: 'file',
    description: 'a file with a prompt a line, for pictures that the model makes; without it the one prompt is for all',
  },
  seed: { ...seedField, default: 0, description: 'of the first that the model makes' },
  size: {
    ...sizeField,
    description: 'side, or width x height, of all pictures (default: as the model was trained)',
  },
  key: {
    type: 'file',
    many: true,
    default: [],
    description: 'keys whose own false-positive rates are measured on them',
  },
  ...recoveryFields,
  output: { type: 'file', default: 'calibration.safetensors', description: 'the calibration, a .safetensors file' },
  resume: lineFields.resume,
} as const

type CalibrateSettings = Settings<typeof fields>

/** A picture that is not marked; where it was made here, its noise and its prompt. */
interface Unmarked {
  readonly image: Tensor
  readonly made?: { readonly noise: Tensor; readonly prompt: string }
}

interface NoiseLine extends PictureLine {
  /** Float32 in base64. */
  readonly noise: string
  /** With the noise that the picture was made from, where it is known. */
  readonly correlation?: number
}

/** What the journal holds in the end. */
interface Recovered {
  readonly noises: readonly Tensor[]
  readonly correlations: readonly number[]
  readonly failed: readonly FailedLine[]
}

async function promptsOf(
  { generated, prompts, prompt }: CalibrateSettings,
  { files }: Host,
): Promise<readonly string[]> {
  if (generated === 0) return []
  const listed = prompts === undefined ? [prompt ?? ''] : (await files.text(prompts)).split('\n')
  const found = listed.map((line) => line.trim()).filter((line) => line !== '')
  if (found.length > 0) return found
  const got = prompts === undefined ? 'none' : `\`${prompts}\` without one`
  const remedy = `Pass ${setting('prompts')}, a file with a prompt a line, or ${setting('prompt')}, one for all.`
  throw expected('bad-option', 'prompts of what to make', setting('generated'), got, remedy)
}

/** What the items are made with. */
interface Calibrating {
  readonly settings: CalibrateSettings
  readonly model: OperationModel
  readonly recovery: Recovery
  readonly latentShape: Shape
  readonly host: Host
  readonly signal: Signal | undefined
}

const pictureItem = ({ model, recovery, latentShape, host }: Calibrating, path: string): Item<Unmarked> => ({
  name: path,
  async open() {
    const { layout } = model
    const size = sidesOf(layout, layout.pictureShape(latentShape))
    const measured = await measurePicture(path, host)
    if (isBrought(measured.size, size, recovery.fit)) {
      return broughtTo(await readPicture(path, host), size, model, recovery.fit)
    }
    if (!sameSize(fittedSize(measured, layout, recovery.fit), size)) {
      const remedy = `A calibration is of one size: pass ${setting('size')}, or resize the picture.`
      throw expected('bad-shape', `a picture of ${sizeText(size)}`, `\`${path}\``, sizeText(measured.size), remedy)
    }
    return await readFitted(measured, model, recovery.fit, host)
  },
})

/** A picture of the model's own, rounded to 8 bits as files are. */
const generatedItem = (calibrating: Calibrating, prompt: string, seed: number): Item<Unmarked> => ({
  name: `seed ${seed}: ${prompt}`,
  async *open() {
    const { settings, model, recovery, signal } = calibrating
    const { guidance = model.guidance, trueGuidance, negative, size } = settings
    const { solver } = samplingOf(recovery.plan, model)
    const told = { model, prompt, negativePrompt: negative, guidance, trueGuidance }
    const options = { ...told, seed, size, solver, signal }
    const { image, noise } = yield* partOf(generate(options), `seed ${seed}`)
    return { image: round8(image), made: { noise, prompt } }
  },
})

const correlationOf = (a: Tensor, b: Tensor): number => dot(a, b) / (norm(a) * norm(b) || 1)

/** The prompt of a picture that was made here is its own, where prompts are known at all. */
async function* recover(
  { model, recovery, signal }: Calibrating,
  opened: readonly Opened<Unmarked>[],
  parts: Parts,
): Steps<readonly NoiseLine[]> {
  const isKnown = recovery.plan.recipe.prompt !== undefined
  const sources = opened.map(({ value: { image, made } }): PromptedSource => {
    return made && isKnown ? { image, prompt: made.prompt } : { image }
  })
  const inversions = yield* partOf(invertAll(sources, inversionOf(recovery, model, signal)), parts)
  return opened.map(({ name, value: { made } }, i) => {
    const { noise } = inversions[i]!
    return {
      picture: name,
      noise: float32Text(noise),
      ...(made && { correlation: correlationOf(made.noise, noise) }),
    }
  })
}

async function recoveredIn(journal: Journal, shape: Shape): Promise<Recovered> {
  const found = { noises: [] as Tensor[], correlations: [] as number[], failed: [] as FailedLine[] }
  for await (const [, line] of linesOnce(journal)) {
    if (line.error !== undefined) found.failed.push(line as unknown as FailedLine)
    else found.noises.push(float32Tensor(line.noise, shape, `\`${journal.path}\``))
    if (typeof line.correlation === 'number') found.correlations.push(line.correlation)
  }
  if (found.noises.length > 0) return found
  await journal.remove()
  const got = `none of ${found.failed.length}`
  throw expected('bad-image', 'at least one picture', 'a calibration', got, found.failed[0]?.error.message ?? '')
}

async function* recoverAll(
  calibrating: Calibrating,
  items: readonly Item<Unmarked>[],
  recovered: RunSettings,
  begun: RunSettings,
): Steps<Recovered, Told> {
  const { settings, recovery, latentShape, host, signal } = calibrating
  const { output, resume } = settings
  const task = 'undiffuse watermark calibrate'
  const run = { task, settings: { ...recovered, ...begun }, resume }
  const journal = await openJournal(host.files, journalOf(output), run)
  try {
    const finished = new Set<string>()
    for await (const [picture] of linesOnce(journal)) finished.add(picture)
    if (finished.size > 0) yield keeping(journal.path)
    yield* survey<Unmarked, NoiseLine | FailedLine>(items, {
      chunk: recovery.chunk,
      finished,
      signal,
      work: (opened, parts) => recover(calibrating, opened, parts),
      failed: failedLine,
      async keep(lines) {
        await journal.append(lines)
        return [keeping(journal.path)]
      },
    })
    const found = await recoveredIn(journal, latentShape)
    await host.files.write([
      [output, calibrationFile(output, found.noises, calibrating.model.layout, recovered, meanOf(found.correlations))],
    ])
    await journal.remove()
    return found
  } finally {
    await journal.close()
  }
}

const meanOf = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : mean(values))

/** Of white noise they are 0 and 1. */
function averageMoments(noises: readonly Tensor[]) {
  const moments = noises.map(momentsOf)
  return { mean: mean(moments.map((one) => one.mean)), deviation: mean(moments.map(({ deviation }) => deviation)) }
}

/** How often a key finds the pictures of the calibration. */
interface MeasuredKey {
  readonly key: string
  readonly scheme: string
  readonly rates: readonly KeyRate[]
  /** Its p-value is not exact by itself. */
  readonly needsCalibration: boolean
}

async function* measured(
  keys: readonly WatermarkKey[],
  noises: readonly Tensor[],
  { pause }: Host,
  signal: Signal | undefined,
): Steps<readonly MeasuredKey[], Told> {
  const found: MeasuredKey[] = []
  for (const key of keys) {
    const rates = yield* partOf(keyRates({ key }, noises, { pause, signal }))
    const needsCalibration = key.mark().read(zeros(key.latentShape)).exactGiven !== 'any-picture'
    found.push({ key: key.id, scheme: key.scheme, rates, needsCalibration })
  }
  return found
}

/** Everything that the report says. */
interface FinishedCalibration extends Recovered {
  readonly model: string
  readonly recovered: RunSettings
  readonly output: string
  readonly keyRates: readonly MeasuredKey[]
  readonly seconds: number
  readonly cost: NetworkCost
}

function reportOf(finished: FinishedCalibration) {
  const { model, recovered, output, noises, correlations, keyRates, failed, seconds, cost } = finished
  return {
    model,
    settings: recovered,
    pictures: noises.length,
    generated: correlations.length,
    failed: failed.length,
    failures: failed,
    smallestPValue: 1 / (noises.length + 1),
    correlation: meanOf(correlations) ?? null,
    latentShape: noises[0]!.shape,
    noise: averageMoments(noises),
    keyRates,
    ...costReport(seconds, cost),
    outputs: { calibration: output },
  }
}

export type CalibrationReport = ReturnType<typeof reportOf>

/** Throws `unsupported` for a model of clips. */
function checkOfPictures({ name, layout }: OperationModel): void {
  if (!layout.axes.includes('frames')) return
  const remedy = 'Mark clips with a scheme that needs no calibration, such as `tree-ring` or `gaussian-shading`.'
  throw expected('unsupported', 'a model of pictures', '`calibrate`', `\`${name}\`, which makes clips`, remedy)
}

/** Inverts what is unmarked and keeps its noise. Goes on where it was ended. */
async function* run(said: CalibrateSettings, host: Host, signal?: Signal): Running<CalibrationReport> {
  // What is finished is kept beside it.
  checkName(said.output, fields.output.default)
  const output = await resultPath(said.output, fields.output.default, '.safetensors', host.files)
  const settings = { ...said, output }
  const { generated, seed, size } = settings
  const prompts = await promptsOf(settings, host)
  const keys = await Promise.all(settings.key.map((path) => readKeyFile(host.files, path)))
  if (settings.pictures.length === 0 && generated === 0) {
    const remedy = `Pass a folder of unmarked pictures, or ${setting('generated')} for the model to make some.`
    throw expected('bad-option', 'pictures', '`calibrate`', 'none', remedy)
  }
  const recovery = recoveryOf(settings)
  const listed = await listPictures(settings.pictures, host)
  for (const { about, text } of listed.notes) yield noted(about, text)
  const pictures = [...new Set(listed.paths)]
  await prepareOutputs(
    host.files,
    { 'settings.output': output, 'what is unfinished': journalOf(output) },
    { 'a picture': pictures, 'settings.prompts': settings.prompts, 'settings.key': settings.key },
  )
  const held = await host.models.open(recovery.networks)
  try {
    yield* notedOf(held)
    const { model } = held
    checkOfPictures(model)
    const begin = host.now()
    const latentShape = latentShapeAt(model, size)
    const calibrating = { settings, model, recovery, latentShape, host, signal }
    const { prompt, negative } = recovery.plan.recipe
    yield* notesOnTexts([prompt, negative], model, signal)
    const recovered = await settingsOf(recovery, held)
    const { modelFiles } = recovered
    for (const key of keys) checkKey(key, { model: model.name, modelFiles, latentShape, layout: model.layout })
    yield* notesOnWeights(keys, { model: model.name, modelFiles })
    const items = [
      ...pictures.map((path) => pictureItem(calibrating, path)),
      ...Array.from({ length: generated }, (_, i) =>
        generatedItem(calibrating, prompts[i % prompts.length]!, seed + i),
      ),
    ]
    const asked = JSON.stringify([prompts, recovery.plan.recipe.prompt, settings.guidance])
    const found = yield* recoverAll(calibrating, items, recovered, {
      latentShape: formatShape(latentShape),
      prompts: bytesToHex(sha256(utf8ToBytes(asked))).slice(0, 16),
    })
    const rates = yield* measured(keys, found.noises, host, signal)
    const seconds = host.now() - begin
    const named = { model: model.name, recovered, output, keyRates: rates }
    const result = reportOf({ ...found, ...named, seconds, cost: await held.cost() })
    return { result, files: [output], notes: listed.notes }
  } finally {
    await held.close()
  }
}

export const calibrateOperation = operation({
  id: 'watermark calibrate',
  title: 'learn what the noise of unmarked pictures looks like',
  fields,
  run,
})
