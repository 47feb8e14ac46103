/** Writing files whole or not at all, and asking beforehand whether that will work. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { constants, copyFile, link, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expected } from '../core/errors.js'
import type { FileContent } from '../operations/host.js'
import { atExit } from '../runtimes/onnxruntime-node/at-exit.js'
import { codeOf, unavailable } from './failures.js'

export interface WriteOptions {
  /** Who may read and write it, as chmod has it; what the process's mask takes away is gone. Default 0o666. */
  readonly mode?: number
}

/**
 * Writes a file under a temporary name in the same folder and renames it: at `path` stands the old file or the complete
 * new one, never a part.
 *
 * Throws `unavailable` when it cannot (no space, no permission, no such folder, a folder or device in its place); the
 * temporary file is gone then. Source: rename(2), which replaces atomically within a file system.
 *
 * @example await writeFileAtomically('out/latent.safetensors', encodeSafetensors({ latent }))
 */
export const writeFileAtomically = (path: string, content: FileContent, options?: WriteOptions): Promise<void> =>
  writeFilesAtomically([[path, content]], options)

/**
 * Writes files that belong together: all are complete under temporary names before the first takes its place, so a full
 * disk leaves none of them, nor does the end of the process. Throws as `writeFileAtomically` does.
 *
 * @example await writeFilesAtomically([['out/latent.safetensors', latent], ['out/report.json', report]])
 */
export async function writeFilesAtomically(
  files: Iterable<readonly [path: string, content: FileContent]>,
  { mode = 0o666 }: WriteOptions = {},
): Promise<void> {
  const staged = [...files].map(([path, content]) => ({ path, content, temporary: temporaryName(path) }))
  const forget = atExit(() => {
    for (const { temporary } of staged) rmSync(temporary, { force: true })
  })
  const attempt = async (path: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => {
      throw codeOf(error) === undefined ? error : unavailable('a file that can be written', path, error)
    })
  }
  try {
    for (const { path } of staged) await refuseSpecialFile(path)
    for (const { path, content, temporary } of staged) {
      await attempt(path, () => writeFile(temporary, content, { flag: 'wx', mode }))
    }
    for (const { path, temporary } of staged) await attempt(path, () => rename(temporary, path))
  } catch (error) {
    for (const { temporary } of staged) await rm(temporary, { force: true }).catch(() => {})
    throw error
  } finally {
    forget()
  }
}

/**
 * Writes a file that must not be there yet, synced to the disk: whole or not at all, and by one of those who try it at once.
 *
 * Throws `bad-option` where something stands at `path`, and leaves that alone; otherwise as `writeFileAtomically`. Source:
 * link(2), which refuses what exists; where file systems have no links, an exclusive copy.
 *
 * @example await writeNewFile('key.json', text, { mode: 0o600 })
 */
export async function writeNewFile(path: string, content: string, { mode = 0o666 }: WriteOptions = {}): Promise<void> {
  const temporary = temporaryName(path)
  const forget = atExit(() => rmSync(temporary, { force: true }))
  try {
    await using file = await open(temporary, 'wx', mode)
    await file.writeFile(content)
    await file.sync()
    await link(temporary, path).catch((error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw error
      return copyFile(temporary, path, constants.COPYFILE_EXCL)
    })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw unavailable('a file that can be written', path, error)
    throw expected('bad-option', 'a new file', `\`${path}\``, 'one that exists', 'Choose another name.')
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
    forget()
  }
}

/** Enough to take up room on any file system. */
const probe = new Uint8Array(4096)

/**
 * Finds out before long work whether a file can be written: writes a little under a temporary name and removes it.
 * Throws what `writeFileAtomically` would.
 *
 * @example await checkWritable('out/latent.safetensors')
 */
export async function checkWritable(path: string): Promise<void> {
  await refuseSpecialFile(path)
  const temporary = temporaryName(path)
  const forget = atExit(() => rmSync(temporary, { force: true }))
  try {
    await writeFile(temporary, probe, { flag: 'wx' })
  } catch (error) {
    throw unavailable('a file that can be written', path, error)
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
    forget()
  }
}

const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID()}.part`)

/** Renaming onto a device such as /dev/null would replace it. */
async function refuseSpecialFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unavailable('a file that can be written', path, error)
  })
  if (found && !found.isFile()) {
    throw expected(
      'unavailable',
      'a file that can be written',
      `\`${path}\``,
      found.isDirectory() ? 'a folder' : 'a pipe or a device',
      'Pass the path of a file.',
    )
  }
}
