/**
 * Results of a long run, a line for each as it is finished, so that the end of the process loses no more than the work
 * under way. A file of JSON lines; the first says with which settings it was begun.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, open, rename, rm, stat, truncate } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { expected } from 'undiffuse'
import { unavailable } from 'undiffuse/node'
import { type Lock, takeLock } from './lock.js'

/** What a run was begun with: everything that its results depend on. Text, so that files can be compared. */
export type Settings = Readonly<Record<string, string>>

export interface JournalOptions {
  /** What the run does, as `undiffuse watermark detect`. */
  readonly task: string
  readonly settings: Settings
  /** Goes on with what is there; otherwise an unfinished run is refused, for it would be lost. */
  readonly resume: boolean
  /** A finished run to go on with where there is no unfinished one. */
  readonly finished?: string | undefined
}

export interface Journal {
  readonly path: string
  /** Lines that were there, in the order of the file; read again at each call. */
  lines(): AsyncIterable<Line>
  /** Adds lines; they are on the disk when it is done. */
  append(lines: readonly object[]): Promise<void>
  /** Gives the file its final name; there is nothing to go on with then. */
  complete(path: string): Promise<void>
  /** Removes the file: its lines are somewhere else. */
  remove(): Promise<void>
  /** Leaves the file to go on with; one without a line is removed. */
  close(): Promise<void>
}

export type Line = Readonly<Record<string, unknown>>

/** The name of the journal of an output while the run is under way. */
export const journalOf = (output: string): string => `${output}.part`

/**
 * Opens the journal of a run at `path`, and locks it (`path`.lock) until it is complete, removed or closed.
 *
 * A line is complete with its line feed: what follows the last one was cut off when the run ended and is dropped. Cost:
 * one pass over the file, in pieces. Throws `bad-option` for an unfinished run that is not to be resumed, for one that was
 * begun with other settings, naming the first that differs, and for a file that is no journal; `unavailable` where the
 * file cannot be read or written, or another process writes to it.
 */
export async function openJournal(path: string, options: JournalOptions): Promise<Journal> {
  const lock = await takeLock(`${path}.lock`, path)
  try {
    return await openLocked(path, options, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(
  path: string,
  { task, settings, resume, finished }: JournalOptions,
  lock: Lock,
): Promise<Journal> {
  const isThere = await exists(path)
  if (isThere && !resume) {
    const remedy = 'Pass `--resume` to go on with it, or remove the file to begin anew.'
    throw expected('bad-option', 'no unfinished run', `\`${path}\``, 'one', remedy)
  }
  if (!isThere && resume && finished !== undefined && (await exists(finished))) {
    await attempt(path, () => copyFile(finished, path))
  }
  const end = resume ? await checkedEnd(path, task, settings) : 0
  const file = await attempt(path, async () => {
    if (end > 0) await truncate(path, end)
    return await open(path, end > 0 ? 'a' : 'w')
  })
  const write = (text: string) =>
    attempt(path, async () => {
      await file.appendFile(text)
      await file.datasync()
    })
  if (end === 0) await write(textOf(headerOf(task, settings)))
  let [isEmpty, isOpen] = [end === 0, true]
  async function closeFile() {
    if (isOpen) await file.close()
    isOpen = false
  }
  async function close() {
    await closeFile()
    lock.release()
  }
  async function remove() {
    isEmpty = false
    await closeFile()
    await attempt(path, () => rm(path, { force: true }))
    lock.release()
  }
  return {
    path,
    lines: () => linesAfterHeader(path),
    async append(lines) {
      isEmpty = false
      await write(lines.map(textOf).join(''))
    },
    async complete(name) {
      isEmpty = false
      await closeFile()
      await attempt(name, () => rename(path, name))
      await syncFolder(dirname(name))
      lock.release()
    },
    remove,
    close: () => (isEmpty ? remove() : close()),
  }
}

const textOf = (line: object): string => `${JSON.stringify(line)}\n`

/** In one order, so that equal settings have equal text. */
const sorted = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)))

const headerOf = (task: string, settings: Settings) => ({
  task,
  settingsHash: createHash('sha256')
    .update(JSON.stringify([task, sorted(settings)]))
    .digest('hex'),
  settings: sorted(settings),
})

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  return await act().catch((error: unknown) => {
    throw unavailable('a file that can be written', path, error)
  })
}

/** Renaming is certain once the folder is on the disk; not every system can say so of folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/** The lines of a file that end in a line feed, and where they end, in bytes. */
async function* completeLines(path: string): AsyncGenerator<{ readonly text: string; readonly end: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let before = 0
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let begin = 0
    for (let stop = rest.indexOf(10); stop >= 0; stop = rest.indexOf(10, begin)) {
      yield { text: rest.toString('utf8', begin, stop), end: before + stop + 1 }
      begin = stop + 1
    }
    before += begin
    rest = rest.subarray(begin)
  }
}

function parsed(path: string, text: string, number: number): Line {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) return line as Line
  } catch {
    // Told below.
  }
  const remedy = 'The file was changed or is another one: remove it to begin anew.'
  throw expected('bad-option', `a JSON object in line ${number}`, `\`${path}\``, 'something else', remedy)
}

async function* linesAfterHeader(path: string): AsyncGenerator<Line> {
  let number = 0
  for await (const { text } of completeLines(path)) {
    if (++number > 1) yield parsed(path, text, number)
  }
}

/** Where the complete lines end; 0 without a header. */
async function checkedEnd(path: string, task: string, settings: Settings): Promise<number> {
  if (!(await exists(path))) return 0
  let [number, last] = [0, 0]
  try {
    for await (const { text, end } of completeLines(path)) {
      const line = parsed(path, text, ++number)
      if (number === 1) checkHeader(path, line, headerOf(task, settings))
      last = end
    }
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? unavailable('a readable file', path, error) : error
  }
  return last
}

function checkHeader(path: string, found: Line, wanted: ReturnType<typeof headerOf>): void {
  if (found.settingsHash === wanted.settingsHash) return
  const remedy = 'Pass what the run was begun with, or remove the file to begin anew.'
  if (found.task !== wanted.task || typeof found.settings !== 'object' || found.settings === null) {
    const got = typeof found.task === 'string' ? `one of \`${found.task}\`` : 'another file'
    throw expected('bad-option', `an unfinished run of \`${wanted.task}\``, `\`${basename(path)}\``, got, remedy)
  }
  const there = found.settings as Settings
  const names = [...new Set([...Object.keys(there), ...Object.keys(wanted.settings)])]
  const name = names.find((one) => there[one] !== wanted.settings[one]) ?? 'settings'
  const said = (value: unknown) => (value === undefined ? 'nothing' : `\`${String(value)}\``)
  throw expected(
    'bad-option',
    `${name} ${said(there[name])}, as the run was begun,`,
    `\`${basename(path)}\``,
    said(wanted.settings[name]),
    remedy,
  )
}
