/** `watermark identify`: which member of a family is in a picture, among all of them. */
import type { Signal, Steps } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import type { Restoration } from '../restorations/index.js'
import { checkKeyModel, type WatermarkKey } from '../watermark/key.js'
import type { Sampler } from '../watermark/reading/candidates.js'
import type { Undecided, Verdict } from '../watermark/reading/detect.js'
import { checkIdentifies, identifyAll, type Who, whoIn } from '../watermark/reading/identify.js'
import type { Settings } from './fields.js'
import { keyReport, notesOnWeights, readKeyFile } from './files/keys.js'
import { type ListedSources, listSources, modelsOf, type ReadSource, sourcesField } from './files/noise-sources.js'
import type { Held, Host, NetworkCost, OperationModel } from './host.js'
import { noted, notedOf, operation, type Parts, type Running, type Told } from './operation.js'
import { falsePositiveField } from './recipes/false-positives.js'
import { notesOnTexts } from './recipes/recipe.js'
import {
  inversionOf,
  type Recovery,
  recoveryFields,
  recoveryOf,
  samplersOf,
  settingsOf,
  textOf,
  triedSettings,
  tryStepsField,
  undoField,
  undoOf,
  withTriedSteps,
} from './recipes/recovery.js'
import { costReport } from './reports/numbers.js'
import type { RunSettings } from './runs/journal.js'
import { checkLines, type EarlierLines, type FailedLine, lineFields } from './runs/lines.js'
import { readingsOf, stepsOfPieces } from './runs/readings.js'
import {
  type Counts,
  count,
  falseAlarmsAtMost,
  imagesOf,
  noCounts,
  openModelFor,
  surveySources,
} from './runs/source-survey.js'
import type { Opened } from './runs/survey.js'

const fields = {
  sources: sourcesField,
  key: { type: 'file', description: 'the key of the family', required: true },
  fpr: { ...falsePositiveField, description: 'share of unmarked pictures in which any member may be found' },
  undo: undoField,
  ...recoveryFields,
  trySteps: tryStepsField,
  ...lineFields,
} as const

type IdentifySettings = Settings<typeof fields>

/** Who it is; a message that is not sure is told as `null`. */
type ToldWho =
  | Extract<Who, { by: 'family' }>
  | (Omit<Extract<Who, { by: 'message' }>, 'message'> & { readonly message: string | null })

/** Where it was found: the picture as it came, or as what it may have been. */
interface Found {
  readonly who: ToldWho
  readonly candidates: number
  readonly undone: string | null
  readonly readWith?: string
  /** For asking all members in all its candidates. Each candidate takes the same share of its chunk's time. */
  readonly identificationSeconds: number
  readonly isRecovered: boolean
}

interface Identifying {
  readonly settings: IdentifySettings
  readonly key: WatermarkKey
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
  readonly model: OperationModel | undefined
  /** Of its weights, once they were looked at. */
  readonly modelFiles?: string | undefined
  readonly samplers?: readonly Sampler[] | undefined
  readonly host: Host
  readonly signal: Signal | undefined
}

/** `inversionSeconds` are a picture's share of what inverting its chunk took. */
function lineOf({ settings, key }: Identifying, picture: string, { who, ...found }: Found, inversionSeconds: number) {
  const smallest = smallestPValue(key, found.candidates)
  const isTooFew = smallest > settings.fpr
  const { isRecovered, ...told } = found
  const because: Undecided | undefined = isTooFew ? 'too-few' : isRecovered ? undefined : 'not-recovered'
  const verdict: Verdict = who.familyPValue <= settings.fpr ? 'marked' : because ? 'undecided' : 'unmarked'
  const why = verdict === 'undecided' && because ? { because } : {}
  return { picture, verdict, ...why, ...who, ...told, inversionSeconds }
}

export type IdentificationLine = ReturnType<typeof lineOf>

/** The smallest p-value of any member in any candidate: words of few signs, asked for many, decide nothing at small rates. */
export const smallestPValue = (
  { members, smallestPValue: ofOne }: Pick<WatermarkKey, 'members' | 'smallestPValue'>,
  candidates: number,
): number => Math.min(1, candidates * members * ofOne)

const toldOf = (who: Who): ToldWho => (who.by === 'family' ? who : { ...who, message: who.message ?? null })

async function* identifyNoise({ key, host }: Identifying, noise: Tensor, parts: Parts): Steps<Found, Told> {
  const begin = host.now()
  const who = toldOf(yield* stepsOfPieces(whoIn(noise, key), parts, host))
  return { who, candidates: 1, undone: null, identificationSeconds: host.now() - begin, isRecovered: true }
}

async function* identifyPictures(
  { key, recovery, undo, model, modelFiles, samplers, host, signal }: Identifying,
  opened: readonly Opened<ReadSource>[],
  parts: Parts,
): Steps<readonly Found[], Told> {
  const images = imagesOf(opened)
  if (images.length === 0) return []
  const reading = { key, model: model!, undo, samplers, chunk: recovery.chunk, pause: host.pause }
  const options = { ...inversionOf(recovery, model!, signal), undo, modelFiles, samplers }
  let asking = 0
  const asked: WatermarkKey = {
    ...key,
    *identifyInPieces(noise) {
      const begin = host.now()
      const identification = yield* key.identifyInPieces(noise)
      asking += host.now() - begin
      return identification
    },
  }
  const found = yield* readingsOf(identifyAll(images, { ...options, key: asked }), opened, reading, parts)
  const each = asking / found.reduce((sum, { candidates }) => sum + candidates, 0)
  return found.map(({ identification, candidates, undone = null, readWith, isRecovered }) => {
    const as = { undone, ...(readWith !== undefined && { readWith }), isRecovered }
    return { who: toldOf(identification), candidates, ...as, identificationSeconds: candidates * each }
  })
}

async function* identifyChunk(
  identifying: Identifying,
  opened: readonly Opened<ReadSource>[],
  parts: Parts,
): Steps<readonly IdentificationLine[], Told> {
  const { now } = identifying.host
  const begin = now()
  const images = imagesOf(opened)
  const queue = [...(yield* identifyPictures(identifying, opened, parts))]
  const asking = queue.reduce((sum, { identificationSeconds }) => sum + identificationSeconds, 0)
  const inversionSeconds = (now() - begin - asking) / Math.max(1, images.length)
  const lines: IdentificationLine[] = []
  for (const { name, value } of opened) {
    const isNoise = 'noise' in value
    const found = isNoise ? yield* identifyNoise(identifying, value.noise, parts) : queue.shift()!
    lines.push(lineOf(identifying, name, found, isNoise ? 0 : inversionSeconds))
  }
  return lines
}

/** Everything that the report says. */
interface Identified {
  readonly recovered: RunSettings
  readonly lines: readonly (IdentificationLine | FailedLine)[]
  readonly counts: Counts
  readonly earlier: EarlierLines
  readonly seconds: number
}

async function* identify(
  identifying: Identifying,
  listed: ListedSources,
  held: Held<OperationModel> | undefined,
): Steps<Identified, Told> {
  const { settings, key, recovery, undo, model, host, signal } = identifying
  const begin = host.now()
  const { prompt, negative } = recovery.plan.recipe
  if (model) yield* notesOnTexts([prompt, negative], model, signal)
  const recovered: RunSettings = held ? { ...(await settingsOf(recovery, held)), ...triedSettings(settings) } : {}
  const { modelFiles } = recovered
  if (model) checkKeyModel(key, { model: model.name, modelFiles })
  if (model) yield* notesOnWeights([key], { model: model.name, modelFiles })
  const samplers = held ? await samplersOf(settings, recovery, held, host) : undefined
  const counts = noCounts()
  const lines: (IdentificationLine | FailedLine)[] = []
  const survey = {
    listed,
    key,
    model,
    recovery,
    undo,
    lines: settings,
    task: 'undiffuse watermark identify',
    settings: {
      key: key.id,
      falsePositiveRate: `${settings.fpr}`,
      undo: textOf(settings.undo),
      ...recovered,
    },
    heard(line: IdentificationLine | FailedLine): Told | undefined {
      count(counts, line)
      if (settings.output !== undefined) return undefined
      lines.push(line)
      return { stage: line.picture, done: counts.pictures, line: { ...line, key: keyReport(key) } }
    },
    work: (opened: readonly Opened<ReadSource>[], parts: Parts) =>
      identifyChunk({ ...identifying, modelFiles, samplers }, opened, parts),
  }
  const earlier = yield* surveySources<IdentificationLine>(survey, host, signal)
  return { recovered, lines, counts, earlier, seconds: host.now() - begin }
}

function reportOf(
  { settings, key, model }: Identifying,
  { recovered, lines, counts, earlier, seconds }: Identified,
  cost: NetworkCost | undefined,
) {
  return {
    model: model?.name ?? null,
    familyWiseErrorRate: settings.fpr,
    key: keyReport(key),
    settings: recovered,
    ...counts,
    expectedFalseAlarmsAtMost: falseAlarmsAtMost(counts, settings.fpr),
    earlier,
    ...(cost ? costReport(seconds, cost) : { seconds }),
    ...(settings.output === undefined ? { results: lines } : { outputs: { results: settings.output } }),
  }
}

export type IdentificationReport = ReturnType<typeof reportOf>

/** Reads, inverts once, asks all members. */
async function* run(asked: IdentifySettings, host: Host, signal?: Signal): Running<IdentificationReport> {
  const settings = withTriedSteps(asked)
  const key = await readKeyFile(host.files, settings.key)
  checkIdentifies(key)
  const recovery = recoveryOf(settings)
  const undo = undoOf(settings.undo)
  const listed = await listSources(settings.sources, key, host)
  for (const { about, text } of listed.notes) yield noted(about, text)
  const sources = listed.sources.map(({ path }) => path)
  await checkLines(host.files, settings, { 'settings.key': settings.key, 'a source': sources })
  for (const of of modelsOf(listed)) yield* notesOnWeights([key], of)
  const held = await openModelFor(listed, recovery, host)
  try {
    yield* notedOf(held)
    const identifying = { settings, key, recovery, undo, model: held?.model, host, signal }
    const result = reportOf(identifying, yield* identify(identifying, listed, held), await held?.cost())
    return { result, files: settings.output === undefined ? [] : [settings.output], notes: listed.notes }
  } finally {
    await held?.close()
  }
}

export const identifyOperation = operation({
  id: 'watermark identify',
  title: 'say which member of a family marked a picture',
  fields,
  run,
})
