/** A line for each picture of a survey: printed, collected, or written to a file that a killed run goes on with. */
import { expected, type UndiffuseError } from 'undiffuse'
import { journalOf, type Line, openJournal, type Settings } from './journal.js'
import { type NamedFiles, prepareOutputs } from './outputs.js'
import type { Terminal } from './terminal.js'
import { plural } from './words.js'

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

export interface LinesRequest {
  /** A file of JSON lines. */
  readonly out?: string
  readonly resume: boolean
}

export interface PictureLines<L extends PictureLine> {
  /** Pictures whose lines are there already. */
  readonly finished: ReadonlySet<string>
  keep(lines: readonly L[]): Promise<void>
  /** Gives the file its name, once all is done. */
  complete(): Promise<void>
  close(): Promise<void>
}

/** Lines that a run which goes on found in its file. */
export interface EarlierLines {
  readonly lines: number
  /** Those among them that are of pictures which were not asked for: they stay in the file and count for nothing. */
  readonly others: number
}

/** In one line; none where nothing was there. */
export const earlierText = ({ lines, others }: EarlierLines): readonly string[] =>
  lines === 0
    ? []
    : [`  before       ${plural(lines, 'line')}, ${others} of pictures that were not asked for and do not count`]

/** Nothing is computed for files that cannot be written or are read, or without one to go on with. */
export async function checkLines(
  { out, resume }: LinesRequest,
  inputs: NamedFiles,
  others: NamedFiles = {},
): Promise<void> {
  if (out === undefined && resume) {
    const remedy = 'Pass the `--out` of the run to go on with.'
    throw expected('bad-option', 'a file', '`--out`', 'none, with `--resume`', remedy)
  }
  const lines = out === undefined ? {} : { '--out': out, 'what is unfinished': journalOf(out) }
  await prepareOutputs({ ...lines, ...others }, inputs)
}

/** `heard` is told each line: those that are there first, then those that are kept. */
export async function openLines<L extends PictureLine>(
  io: Terminal,
  { out, resume }: LinesRequest,
  begun: { readonly task: string; readonly settings: Settings },
  heard: (line: L) => void,
): Promise<PictureLines<L>> {
  if (out === undefined) {
    const nothing = async () => {}
    return { finished: new Set(), keep: async (lines) => lines.forEach(heard), complete: nothing, close: nothing }
  }
  const journal = await openJournal(journalOf(out), { ...begun, resume, finished: out })
  io.keeps(journal.path)
  const finished = new Set<string>()
  try {
    for await (const line of journal.lines()) {
      finished.add(pictureOf(line, journal.path))
      heard(line as unknown as L)
    }
  } catch (error) {
    await journal.close()
    throw error
  }
  return {
    finished,
    async keep(lines) {
      await journal.append(lines)
      for (const line of lines) heard(line)
    },
    async complete() {
      await journal.complete(out)
      io.keeps()
    },
    close: () => journal.close(),
  }
}

/** Throws `bad-option` for a line that is none of ours. */
export function pictureOf({ picture }: Line, path: string): string {
  if (typeof picture === 'string') return picture
  const remedy = 'The file was changed: remove it to begin anew.'
  throw expected('bad-option', 'a `picture` in each line', `\`${path}\``, 'a line without', remedy)
}
