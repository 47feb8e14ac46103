/** Which model a folder holds, told from its files: for results that must not be mixed with those of another. */
import { createHash } from 'node:crypto'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unavailable } from './failures.js'

/** Cards, pictures, logs and unfinished results may change. Weights may have any name: `weights.pb`, or a tensor's own. */
const besideModel = /\.(md|png|jpe?g|webp|gif|svg|pdf|jsonl|log|part|lock)$/i

/** Files up to so many bytes are read whole; of larger ones as many blocks, spread evenly from the first to the last. */
const [wholeBytes, blocks, blockBytes] = [2 ** 22, 64, 2 ** 16]

/**
 * 16 hexadecimal digits that are the same for a copy of a model's folder and others for another model.
 *
 * SHA-256 over names, sizes and contents, links followed; of large files 64 blocks of 64 KiB stand for the rest, for
 * training changes all weights. A change between those blocks alone is not seen; one of a few small layers may be
 * such. Hidden files, cards, pictures and logs do not count; any other file that is put there does. Cost: 4 MiB read for
 * each large file. Errors: `unavailable` for a folder or file that cannot be read.
 *
 * @example const model = await modelFingerprint('models/stable-diffusion-2-1')
 */
export async function modelFingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const fail = (error: unknown): never => {
    throw unavailable('a folder that can be read', folder, error)
  }
  for (const name of (await filesIn(folder).catch(fail)).toSorted()) {
    await hashFile(join(folder, name), (bytes) => hash.update(bytes), name).catch(fail)
  }
  return hash.digest('hex').slice(0, 16)
}

/** Paths below a folder, with `/` on every system. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.') && !besideModel.test(name))
  const found = names.map(async (name) => {
    const path = join(folder, name)
    const there = await stat(path)
    if (there.isDirectory()) return (await filesIn(path)).map((below) => `${name}/${below}`)
    return there.isFile() ? [name] : []
  })
  return (await Promise.all(found)).flat()
}

async function hashFile(path: string, update: (bytes: string | Uint8Array) => void, name: string): Promise<void> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    update(`${name} ${size}\n`)
    const [count, length] = size <= wholeBytes ? [1, size] : [blocks, blockBytes]
    for (let i = 0; i < count; i++) {
      const position = count === 1 ? 0 : Math.round((i / (count - 1)) * (size - length))
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
      update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
