/** A line for each picture of a survey: told, collected, or written to a file that a killed run goes on with. */
import { expected, type UndiffuseError } from '../../core/errors.js'
import type { Steps } from '../../core/progress.js'
import { setting } from '../fields.js'
import { type NamedFiles, prepareOutputs } from '../files/outputs.js'
import { type HostFiles, standardStream } from '../host.js'
import type { Told } from '../operation.js'
import { type Journal, journalOf, type Line, openJournal, type RunSettings, textOf } from './journal.js'

export interface PictureLine {
  readonly picture: string
}

/** What could not be read; the run went on. */
export interface FailedLine extends PictureLine {
  readonly error: { readonly code: string; readonly message: string }
}

export const failedLine = (picture: string, { code, message }: UndiffuseError): FailedLine => ({
  picture,
  error: { code, message },
})

/** Where lines go. */
export const lineFields = {
  output: {
    type: 'file',
    description: 'a file of JSON lines, one a picture as it is done, or `-` for standard output',
  },
  resume: { type: 'boolean', default: false, description: 'go on with a run that was ended' },
} as const

export interface LinesSettings {
  /** A file of JSON lines, or the stream. */
  readonly output?: string | undefined
  readonly resume: boolean
}

/** Lines that a run which goes on found in its file. */
export interface EarlierLines {
  readonly lines: number
  /** Those among them that are of pictures which were not asked for: they stay in the file and count for nothing. */
  readonly others: number
}

/** Nothing is computed for files that cannot be written or are read, or without one to go on with. */
export async function checkLines(
  files: HostFiles,
  { output, resume }: LinesSettings,
  inputs: NamedFiles,
  others: NamedFiles = {},
): Promise<void> {
  if (output === undefined && resume) {
    const remedy = `Pass the ${setting('output')} of the run to go on with.`
    throw expected('bad-option', 'a file', setting('output'), `none, with ${setting('resume')}`, remedy)
  }
  if (output === standardStream && resume) {
    const remedy = `Name a file for ${setting('output')}, or leave ${setting('resume')} out.`
    throw expected('bad-option', 'a file', setting('output'), `\`-\`, with ${setting('resume')}`, remedy)
  }
  const unfinished = output === undefined || output === standardStream ? undefined : journalOf(output)
  const lines = { 'settings.output': output, 'what is unfinished': unfinished }
  await prepareOutputs(files, { ...lines, ...others }, inputs)
}

export interface PictureLines<L extends PictureLine> {
  /** Pictures whose lines are there already. */
  readonly finished: ReadonlySet<string>
  /** Answers what is to be told of them. */
  keep(lines: readonly L[]): Promise<readonly Told[]>
  /** Gives the file its name, once all is done. */
  complete(): Promise<void>
  close(): Promise<void>
}

/** Lines of pictures alone, without the settings that a file begins with: nobody goes on with a stream. */
async function streamedLines<L extends PictureLine>(
  files: HostFiles,
  tell: (lines: readonly L[]) => readonly Told[],
): Promise<PictureLines<L>> {
  const stream = await files.grow(standardStream, 0)
  return {
    finished: new Set(),
    async keep(lines) {
      await stream.append(lines.map(textOf).join(''))
      return tell(lines)
    },
    async complete() {},
    close: () => stream.close(),
  }
}

/** `heard` is told each line, those that are there first, then those that are kept; what it answers is told on. */
export async function* openLines<L extends PictureLine>(
  files: HostFiles,
  { output, resume }: LinesSettings,
  begun: { readonly task: string; readonly settings: RunSettings },
  heard: (line: L) => Told | undefined,
): Steps<PictureLines<L>, Told> {
  const tell = (lines: readonly L[]) => lines.flatMap((line) => heard(line) ?? [])
  if (output === undefined) {
    const nothing = async () => {}
    return { finished: new Set(), keep: async (lines) => tell(lines), complete: nothing, close: nothing }
  }
  if (output === standardStream) return await streamedLines(files, tell)
  const journal = await openJournal(files, journalOf(output), { ...begun, resume, finished: output })
  const finished = new Set<string>()
  let kept = false
  try {
    for await (const [picture, line] of linesOnce(journal)) {
      finished.add(picture)
      yield* tell([line as unknown as L])
    }
    if (finished.size > 0) yield keeping(journal.path)
  } catch (error) {
    await journal.close()
    throw error
  }
  return {
    finished,
    async keep(lines) {
      const isFirst = finished.size === 0 && !kept
      kept = true
      await journal.append(lines)
      return [...(isFirst ? [keeping(journal.path)] : []), ...tell(lines)]
    },
    complete: () => journal.complete(output),
    close: () => journal.close(),
  }
}

/** Says which file holds what is finished. */
export const keeping = (path: string | null): Told => ({ stage: 'journal', done: 0, keeps: path })

/** The lines of a journal by their pictures, of each the first: two programs may have written to it. */
export async function* linesOnce(journal: Journal): AsyncGenerator<readonly [picture: string, line: Line]> {
  const seen = new Set<string>()
  for await (const line of journal.lines()) {
    const picture = pictureOf(line, journal.path)
    if (!seen.has(picture)) yield [picture, line]
    seen.add(picture)
  }
}

/** Throws `bad-option` for a line that another program wrote. */
function pictureOf({ picture }: Line, path: string): string {
  if (typeof picture === 'string') return picture
  const remedy = 'The file was changed: remove it to begin anew.'
  throw expected('bad-option', 'a `picture` in each line', `\`${path}\``, 'a line without', remedy)
}
