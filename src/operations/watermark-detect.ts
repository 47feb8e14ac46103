/** `watermark detect`: pictures or noise in, what each key says of them out. The statistics are the library's. */
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { zeros } from '../math/tensor.js'
import type { Restoration } from '../restorations/index.js'
import type { NoiseInversion } from '../verbs/invert.js'
import { checkKeyModel, type WatermarkKey } from '../watermark/key.js'
import { calibrationPictures } from '../watermark/reading/calibration.js'
import type { Sampler } from '../watermark/reading/candidates.js'
import {
  type AskedKey,
  type Detection,
  detectAll,
  type Finding,
  findingsInPieces,
  marksAsked,
  type Verdict,
  verdicts,
} from '../watermark/reading/detect.js'
import { type KeyRate, keyRates, nominalRates } from '../watermark/reading/key-rate.js'
import { expectedPower, type Power } from '../watermark/reading/power.js'
import type { DistanceReading } from '../watermark/watermark.js'
import { type Settings, setting } from './fields.js'
import { checkCalibration, type FiledCalibration, readCalibration } from './files/calibrations.js'
import { askedOf, keyReport, markOf, messageOf, notesOnWeights, readKeyFiles } from './files/keys.js'
import { type ListedSources, listSources, modelsOf, type ReadSource, sourcesField } from './files/noise-sources.js'
import { checkEnding } from './files/outputs.js'
import type { Held, Host, NetworkCost, OperationModel } from './host.js'
import { noted, notedOf, operation, type Parts, partOf, type Running, type Told } from './operation.js'
import { falsePositiveField } from './recipes/false-positives.js'
import { notesOnTexts } from './recipes/recipe.js'
import {
  checkSame,
  checkSameFile,
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
import {
  detectionRow,
  type Judged,
  mostRows,
  mostSources,
  type SheetRow,
  sheetText,
} from './reports/detection-sheet.js'
import { costReport, momentsOf } from './reports/numbers.js'
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
  key: { type: 'file', description: 'keys to look for; may be given several times', required: true, many: true },
  member: {
    type: 'integer',
    minimum: 0,
    or: ['all'],
    description: 'a member of the family, or `all` to look for any of them (default: 0)',
    word: 'n|all',
  },
  message: { type: 'string', description: 'that is expected: says whether it is the one', word: 'hex' },
  fpr: { ...falsePositiveField, description: 'share of unmarked pictures that may be taken for marked' },
  calibration: { type: 'file', description: 'noise of unmarked pictures, where a mark needs it' },
  correlation: {
    rare: true,
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'of recovered noise with that of the picture, for the power',
    word: 'rho',
  },
  reference: {
    rare: true,
    type: 'boolean',
    default: false,
    description: 'add the published p-value of tree-ring marks, which is miscalibrated',
  },
  undo: undoField,
  ...recoveryFields,
  trySteps: tryStepsField,
  ...lineFields,
  sheet: { type: 'file', description: 'a .png file to look at: pictures, their noise, and what the mark reads there' },
} as const

type DetectSettings = Settings<typeof fields>

/** Keys and files that are read, and fit each other. */
interface Prepared {
  readonly settings: DetectSettings
  readonly keys: readonly [WatermarkKey, ...WatermarkKey[]]
  readonly asked: readonly AskedKey[]
  /** Of each key what its message must be. */
  readonly messages: ReadonlyMap<string, string>
  readonly calibration: FiledCalibration | undefined
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
}

/** How often a key's mark would be found, by how well noise is recovered; none where the verdict rests on nothing. */
interface KeyPower {
  readonly key: string
  readonly powers: readonly Power[]
}

/** What is expected of power where no correlation is known: from barely recovered to nearly whole. */
const tableCorrelations: readonly number[] = [0.3, 0.5, 0.7, 0.9]
/** For one correlation and for each of a table; reading large noise for a code takes a fifth of a second. */
const [trialsOfOne, trialsOfTable] = [100, 25]

async function prepare(asking: DetectSettings, { files }: Host): Promise<Prepared> {
  const settings = withTriedSteps(asking)
  const keys = await readKeyFiles(files, settings.key)
  const asked = askedOf(keys, settings.member)
  const { message } = settings
  const messages = new Map(message === undefined ? [] : keys.map((key) => [key.id, messageOf(key, message)]))
  const calibration =
    settings.calibration === undefined ? undefined : await readCalibration(files, settings.calibration)
  if (calibration) checkCalibration(calibration, keys[0])
  if (settings.reference) checkReference(asked)
  if (settings.sheet !== undefined) checkEnding(settings.sheet, '.png', 'sheet')
  const recovery = recoveryOf(settings, calibration)
  return { settings, keys, asked, messages, calibration, recovery, undo: undoOf(settings.undo) }
}

/** Nothing is computed for files that cannot be written, or are read. */
async function checkOutputs(settings: DetectSettings, { sources }: ListedSources, { files }: Host): Promise<void> {
  const { key, calibration, sheet } = settings
  if (sheet !== undefined && sources.length > mostSources) {
    const remedy = 'Make a sheet of some of them, in a run of its own.'
    throw expected('bad-option', `at most ${mostSources} pictures`, setting('sheet'), `${sources.length}`, remedy)
  }
  const inputs = {
    'settings.key': key,
    'settings.calibration': calibration,
    'a source': sources.map(({ path }) => path),
  }
  await checkLines(files, settings, inputs, { 'settings.sheet': sheet })
}

const readingOfNothing = (asked: AskedKey) => markOf(asked).read(zeros(asked.key.latentShape))

function checkReference(asked: readonly AskedKey[]): void {
  if (asked.some((one) => readingOfNothing(one).distance)) return
  const got = asked.map(({ key }) => `\`${key.scheme}\``).join(', ')
  const remedy = 'Only tree-ring marks have a published p-value.'
  throw expected('bad-option', 'a tree-ring key', setting('reference'), got, remedy)
}

/** What lines depend on besides how noise is recovered. */
const lineSettings = ({ asked, settings, messages, calibration }: Prepared): RunSettings => ({
  keys: asked.map(({ key, member = 0 }) => `${key.id} ${member}`).join(', '),
  falsePositiveRate: `${settings.fpr}`,
  ...(messages.size > 0 && { message: [...messages.values()].join(', ') }),
  ...(calibration && { calibration: calibration.hash }),
  reference: `${settings.reference}`,
  undo: textOf(settings.undo),
})

/** The model and its weights, where pictures need one. */
interface OpenedModel {
  readonly model?: OperationModel | undefined
  readonly modelFiles?: string | undefined
  readonly samplers?: readonly Sampler[] | undefined
}

/** Findings of sources that are read: pictures inverted together, noise as it is. */
async function* judge(
  { settings, asked: keys, calibration, recovery, undo }: Prepared,
  { model, modelFiles, samplers }: OpenedModel,
  opened: readonly Opened<ReadSource>[],
  parts: Parts,
  host: Host,
  signal: Signal | undefined,
): Steps<readonly Judged[], Told> {
  const begin = host.now()
  const images = imagesOf(opened)
  const options = { keys, falsePositiveRate: settings.fpr, calibration, modelFiles }
  const detected =
    images.length === 0
      ? []
      : yield* readingsOf(
          detectAll(images, { ...inversionOf(recovery, model!, signal), ...options, undo, samplers }),
          opened,
          { key: keys[0]!.key, model: model!, undo, samplers, chunk: recovery.chunk, pause: host.pause },
          parts,
        )
  const queue: Detection[] = [...detected]
  const found: Omit<Judged, 'seconds'>[] = []
  for (const { name, value } of opened) {
    if ('noise' in value) {
      const findings = yield* stepsOfPieces(findingsInPieces(value.noise, options), parts, host)
      found.push({ name, findings, notes: [] })
    } else {
      const { findings, candidates, inversion } = queue.shift()!
      found.push({ name, findings, candidates, inversion, notes: value.picture.notes })
    }
  }
  const seconds = (host.now() - begin) / opened.length
  return found.map((one) => ({ ...one, seconds }))
}

/** The surest of them. */
const overallVerdict = (findings: readonly Pick<Finding, 'verdict'>[]): Verdict =>
  verdicts.find((verdict) => findings.some((one) => one.verdict === verdict)) ?? 'unmarked'

/** One picture. */
function lineOf({ messages, settings }: Prepared, { name, findings, candidates, inversion, notes, seconds }: Judged) {
  return {
    picture: name,
    verdict: overallVerdict(findings),
    findings: findings.map((finding) => findingReport(finding, messages.get(finding.key), settings.reference)),
    candidates: candidates ?? 1,
    recovery: inversion ? recoveryReport(inversion) : null,
    ...(notes.length > 0 && { notes }),
    seconds,
  }
}

export type DetectionLine = ReturnType<typeof lineOf>

function findingReport(finding: Finding, expectedMessage: string | undefined, reference: boolean) {
  const { key, scheme, member, verdict, because, pValue, familyPValue, basis, undone, readWith, reading } = finding
  const { score, message, agreement, distance } = reading
  return {
    key,
    scheme,
    member,
    verdict,
    ...(because !== undefined && { because }),
    pValue,
    familyPValue,
    basis,
    undone: undone ?? null,
    ...(readWith !== undefined && { readWith }),
    score,
    // Without a mark the digits are chance.
    ...(agreement !== undefined &&
      (verdict === 'marked' || expectedMessage !== undefined) && { message: message ?? null }),
    ...(agreement !== undefined && { agreementShare: agreement }),
    ...(expectedMessage !== undefined && { isExpectedMessage: message === expectedMessage }),
    ...(reference &&
      distance && {
        reference: publishedReport(distance()),
      }),
  }
}

const publishedReport = ({ referencePValue, meanAbsolute }: DistanceReading) => ({
  pValue: referencePValue,
  meanAbsoluteDistance: meanAbsolute,
  label: 'miscalibrated',
})

/** How well the picture was taken back to its noise. */
function recoveryReport({ decoder, outcome, noise, noiseExact, evaluations }: NoiseInversion) {
  const latent = decoder && {
    psnrBeforeDb: decoder.psnrBeforeDb,
    psnrAfterDb: decoder.psnrAfterDb,
    exact: decoder.exact,
    outcome: decoder.outcome,
  }
  return {
    latent: latent ?? null,
    noise: { exact: noiseExact, outcome, ...momentsOf(noise) },
    evaluations,
  }
}

/** Power of each asked key's mark at the rate that is left to one of them in one of so many candidates. */
async function* powersOf(
  { asked, settings, calibration }: Prepared,
  candidates: number,
  { pause }: Host,
  signal: Signal | undefined,
): Steps<readonly KeyPower[]> {
  const known = settings.correlation ?? calibration?.correlation
  const correlations = known === undefined ? tableCorrelations : [known]
  const trials = known === undefined ? trialsOfTable : trialsOfOne
  const options = { falsePositiveRate: settings.fpr / (candidates * marksAsked(asked)), calibration, trials }
  const found: KeyPower[] = []
  for (const one of asked) {
    const isDecidable = calibration !== undefined || readingOfNothing(one).exactGiven === 'any-picture'
    const powers: Power[] = []
    for (const correlation of isDecidable ? correlations : []) {
      yield { stage: 'power', done: found.length, total: asked.length }
      // A trial blocks: an interruption is heard between them.
      await pause()
      signal?.throwIfAborted()
      powers.push(expectedPower(markOf(one), { ...options, correlation }))
    }
    found.push({ key: one.key.id, powers })
  }
  return found
}

/** How often an asked mark's own p-values find the pictures of the calibration, at the usual rates and at the one asked for. */
interface AskedRates {
  readonly key: string
  readonly rates: readonly KeyRate[]
}

async function* ratesOf(
  { asked, settings, calibration }: Prepared,
  { pause }: Host,
  signal: Signal | undefined,
): Steps<readonly AskedRates[], Told> {
  const rates = [...new Set([...nominalRates, settings.fpr])]
  const found: AskedRates[] = []
  for (const one of calibration ? asked : []) {
    const task = keyRates(one, calibration!.noises, { rates, pause, signal })
    found.push({ key: one.key.id, rates: yield* partOf(task) })
  }
  return found
}

/** Everything that the report says. */
interface Detected {
  readonly prepared: Prepared
  readonly model: string | undefined
  readonly recovered: RunSettings
  readonly counts: Counts
  readonly earlier: EarlierLines
  readonly rates: readonly AskedRates[]
  readonly power: readonly KeyPower[]
  /** Where they are not kept in a file. */
  readonly lines: readonly (DetectionLine | FailedLine)[]
  /** Of the sheet; of the first pictures that this run read, and without one none. */
  readonly rows: readonly SheetRow[]
  readonly seconds: number
  readonly cost: NetworkCost | undefined
}

/** Where the power's correlation comes from. */
const correlationFrom = ({ settings, calibration }: Prepared): 'option' | 'calibration' | 'table' =>
  settings.correlation !== undefined ? 'option' : calibration?.correlation !== undefined ? 'calibration' : 'table'

function reportOf(finished: Detected) {
  const { prepared, model, recovered, counts, earlier, rates, power, lines, rows, seconds, cost } = finished
  const { settings, keys, calibration } = prepared
  const outputs = {
    ...(settings.output !== undefined && { results: settings.output }),
    ...(settings.sheet !== undefined && rows.length > 0 && { sheet: settings.sheet }),
  }
  return {
    model: model ?? null,
    falsePositiveRate: settings.fpr,
    keys: keys.map((key) => ({
      ...keyReport(key),
      notAskedMembers: settings.member === 'all' ? 0 : key.members - 1,
    })),
    member: settings.member ?? 0,
    settings: recovered,
    calibration: calibration
      ? {
          file: calibration.file,
          pictures: calibration.noises.length,
          smallestPValue: 1 / (calibration.noises.length + 1),
          neededPictures: calibrationPictures(settings.fpr, marksAsked(prepared.asked)),
          correlation: calibration.correlation ?? null,
          keyRates: rates,
        }
      : null,
    ...counts,
    expectedFalseAlarmsAtMost: falseAlarmsAtMost(counts, settings.fpr),
    earlier,
    power: power.map(({ key, powers }) => ({ key, correlationFrom: correlationFrom(prepared), powers })),
    ...(cost ? costReport(seconds, cost) : { seconds }),
    ...(settings.output === undefined && { results: lines }),
    ...(settings.sheet !== undefined && { sheetRows: rows.length }),
    ...(Object.keys(outputs).length > 0 && { outputs }),
  }
}

export type DetectionReport = ReturnType<typeof reportOf>

/** Reads, inverts, judges, writes. */
async function* run(settings: DetectSettings, host: Host, signal?: Signal): Running<DetectionReport> {
  const prepared = await prepare(settings, host)
  const listed = await listSources(settings.sources, prepared.keys[0], host)
  for (const { about, text } of listed.notes) yield noted(about, text)
  await checkOutputs(settings, listed, host)
  const { calibration, recovery } = prepared
  if (calibration) for (const { metadata } of listed.sources) if (metadata) checkSameFile(metadata, calibration)
  for (const of of modelsOf(listed)) yield* notesOnWeights(prepared.keys, of)
  const held = await openModelFor(listed, recovery, host)
  try {
    yield* notedOf(held)
    const detected = { ...(yield* detect(prepared, listed, held, host, signal)), cost: await held?.cost() }
    const { rows, counts, model } = detected
    if (settings.sheet !== undefined && rows.length > 0) {
      const title = `${model ?? 'noise'}: ${sheetText(rows.length, counts.pictures)}`
      await host.files.write([[settings.sheet, await host.pictures.sheet(rows, { title, cellSize: 256 })]])
    }
    const result = reportOf(detected)
    return { result, files: Object.values(result.outputs ?? {}), notes: listed.notes }
  } finally {
    await held?.close()
  }
}

async function* detect(
  prepared: Prepared,
  listed: ListedSources,
  held: Held<OperationModel> | undefined,
  host: Host,
  signal: Signal | undefined,
): Steps<Omit<Detected, 'cost'>, Told> {
  const { settings, keys, recovery, undo, calibration } = prepared
  const model = held?.model
  const begin = host.now()
  const { prompt, negative } = recovery.plan.recipe
  if (model) yield* notesOnTexts([prompt, negative], model, signal)
  const recovered: RunSettings = held ? { ...(await settingsOf(recovery, held)), ...triedSettings(settings) } : {}
  const { modelFiles } = recovered
  if (model) checkKeyModel(keys[0], { model: model.name, modelFiles })
  if (model) yield* notesOnWeights(keys, { model: model.name, modelFiles })
  if (model && calibration) checkSame(recovered, calibration)
  const samplers = held ? await samplersOf(settings, recovery, held, host) : undefined
  const counts = noCounts()
  let mostCandidates = 1
  const lines: (DetectionLine | FailedLine)[] = []
  const rows: SheetRow[] = []
  const survey = {
    listed,
    key: keys[0],
    model,
    recovery,
    undo,
    lines: settings,
    task: 'undiffuse watermark detect',
    settings: { ...lineSettings(prepared), ...recovered },
    heard(line: DetectionLine | FailedLine): Told | undefined {
      count(counts, line)
      if (!('error' in line)) mostCandidates = Math.max(mostCandidates, line.candidates)
      if (settings.output !== undefined) return undefined
      lines.push(line)
      return listed.isOne ? undefined : { stage: line.picture, done: counts.pictures, line }
    },
    async *work(opened: readonly Opened<ReadSource>[], parts: Parts): Steps<readonly DetectionLine[], Told> {
      const judged = yield* judge(prepared, { model, modelFiles, samplers }, opened, parts, host, signal)
      if (settings.sheet !== undefined) {
        for (const [i, one] of judged.slice(0, mostRows - rows.length).entries()) {
          rows.push(detectionRow(prepared.keys, opened[i]!, one))
        }
      }
      return judged.map((one) => lineOf(prepared, one))
    },
  }
  const earlier = yield* surveySources<DetectionLine>(survey, host, signal)
  const seconds = host.now() - begin
  const rates = yield* ratesOf(prepared, host, signal)
  const power = yield* powersOf(prepared, mostCandidates, host, signal)
  return { prepared, model: model?.name, recovered, counts, earlier, rates, power, lines, rows, seconds }
}

export const detectOperation = operation({
  id: 'watermark detect',
  title: 'say whether pictures are marked, with a p-value that means it',
  fields,
  run,
})
