/**
 * A survey of pictures and noise files, with the model open where pictures need it: what `detect` and `identify` share.
 * What they ask of the noise is theirs.
 */
import type { OpenDiffusionModel, Restoration, WatermarkKey } from 'undiffuse'
import { withModel } from './diffusion.js'
import type { Settings } from './journal.js'
import type { NetworkCost } from './networks.js'
import { type Recovery, settingsOf } from './noise-recovery.js'
import { itemsOf, type ListedSources, type ReadSource } from './noise-sources.js'
import {
  type EarlierLines,
  type FailedLine,
  failedLine,
  type LinesRequest,
  openLines,
  type PictureLine,
} from './picture-lines.js'
import { type Opened, survey } from './survey.js'
import type { Terminal } from './terminal.js'

/** Runs `body` with the model, which noise files do without, and says what its networks cost. */
export async function withModelFor<T extends object>(
  { sources }: ListedSources,
  recovery: Recovery,
  body: (model: OpenDiffusionModel | undefined) => Promise<T>,
): Promise<T & { readonly cost: NetworkCost | undefined }> {
  if (sources.every(({ noise }) => noise)) return { ...(await body(undefined)), cost: undefined }
  return await withModel(recovery, recovery.recipe, async (model, cost) => {
    const result = await body(model)
    return { ...result, cost: await cost() }
  })
}

export interface SourceSurvey<L extends PictureLine> {
  readonly listed: ListedSources
  readonly key: WatermarkKey
  readonly model: OpenDiffusionModel | undefined
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
  /** Where lines go. */
  readonly request: LinesRequest
  readonly task: string
  /** What lines depend on besides how noise is recovered. */
  readonly settings: Settings
  /** Is told the line of each listed source, those of a run that goes on first; the file may hold others. */
  heard(line: L | FailedLine): void
  work(opened: readonly Opened<ReadSource>[], place: string): Promise<readonly L[]>
}

/** Tells what was there before. Throws what is wrong with a source that was named alone; among several it is a line. */
export async function surveySources<L extends PictureLine>(
  io: Terminal,
  options: SourceSurvey<L>,
): Promise<EarlierLines> {
  const { listed, key, model, recovery, undo, request, task, heard, work } = options
  const { prompt } = recovery.recipe
  const settings = {
    ...options.settings,
    ...(model && (await settingsOf(recovery, model))),
    ...(prompt !== undefined && { prompt }),
  }
  const names = new Set(listed.sources.map(({ name }) => name))
  const lines = await openLines<L | FailedLine>(io, request, { task, settings }, (line) => {
    if (names.has(line.picture)) heard(line)
  })
  try {
    await survey<ReadSource, L | FailedLine>(itemsOf(listed.sources, key, model, recovery, undo), {
      chunk: recovery.chunk,
      finished: lines.finished,
      signal: io.signal,
      work,
      failed(name, error) {
        if (listed.isOne) throw error
        return failedLine(name, error)
      },
      keep: lines.keep,
    })
    await lines.complete()
    const others = [...lines.finished].filter((name) => !names.has(name))
    return { lines: lines.finished.size, others: others.length }
  } finally {
    await lines.close()
  }
}

/** The pictures among them, to be inverted together. */
export const imagesOf = (opened: readonly Opened<ReadSource>[]) =>
  opened.flatMap(({ value }) => ('picture' in value ? [{ image: value.picture.image }] : []))
