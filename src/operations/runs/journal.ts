/**
 * Results of a long run, a line for each as it is finished, so that the end of the process loses no more than the work
 * under way. A file of JSON lines; the first says with which settings it was begun.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { expected } from '../../core/errors.js'
import { setting } from '../fields.js'
import { lastName } from '../files/paths.js'
import type { HostFiles, Lock } from '../host.js'

/** What a run was begun with: everything that its results depend on. Text, so that files can be compared. */
export type RunSettings = Readonly<Record<string, string>>

export interface JournalOptions {
  /** What the run does, as `undiffuse watermark detect`. */
  readonly task: string
  readonly settings: RunSettings
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
  /** Leaves the file to go on with; one without a line of its own is removed, a mere copy of a finished run among them. */
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
 * begun with other settings, naming the first that differs, and for a file of another kind, one without line feeds among
 * them; `unavailable` where the file cannot be read or written, or another process writes to it.
 */
export async function openJournal(files: HostFiles, path: string, options: JournalOptions): Promise<Journal> {
  const lock = await files.lock(`${path}.lock`, path)
  try {
    return await openLocked(files, path, options, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(
  files: HostFiles,
  path: string,
  { task, settings, resume, finished }: JournalOptions,
  lock: Lock,
): Promise<Journal> {
  const exists = async (name: string) => (await files.size(name)) !== undefined
  const isThere = (await exists(path)) && !(await isBareHeader(files, path))
  if (isThere && !resume) {
    const remedy = `Pass ${setting('resume')} to go on with it, or remove the file to begin anew.`
    throw expected('bad-option', 'no unfinished run', `\`${path}\``, 'one', remedy)
  }
  const from = isThere ? path : finished
  const isGoingOn = resume && from !== undefined && (await exists(from))
  // Before it is copied: a copy of a run that is refused would stand in the way of the next one.
  const end = isGoingOn ? await checkedEnd(files, from, { task, settings }, !isThere) : 0
  const isCopy = isGoingOn && !isThere
  if (isCopy) await files.copy(from, path)
  const file = await files.grow(path, end)
  if (end === 0) await file.append(textOf(headerOf(task, settings)))
  let [isEmpty, isOpen] = [end === 0 || isCopy, true]
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
    await files.remove(path)
    lock.release()
  }
  return {
    path,
    lines: () => linesAfterHeader(files, path),
    async append(lines) {
      isEmpty = false
      await file.append(lines.map(textOf).join(''))
    },
    async complete(name) {
      isEmpty = false
      await closeFile()
      await files.move(path, name)
      lock.release()
    },
    remove,
    close: () => (isEmpty ? remove() : close()),
  }
}

/** A line of a file of results. */
export const textOf = (line: object): string => `${JSON.stringify(line)}\n`

/** In one order, so that equal settings have equal text. */
const sorted = (settings: RunSettings): RunSettings =>
  Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)))

const headerOf = (task: string, settings: RunSettings) => ({
  task,
  settingsHash: bytesToHex(sha256(utf8ToBytes(JSON.stringify([task, sorted(settings)])))),
  settings: sorted(settings),
})

/** Read at once. */
const pieceBytes = 2 ** 20
/** Of a line: those of calibrations hold a noise, and that of the largest key is 90 MB. */
const mostLineBytes = 2 ** 27

/** The lines of a file that end in a line feed, and where they end, in bytes. */
async function* completeLines(
  files: HostFiles,
  path: string,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly end: number }> {
  let begun: Uint8Array[] = []
  let [at, begunBytes] = [0, 0]
  while (true) {
    const piece = await files.read(path, at, pieceBytes)
    if (piece.length === 0) return
    let begin = 0
    for (let stop = piece.indexOf(10); stop >= 0; stop = piece.indexOf(10, begin)) {
      yield { bytes: joined([...begun, piece.subarray(begin, stop)]), end: at + stop + 1 }
      begun = []
      begunBytes = 0
      begin = stop + 1
    }
    begun.push(piece.subarray(begin))
    begunBytes += piece.length - begin
    at += piece.length
    if (begunBytes > mostLineBytes) {
      throw expected('bad-option', `lines of at most ${mostLineBytes} bytes`, `\`${path}\``, 'a longer one', anewRemedy)
    }
  }
}

const anewRemedy = 'The file was changed or is another one: remove it to begin anew.'

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function parsed(files: HostFiles, path: string, bytes: Uint8Array, number: number): Line {
  try {
    const line: unknown = JSON.parse(files.decodeUtf8(bytes))
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) return line as Line
  } catch {
    // Told below.
  }
  throw expected('bad-option', `a JSON object in line ${number}`, `\`${path}\``, 'something else', anewRemedy)
}

async function* linesAfterHeader(files: HostFiles, path: string): AsyncGenerator<Line> {
  let number = 0
  for await (const { bytes } of completeLines(files, path)) {
    if (++number > 1) yield parsed(files, path, bytes, number)
  }
}

/** More than any first line of ours. */
const mostHeaderBytes = 2 ** 16

/** Whether a run was begun and ended before its first result: there is nothing to go on with, and nothing to lose. */
async function isBareHeader(files: HostFiles, path: string): Promise<boolean> {
  const first = await files.read(path, 0, mostHeaderBytes)
  const end = first.indexOf(10)
  if (end < 0 || first.length === mostHeaderBytes || first.includes(10, end + 1)) return false
  try {
    return 'settingsHash' in JSON.parse(files.decodeUtf8(first.subarray(0, end)))
  } catch {
    return false
  }
}

/** Where the complete lines end; 0 without a header. */
async function checkedEnd(
  files: HostFiles,
  path: string,
  { task, settings }: Pick<JournalOptions, 'task' | 'settings'>,
  isFinished: boolean,
): Promise<number> {
  const first = await files.read(path, 0, pieceBytes)
  if (first.length === pieceBytes && !first.includes(10)) {
    throw expected('bad-option', 'lines of JSON', `\`${path}\``, 'a file without a line feed', anewRemedy)
  }
  let [number, last] = [0, 0]
  for await (const { bytes, end } of completeLines(files, path)) {
    const line = parsed(files, path, bytes, ++number)
    if (number === 1) checkHeader(path, line, headerOf(task, settings), isFinished)
    last = end
  }
  return last
}

function checkHeader(path: string, found: Line, wanted: ReturnType<typeof headerOf>, isFinished: boolean): void {
  if (found.settingsHash === wanted.settingsHash) return
  const anew = isFinished ? `leave out ${setting('resume')}` : 'remove the file'
  const remedy = `Pass what the run was begun with, or ${anew} to begin anew.`
  if (found.task !== wanted.task || typeof found.settings !== 'object' || found.settings === null) {
    const got = typeof found.task === 'string' ? `one of \`${found.task}\`` : 'another file'
    throw expected('bad-option', `an unfinished run of \`${wanted.task}\``, `\`${lastName(path)}\``, got, remedy)
  }
  const there = found.settings as RunSettings
  const names = [...new Set([...Object.keys(there), ...Object.keys(wanted.settings)])]
  const name = names.find((one) => there[one] !== wanted.settings[one]) ?? 'settings'
  const said = (value: unknown) => (value === undefined ? 'nothing' : `\`${String(value)}\``)
  throw expected(
    'bad-option',
    `${name} ${said(there[name])}, as the run was begun,`,
    `\`${lastName(path)}\``,
    said(wanted.settings[name]),
    remedy,
  )
}
