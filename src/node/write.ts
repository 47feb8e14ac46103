/** Writing files whole or not at all. */
import { randomUUID } from 'node:crypto'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expected } from '../core/errors.js'
import { codeOf, unavailable } from './failures.js'

/**
 * Writes a file under a temporary name in the same folder and renames it: at `path` stands the old file or the complete
 * new one, never a part.
 *
 * Throws `unavailable` when it cannot (no space, no permission, no such folder, a folder or device in its place); the
 * temporary file is gone then. Source: rename(2), which replaces atomically within a file system.
 *
 * @example await writeFileAtomically('out/latent.safetensors', encodeSafetensors({ latent }))
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await refuseSpecialFile(path)
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID()}.part`)
  try {
    await writeFile(temporary, content, { flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw codeOf(error) === undefined ? error : unavailable('a file that can be written', path, error)
  }
}

/** Renaming onto a device such as /dev/null would replace it. */
async function refuseSpecialFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isFile()) {
    throw expected(
      'unavailable',
      'a file that can be written',
      `\`${path}\``,
      found.isDirectory() ? 'a folder' : 'a device',
      'Pass the path of a file.',
    )
  }
}
