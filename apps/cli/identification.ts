/** What `watermark identify` does: which member of a family is in a picture, among all of them. */
import {
  checkKeyModel,
  detectAll,
  type Finding,
  findingsIn,
  type Identification,
  identifyAll,
  type OpenDiffusionModel,
  type Restoration,
  type Tensor,
  type Verdict,
  type WatermarkKey,
  zeros,
} from 'undiffuse'
import { probability, recoveryText } from './detection-report.js'
import { follow, now } from './diffusion.js'
import type { Settings } from './journal.js'
import { keyReport, keyText, readKeyFile } from './key-files.js'
import type { NetworkCost } from './networks.js'
import { inversionOf, type Recovery, type RecoveryRequest, recoveryOf, settingsOf, undoOf } from './noise-recovery.js'
import { type ListedSources, listSources, type ReadSource } from './noise-sources.js'
import { checkLines, type EarlierLines, earlierText, type FailedLine, type LinesRequest } from './picture-lines.js'
import { imagesOf, surveySources, withModelFor } from './source-survey.js'
import type { Opened } from './survey.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, plural } from './words.js'

export interface IdentifyRequest extends RecoveryRequest, LinesRequest {
  readonly key: string
  readonly fpr: number
  readonly undo: readonly string[]
}

/** Who it is: a member of a family, or what a message says. */
type Who =
  | ({ readonly by: 'family' } & Identification)
  | { readonly by: 'message'; readonly message: string | null; readonly pValue: number; readonly familyPValue: number }

/** Where it was found: the picture as it came, or as what it may have been. */
interface Found {
  readonly who: Who
  readonly candidates: number
  readonly undone: string | null
  readonly identificationSeconds: number
}

type IdentificationLine = ReturnType<typeof lineOf>

function lineOf({ request, key }: Identifying, picture: string, { who, ...found }: Found, inversionSeconds: number) {
  const smallest = smallestOf(key, found.candidates)
  const isUndecided = smallest > request.fpr && who.familyPValue <= smallest
  const verdict: Verdict = who.familyPValue <= request.fpr ? 'marked' : isUndecided ? 'undecided' : 'unmarked'
  return { picture, verdict, ...who, ...found, inversionSeconds }
}

/** The smallest p-value of any member in any candidate: words of few signs, asked for many, decide nothing at small rates. */
const smallestOf = ({ members, smallestPValue }: WatermarkKey, candidates: number): number =>
  Math.min(1, candidates * members * smallestPValue)

/** Everything that the report says. */
interface FinishedIdentification {
  readonly request: IdentifyRequest
  readonly key: WatermarkKey
  readonly model: string | undefined
  readonly settings: Settings
  readonly lines: readonly (IdentificationLine | FailedLine)[]
  readonly counts: { pictures: number; marked: number; unmarked: number; undecided: number; failed: number }
  readonly earlier: EarlierLines
  readonly seconds: number
  readonly cost: NetworkCost | undefined
}

/** Before any network runs. Families of one are asked to see whether they can be. */
function checkIdentifies(key: WatermarkKey): void {
  if (key.messageBits > 0 || key.members > 1) return
  key.identify(zeros(key.latentShape))
}

/** Schemes without families say who it is in the message. */
const byMessage = ({ pValue, familyPValue, reading }: Finding): Who => {
  return { by: 'message', message: reading.message ?? null, pValue, familyPValue }
}

function identifyNoise({ key, request }: Identifying, noise: Tensor): Found {
  const begin = now()
  const who: Who =
    key.messageBits === 0
      ? { by: 'family', ...key.identify(noise) }
      : byMessage(findingsIn(noise, { keys: [{ key }], falsePositiveRate: request.fpr })[0]!)
  return { who, candidates: 1, undone: null, identificationSeconds: now() - begin }
}

async function identifyPictures(
  io: Terminal,
  { request, key, recovery, undo, model }: Identifying,
  images: ReturnType<typeof imagesOf>,
  place: string,
): Promise<readonly Found[]> {
  if (images.length === 0) return []
  const options = { ...inversionOf(io, recovery, model!), undo }
  if (key.messageBits > 0) {
    const asked = { ...options, keys: [{ key }], falsePositiveRate: request.fpr }
    return (await follow(io, detectAll(images, asked), place)).map(({ findings: [finding], candidates }) => {
      return { who: byMessage(finding!), candidates, undone: finding!.undone ?? null, identificationSeconds: 0 }
    })
  }
  const found = await follow(io, identifyAll(images, { ...options, key }), place)
  return found.map(({ identification, candidates, undone = null, seconds = 0 }) => {
    return { who: { by: 'family', ...identification }, candidates, undone, identificationSeconds: seconds }
  })
}

async function identifyChunk(
  io: Terminal,
  identifying: Identifying,
  opened: readonly Opened<ReadSource>[],
  place: string,
): Promise<readonly IdentificationLine[]> {
  const begin = now()
  const images = imagesOf(opened)
  const queue = [...(await identifyPictures(io, identifying, images, place))]
  const asking = queue.reduce((sum, { identificationSeconds }) => sum + identificationSeconds, 0)
  const inversionSeconds = (now() - begin - asking) / Math.max(1, images.length)
  return opened.map(({ name, value }) =>
    'noise' in value
      ? lineOf(identifying, name, identifyNoise(identifying, value.noise), 0)
      : lineOf(identifying, name, queue.shift()!, inversionSeconds),
  )
}

interface Identifying {
  readonly request: IdentifyRequest
  readonly key: WatermarkKey
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
  readonly model: OpenDiffusionModel | undefined
}

async function identifyIn(
  io: Terminal,
  identifying: Identifying,
  listed: ListedSources,
): Promise<Omit<FinishedIdentification, 'cost'>> {
  const { request, key, recovery, undo, model } = identifying
  const begin = now()
  const settings = model ? await settingsOf(recovery, model) : {}
  if (model) checkKeyModel(key, model.name)
  const counts = { pictures: 0, marked: 0, unmarked: 0, undecided: 0, failed: 0 }
  const kept: (IdentificationLine | FailedLine)[] = []
  const earlier = await surveySources<IdentificationLine>(io, {
    listed,
    key,
    model,
    recovery,
    undo,
    request,
    task: 'undiffuse watermark identify',
    settings: { key: key.id, falsePositiveRate: `${request.fpr}`, undo: request.undo.join(' ') },
    heard(line) {
      counts.pictures++
      counts['error' in line ? 'failed' : line.verdict]++
      if (request.out !== undefined) return
      if (io.json) kept.push(line)
      io.clear()
      sayLine(io, key, line)
    },
    work: (opened, place) => identifyChunk(io, identifying, opened, place),
  })
  return { request, key, model: model?.name, settings, lines: kept, counts, earlier, seconds: now() - begin }
}

/** Reads, inverts once, asks all members, and reports. */
export async function identifyMarks(io: Terminal, paths: readonly string[], request: IdentifyRequest): Promise<void> {
  const key = await readKeyFile(request.key)
  checkIdentifies(key)
  const recovery = recoveryOf(request)
  const undo = undoOf(request.undo)
  const listed = await listSources(paths, io)
  const sources = listed.sources.map(({ path }) => path)
  await checkLines(request, { '--key': request.key, 'a source': sources })
  const finished = await withModelFor(listed, recovery, (model) => {
    return identifyIn(io, { request, key, recovery, undo, model }, listed)
  })
  io.clear()
  sayIdentification(io, finished)
  io.result(reportOf(finished))
}

function reportOf({ request, key, model, settings, lines, counts, earlier, seconds, cost }: FinishedIdentification) {
  return {
    model: model ?? null,
    familyWiseErrorRate: request.fpr,
    key: keyReport(key),
    settings,
    ...counts,
    earlier,
    ...(cost ? costReport({ seconds, cost }) : { seconds }),
    ...(request.out === undefined ? { results: lines } : { outputs: { results: request.out } }),
  }
}

function sayLine(io: Terminal, key: WatermarkKey, line: IdentificationLine | FailedLine): void {
  if ('error' in line) {
    io.say(`${line.picture}: failed. ${line.error.message}`)
    return
  }
  const { verdict, pValue, familyPValue, inversionSeconds, identificationSeconds } = line
  const isMarked = verdict === 'marked'
  if (line.by === 'message') {
    const says = line.message === null ? 'none that is sure' : line.message
    io.say(`${line.picture}: ${isMarked ? `marked; the message says who it is: ${says}` : 'not marked by this key'}`)
    io.say(`  p-value      ${probability(pValue)}`)
    io.say('  families     this scheme has none: give each user a message of their own when pictures are made')
  } else {
    const nearest = `nearest is member ${line.member}`
    io.say(`${line.picture}: ${isMarked ? `member ${line.member}` : `no member is sure; ${nearest}`}`)
    const all = `${probability(familyPValue)} among ${plural(key.members, 'member')}`
    io.say(`  p-value      ${probability(pValue)} of this one alone, ${all}`)
    io.say(`  score        ${line.score.toFixed(3)}; the next best ${line.runnerUpScore.toFixed(3)}`)
  }
  if (verdict === 'undecided') {
    const smallest = probability(smallestOf(key, line.candidates))
    io.say(
      `  undecided    no p-value of this family is below ${smallest}: ask for fewer members, or at a larger \`--fpr\``,
    )
  }
  if (line.undone !== null)
    io.say(`  read as      ${line.undone}, of ${line.candidates} pictures that it may have been`)
  io.say(`  time         ${inversionSeconds.toFixed(2)} s to the noise, ${identificationSeconds.toFixed(2)} s to ask`)
}

function sayIdentification(io: Terminal, finished: FinishedIdentification): void {
  const { request, key, model, settings, counts, seconds, cost } = finished
  const { pictures, marked, unmarked, undecided, failed } = counts
  io.say(
    `${plural(pictures, 'picture')}: ${marked} of a member, ${unmarked} of none, ${undecided} undecided, ${failed} failed; at a family-wise error rate of ${probability(request.fpr)}`,
  )
  for (const text of earlierText(finished.earlier)) io.say(text)
  io.say(`  by           ${keyText(key)}`)
  if (model !== undefined) io.say(`               ${recoveryText(model, settings)}`)
  if (cost) for (const text of costLines({ seconds, cost })) io.say(text)
  if (request.out !== undefined) io.say(`wrote ${request.out}`)
}
