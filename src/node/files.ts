/** Files as checkpoints read them, on Node. Reads only; writing is in write.ts. */
import { createHash } from 'node:crypto'
import { open, readdir, realpath, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { Files, ScratchFile } from '../checkpoints/files.js'
import { expected, isUndiffuseError } from '../core/errors.js'
import { makeTemporaryFolder } from '../runtimes/onnxruntime-node/temporary-folders.js'
import { codeOf, unavailable } from './failures.js'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Runs `read`; an absent file or folder is undefined, any other failure is `unavailable`. */
async function ifPresent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unavailable('something readable', path, error)
  }
}

/** Never allocates more than the file holds, whatever length is asked for. */
async function read(path: string, offset: number, length: number): Promise<Uint8Array> {
  try {
    // Opening a pipe would wait for somebody who writes, and hear no signal.
    const found = await stat(path)
    if (!found.isFile()) {
      const got = found.isDirectory() ? 'a folder' : 'a pipe or a device'
      throw expected('unavailable', 'a readable file', `\`${path}\``, got, 'Pass the path of a file.')
    }
    await using file = await open(path)
    const { size } = await file.stat()
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled)
      if (bytesRead === 0) return bytes.slice(0, filled)
      filled += bytesRead
    }
    return bytes
  } catch (error) {
    throw isUndiffuseError(error) ? error : unavailable('a readable file', path, error)
  }
}

/** Where a file is or would be, links followed. */
export async function placeOf(path: string): Promise<string> {
  const whole = resolve(path)
  const there = await realpath(whole).catch(() => undefined)
  if (there !== undefined) return there
  const folder = await realpath(dirname(whole)).catch(() => dirname(whole))
  return join(folder, basename(whole))
}

/** In a folder of its own among the system's temporary files. */
async function scratch(): Promise<ScratchFile> {
  const folder = await makeTemporaryFolder(tmpdir(), 'undiffuse-weights-').catch((error: unknown) => {
    throw unavailable('a folder for temporary files', tmpdir(), error)
  })
  const path = join(folder.path, 'weights')
  await writeFile(path, '')
  return {
    path,
    async write(offset, bytes) {
      try {
        await using file = await open(path, 'r+')
        for (let done = 0; done < bytes.length; ) {
          done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
        }
      } catch (error) {
        throw unavailable('room for temporary weights', path, error)
      }
    },
    remove: folder.remove,
  }
}

/** The host's files. Devices, pipes and folders count as no file; errors of the system are `unavailable`. */
export const nodeFiles: Files = {
  size: (path) =>
    ifPresent(path, async () => {
      const found = await stat(path)
      return found.isFile() ? found.size : undefined
    }),
  read,
  text: async (path) => decoder.decode(await read(path, 0, Number.POSITIVE_INFINITY)),
  decodeUtf8: (bytes) => decoder.decode(bytes),
  list: (folder) => ifPresent(folder, async () => (await readdir(folder)).sort()),
  placeOf,
  scratch,
  sha256: () => createHash('sha256'),
  join,
}
