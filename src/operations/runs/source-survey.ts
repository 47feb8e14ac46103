/**
 * A survey of pictures and noise files, with the model open where pictures need it: what `detect` and `identify` share.
 * What they ask of the noise is theirs.
 */
import { describe } from '../../checkpoints/json.js'
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import type { Restoration } from '../../restorations/index.js'
import type { WatermarkKey } from '../../watermark/key.js'
import { type Verdict, verdicts } from '../../watermark/reading/detect.js'
import { itemsOf, type ListedSources, type ReadSource } from '../files/noise-sources.js'
import type { Held, Host, OperationModel } from '../host.js'
import type { Parts, Told } from '../operation.js'
import type { Recovery } from '../recipes/recovery.js'
import type { RunSettings } from './journal.js'
import {
  type EarlierLines,
  type FailedLine,
  failedLine,
  keeping,
  type LinesSettings,
  openLines,
  type PictureLine,
} from './lines.js'
import { type Opened, survey } from './survey.js'

/** The model, which noise files do without. */
export const openModelFor = async (
  { sources }: ListedSources,
  { networks }: Recovery,
  { models }: Host,
): Promise<Held<OperationModel> | undefined> =>
  sources.every(({ noise }) => noise) ? undefined : await models.open(networks)

export interface SourceSurvey<L extends PictureLine> {
  readonly listed: ListedSources
  readonly key: WatermarkKey
  readonly model: OperationModel | undefined
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
  /** Where lines go. */
  readonly lines: LinesSettings
  readonly task: string
  /** Everything that lines depend on, but for the prompt. */
  readonly settings: RunSettings
  /** Is told the line of each listed source, those of a run that goes on first; the file may hold others. */
  heard(line: L | FailedLine): Told | undefined
  work(opened: readonly Opened<ReadSource>[], parts: Parts): Steps<readonly L[], Told>
}

/** What is counted of a survey's lines. */
export interface Counts {
  pictures: number
  marked: number
  unmarked: number
  undecided: number
  failed: number
  /** The first few of them. */
  firstFailures: readonly FailedLine[]
}

/** More of them are in the lines. */
const mostFailures = 5

export const noCounts = (): Counts => ({
  pictures: 0,
  marked: 0,
  unmarked: 0,
  undecided: 0,
  failed: 0,
  firstFailures: [],
})

/**
 * Of so many unmarked pictures the mean number that is called marked, over the draw of the key: N·rate. False alarms of one
 * key come together, so its own number may be several times as large, and for most keys is smaller.
 */
export const falseAlarmsAtMost = ({ pictures, failed }: Counts, falsePositiveRate: number): number =>
  (pictures - failed) * falsePositiveRate

/** Throws `bad-option` for a line of a file whose verdict is none of ours. */
export function count(counts: Counts, line: FailedLine | (PictureLine & { readonly verdict: Verdict })): void {
  if (!('error' in line) && !verdicts.includes(line.verdict)) {
    const remedy = 'The file of results was changed: remove it to begin anew.'
    throw expected('bad-option', 'a verdict', `\`${line.picture}\``, describe(line.verdict), remedy)
  }
  counts.pictures++
  counts['error' in line ? 'failed' : line.verdict]++
  // A line of a file may be anything.
  if ('error' in line && typeof line.error?.message === 'string' && counts.firstFailures.length < mostFailures) {
    counts.firstFailures = [...counts.firstFailures, line]
  }
}

/** Tells what was there before. Throws what is wrong with a source that was named alone; among several it is a line. */
export async function* surveySources<L extends PictureLine>(
  { listed, lines: settings, task, heard, work, ...options }: SourceSurvey<L>,
  host: Host,
  signal: Signal | undefined,
): Steps<EarlierLines, Told> {
  const { prompt } = options.recovery.plan.recipe
  const begun = { task, settings: { ...options.settings, ...(prompt !== undefined && { prompt }) } }
  const names = new Set(listed.sources.map(({ name }) => name))
  const lines = yield* openLines<L | FailedLine>(host.files, settings, begun, (line) =>
    names.has(line.picture) ? heard(line) : undefined,
  )
  try {
    yield* survey<ReadSource, L | FailedLine>(itemsOf(listed.sources, options, host), {
      chunk: options.recovery.chunk,
      finished: lines.finished,
      signal,
      work,
      failed(name, error) {
        if (listed.isOne) throw error
        return failedLine(name, error)
      },
      keep: lines.keep,
    })
    await lines.complete()
    yield keeping(null)
    const others = [...lines.finished].filter((name) => !names.has(name))
    return { lines: lines.finished.size, others: others.length }
  } finally {
    await lines.close()
  }
}

/** The pictures among them, to be inverted together. */
export const imagesOf = (opened: readonly Opened<ReadSource>[]) =>
  opened.flatMap(({ value }) => ('picture' in value ? [{ image: value.picture.image }] : []))
