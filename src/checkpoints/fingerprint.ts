/** Which weights a folder holds, told from its files: for results that must not be mixed with those of other weights. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { expected } from '../core/errors.js'
import type { Files } from './files.js'
import { insideOf } from './inside.js'

/** What was measured of an autoencoder lies beside its model under this name. */
export const profileName = 'undiffuse-profile.json'
/** And the words that a small model was trained on under this one. */
export const vocabularyName = 'undiffuse-vocabulary.json'

/** Cards, pictures, logs and unfinished results may change. Weights may have any name: `weights.pb`, or a tensor's own. */
const besideModel = /\.(md|png|jpe?g|webp|gif|svg|pdf|jsonl|log|part|lock)$/i

/** Files up to so many bytes are read whole; of larger ones as many blocks, spread evenly from the first to the last. */
const [wholeBytes, blocks, blockBytes] = [2 ** 22, 64, 2 ** 16]

/**
 * 16 hexadecimal digits that are the same for a copy of a model's folder and others for another model.
 *
 * SHA-256 over names, sizes and contents, links followed; of large files 64 blocks of 64 KiB stand for the rest, for
 * training changes all weights. A change between those blocks alone is not seen; one of a few small layers may be
 * such. Hidden files, cards, pictures, logs, profiles and vocabularies do not count; any other file that is put there does. `parts` names the
 * subfolders that count, by default all of it. Cost: 4 MiB read for each large file. Errors: `unavailable` for a folder
 * or file that cannot be read.
 *
 * @example const model = await fingerprint(nodeFiles, 'models/stable-diffusion-2-1')
 */
export async function fingerprint(host: Files, folder: string, parts?: readonly string[]): Promise<string> {
  const files = insideOf(host, folder)
  const hash = host.sha256?.() ?? sha256.create()
  const inParts = (name: string) => parts === undefined || parts.some((part) => name.startsWith(`${part}/`))
  for (const name of (await filesIn(files, folder)).filter(inParts).toSorted()) {
    const path = files.join(folder, ...name.split('/'))
    const size = (await files.size(path))!
    hash.update(utf8ToBytes(`${name} ${size}\n`))
    const [count, length] = size <= wholeBytes ? [1, size] : [blocks, blockBytes]
    for (let i = 0; i < count; i++) {
      const position = count === 1 ? 0 : Math.round((i / (count - 1)) * (size - length))
      hash.update(await files.read(path, position, length))
    }
  }
  return bytesToHex(hash.digest()).slice(0, 16)
}

/** Paths below a folder, with `/` on every system. */
async function filesIn(files: Files, folder: string, above: readonly string[] = []): Promise<readonly string[]> {
  // A link to a folder above would be walked for ever.
  const place = (await files.placeOf?.(folder)) ?? folder
  if (above.includes(place)) return []
  const names = await files.list(folder)
  if (!names) {
    throw expected('unavailable', 'a folder that can be read', `\`${folder}\``, 'no such folder', 'Check the path.')
  }
  const counts = (name: string) =>
    !name.startsWith('.') && name !== profileName && name !== vocabularyName && !besideModel.test(name)
  const found = names.filter(counts).map(async (name) => {
    const path = files.join(folder, name)
    if ((await files.size(path)) !== undefined) return [name]
    if ((await files.list(path)) === undefined) return []
    return (await filesIn(files, path, [...above, place])).map((below) => `${name}/${below}`)
  })
  return (await Promise.all(found)).flat()
}
