/** Files as checkpoints are read from them, and what they may be. */
import { expected, gotText } from '../core/errors.js'
import { checkMembers } from '../core/members.js'

/** A file of the host for the time being: removed when asked, and at the latest when the process ends. */
export interface ScratchFile {
  readonly path: string
  write(offset: number, bytes: Uint8Array): Promise<void>
  remove(): Promise<void>
}

/** A digest of bytes that come one after the other. */
export interface Digest {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

/** What reading a checkpoint needs of a host's files. Node's implementation lives in src/node. */
export interface Files {
  /** Size in bytes, or undefined when there is no such file. */
  size(path: string): Promise<number | undefined>
  /** `length` bytes from `offset`; fewer only at the end of the file. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>
  /** The whole file as UTF-8. */
  text(path: string): Promise<string>
  /** UTF-8 text of bytes; throws on bytes that are not UTF-8. */
  decodeUtf8(bytes: Uint8Array): string
  /** Names in a folder, or undefined when there is no such folder. */
  list(folder: string): Promise<readonly string[] | undefined>
  /** Where a file is or would be, links followed; absent where there are no links. */
  placeOf?(path: string): Promise<string>
  /** A new empty file that only this user reads; absent where the host has none. */
  scratch?(): Promise<ScratchFile>
  /** SHA-256 by the machine's own code, a tenth of the time of one in JavaScript; absent where the host has none. */
  sha256?(): Digest
  join(...parts: readonly string[]): string
}

/** The size of a file. Throws `unavailable` where there is none, with what stands in its place, as reading does. */
export async function fileSize(files: Pick<Files, 'size' | 'read'>, path: string): Promise<number> {
  const size = await files.size(path)
  if (size !== undefined) return size
  await files.read(path, 0, 0)
  throw expected('unavailable', 'a readable file', `\`${path}\``, 'no such file', 'Check the path.')
}

/** Throws `bad-option` for anything but access to files and a path: a program without types may swap them. */
export function checkFiles(host: unknown, path: unknown): void {
  checkMembers(
    host,
    ['size', 'read'],
    '`files`, the access to files',
    'Pass `nodeFiles` of `undiffuse/node`, and then the path.',
  )
  if (typeof path === 'string') return
  throw expected('bad-option', 'a path', '`path`', gotText(path), 'Pass it as text, after `nodeFiles`.')
}
