/** What `watermark detect` does: pictures or noise in, what each key says of them out. The statistics are the library's. */
import { setImmediate } from 'node:timers/promises'
import {
  type AskedKey,
  checkKeyModel,
  type Detection,
  defaultFalsePositiveRate,
  detectAll,
  expected,
  expectedPower,
  findingsIn,
  marksAsked,
  type OpenDiffusionModel,
  type Power,
  type Restoration,
  type WatermarkKey,
  zeros,
} from 'undiffuse'
import { writeFileAtomically } from 'undiffuse/node'
import { checkCalibration, type FiledCalibration, readCalibration } from './calibration-files.js'
import { type DetectionLine, type Judged, lineOf, lineText, sayDetection, summaryOf } from './detection-report.js'
import { checkSheet, checkSheetSources, detectionSheet, mostRows, rowOf, type SheetRow } from './detection-sheet.js'
import { follow, now } from './diffusion.js'
import type { Settings } from './journal.js'
import { askedOf, type Member, markOf, messageOf, readKeyFiles } from './key-files.js'
import type { NetworkCost } from './networks.js'
import {
  checkSame,
  checkSameFile,
  inversionOf,
  type Recovery,
  type RecoveryRequest,
  recoveryOf,
  settingsOf,
  undoOf,
} from './noise-recovery.js'
import { type ListedSources, listSources, type ReadSource } from './noise-sources.js'
import { checkLines, type EarlierLines, type FailedLine, type LinesRequest } from './picture-lines.js'
import { imagesOf, surveySources, withModelFor } from './source-survey.js'
import type { Opened } from './survey.js'
import type { Terminal } from './terminal.js'

export interface DetectRequest extends RecoveryRequest, LinesRequest {
  readonly key: readonly string[]
  readonly member?: Member
  /** That is expected. */
  readonly message?: string
  readonly fpr?: number
  readonly undo: readonly string[]
  readonly calibration?: string
  /** Adds the published formula. */
  readonly reference: boolean
  readonly correlation?: number
  /** A picture to look at. */
  readonly sheet?: string
}

/** Keys and files that are read, and fit each other. */
export interface Prepared {
  readonly request: DetectRequest
  readonly keys: readonly [WatermarkKey, ...WatermarkKey[]]
  readonly asked: readonly AskedKey[]
  readonly falsePositiveRate: number
  /** Of each key what its message must be. */
  readonly messages: ReadonlyMap<string, string>
  readonly calibration: FiledCalibration | undefined
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
}

export interface Counts {
  readonly pictures: number
  readonly marked: number
  readonly unmarked: number
  readonly undecided: number
  readonly failed: number
}

/** How often a key's mark would be found, by how well noise is recovered; none where the verdict rests on nothing. */
export interface KeyPower {
  readonly key: string
  readonly powers: readonly Power[]
}

/** Everything that the report says. */
export interface FinishedDetection {
  readonly prepared: Prepared
  readonly model: string | undefined
  readonly settings: Settings
  readonly counts: Counts
  readonly earlier: EarlierLines
  readonly power: readonly KeyPower[]
  /** Where they are kept: without a file, and for programs or of one picture. */
  readonly lines: readonly (DetectionLine | FailedLine)[]
  readonly isOne: boolean
  /** Of the sheet; of the first pictures that this run read, and without one none. */
  readonly rows: readonly SheetRow[]
  readonly seconds: number
  readonly cost: NetworkCost | undefined
}

/** What people are told of power where no correlation is known: from barely recovered to nearly whole. */
const tableCorrelations: readonly number[] = [0.3, 0.5, 0.7, 0.9]
/** For one correlation and for each of a table; reading large noise for a code takes a fifth of a second. */
const [trialsOfOne, trialsOfTable] = [100, 25]

async function prepare(request: DetectRequest): Promise<Prepared> {
  const keys = await readKeyFiles(request.key)
  const asked = askedOf(keys, request.member)
  const { message, fpr = defaultFalsePositiveRate } = request
  const messages = new Map(message === undefined ? [] : keys.map((key) => [key.id, messageOf(key, message)]))
  const calibration = request.calibration === undefined ? undefined : await readCalibration(request.calibration)
  if (calibration) checkCalibration(calibration, keys[0])
  if (request.reference) checkReference(asked)
  checkSheet(request)
  const recovery = recoveryOf(request, calibration)
  const undo = undoOf(request.undo)
  return { request, keys, asked, falsePositiveRate: fpr, messages, calibration, recovery, undo }
}

/** Nothing is computed for files that cannot be written, or are read. */
async function checkOutputs(request: DetectRequest, listed: ListedSources): Promise<void> {
  checkSheetSources(request, listed)
  const { key, calibration, sheet } = request
  const sources = listed.sources.map(({ path }) => path)
  await checkLines(request, { '--key': key, '--calibration': calibration, 'a source': sources }, { '--sheet': sheet })
}

const readingOfNothing = (asked: AskedKey) => markOf(asked).read(zeros(asked.key.latentShape))

function checkReference(asked: readonly AskedKey[]): void {
  if (asked.some((one) => readingOfNothing(one).distance)) return
  const got = asked.map(({ key }) => `\`${key.scheme}\``).join(', ')
  const remedy = 'Only tree-ring marks have a published p-value.'
  throw expected('bad-option', 'a tree-ring key', '`--reference`', got, remedy)
}

/** What lines depend on besides how noise is recovered. */
const lineSettings = ({ asked, falsePositiveRate, request, messages, calibration }: Prepared): Settings => ({
  keys: asked.map(({ key, member = 0 }) => `${key.id} ${member}`).join(', '),
  falsePositiveRate: `${falsePositiveRate}`,
  ...(messages.size > 0 && { message: [...messages.values()].join(', ') }),
  ...(calibration && { calibration: calibration.hash }),
  reference: `${request.reference}`,
  undo: request.undo.join(' '),
})

/** Findings of sources that are read: pictures inverted together, noise as it is. */
async function judge(
  io: Terminal,
  { asked: keys, falsePositiveRate, calibration, recovery, undo }: Prepared,
  model: OpenDiffusionModel | undefined,
  opened: readonly Opened<ReadSource>[],
  place: string,
): Promise<readonly Judged[]> {
  const begin = now()
  const images = imagesOf(opened)
  const options = { keys, falsePositiveRate, calibration }
  const detected =
    images.length === 0
      ? []
      : await follow(io, detectAll(images, { ...inversionOf(io, recovery, model!), ...options, undo }), place)
  const queue: Detection[] = [...detected]
  const found = opened.map(({ name, value }): Omit<Judged, 'seconds'> => {
    if ('noise' in value) return { name, findings: findingsIn(value.noise, options), notes: [] }
    const { findings, candidates, inversion } = queue.shift()!
    return { name, findings, candidates, inversion, notes: value.picture.notes }
  })
  const seconds = (now() - begin) / opened.length
  return found.map((one) => ({ ...one, seconds }))
}

/** Power of each asked key's mark at the rate that is left to one of them in one of so many candidates. */
async function powersOf(
  io: Terminal,
  { asked, request, calibration, falsePositiveRate }: Prepared,
  candidates: number,
): Promise<readonly KeyPower[]> {
  const known = request.correlation ?? calibration?.correlation
  const correlations = known === undefined ? tableCorrelations : [known]
  const trials = known === undefined ? trialsOfTable : trialsOfOne
  const options = { falsePositiveRate: falsePositiveRate / (candidates * marksAsked(asked)), calibration, trials }
  const found: KeyPower[] = []
  for (const one of asked) {
    const isDecidable = calibration !== undefined || readingOfNothing(one).exactGiven === 'any-picture'
    const powers: Power[] = []
    for (const correlation of isDecidable ? correlations : []) {
      io.progress({ stage: 'power', done: found.length, total: asked.length })
      // A trial blocks: an interruption is heard between them.
      await setImmediate()
      io.signal.throwIfAborted()
      powers.push(expectedPower(markOf(one), { ...options, correlation }))
    }
    found.push({ key: one.key.id, powers })
  }
  return found
}

/** Reads, inverts, judges, and reports; tells how many pictures are marked. */
export async function detectMarks(io: Terminal, paths: readonly string[], request: DetectRequest): Promise<number> {
  const prepared = await prepare(request)
  const listed = await listSources(paths, io)
  await checkOutputs(request, listed)
  const { calibration, recovery } = prepared
  if (calibration) for (const { metadata } of listed.sources) if (metadata) checkSameFile(metadata, calibration)
  const finished = await withModelFor(listed, recovery, (model) => detectIn(io, prepared, listed, model))
  if (request.sheet !== undefined && finished.rows.length > 0) {
    await writeFileAtomically(request.sheet, await detectionSheet(finished))
  }
  io.clear()
  sayDetection(io, finished)
  io.result(summaryOf(finished))
  return finished.counts.marked
}

async function detectIn(
  io: Terminal,
  prepared: Prepared,
  listed: ListedSources,
  model: OpenDiffusionModel | undefined,
): Promise<Omit<FinishedDetection, 'cost'>> {
  const { request, keys, recovery, undo, calibration } = prepared
  const { isOne } = listed
  const begin = now()
  const settings = model ? await settingsOf(recovery, model) : {}
  if (model) checkKeyModel(keys[0], model.name)
  if (model && calibration) checkSame(settings, calibration)
  const counts = { pictures: 0, marked: 0, unmarked: 0, undecided: 0, failed: 0 }
  let mostCandidates = 1
  const kept: (DetectionLine | FailedLine)[] = []
  const rows: SheetRow[] = []
  const earlier = await surveySources<DetectionLine>(io, {
    listed,
    key: keys[0],
    model,
    recovery,
    undo,
    request,
    task: 'undiffuse watermark detect',
    settings: lineSettings(prepared),
    heard(line) {
      counts.pictures++
      counts['error' in line ? 'failed' : line.verdict]++
      if (!('error' in line)) mostCandidates = Math.max(mostCandidates, line.candidates)
      if (request.out !== undefined) return
      if (io.json || isOne) kept.push(line)
      if (isOne) return
      io.clear()
      io.say(lineText(line))
    },
    async work(opened, place) {
      const judged = await judge(io, prepared, model, opened, place)
      if (request.sheet !== undefined) {
        for (const [i, one] of judged.slice(0, mostRows - rows.length).entries()) {
          rows.push(rowOf(prepared, opened[i]!, one))
        }
      }
      return judged.map((one) => lineOf(prepared, one))
    },
  })
  const seconds = now() - begin
  const power = await powersOf(io, prepared, mostCandidates)
  return { prepared, model: model?.name, settings, counts, earlier, power, lines: kept, isOne, rows, seconds }
}
