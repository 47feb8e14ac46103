/** Files of a model's folder alone: links that lead out of it are refused, since somebody else may have made them. */
import { expected } from '../core/errors.js'
import type { Files } from './files.js'

/**
 * The same files, but a path below `root` must lie there when links are followed. In a hub's cache a snapshot may link to the
 * `blobs` beside it. Where the host knows no links, the files as they are.
 *
 * Errors: `bad-model` for a path that leads to another place, without a word of what is there.
 *
 * @example const config = await readConfig(insideOf(nodeFiles, 'models/sd21'), 'models/sd21/vae/config.json')
 */
export function insideOf(files: Files, root: string): Files {
  const { placeOf } = files
  if (!placeOf) return files
  let home: Promise<string> | undefined
  async function check(path: string): Promise<void> {
    home ??= placeOf!(root)
    const [inside, place] = await Promise.all([home, placeOf!(path)])
    if (place === inside || isBelow(place, inside) || isBlobOf(place, inside)) return
    throw expected(
      'bad-model',
      "files in the model's own folder",
      `\`${path}\``,
      'a link to another place',
      'Put the file itself there.',
    )
  }
  return {
    ...files,
    async size(path) {
      await check(path)
      return await files.size(path)
    },
    async read(path, offset, length) {
      await check(path)
      return await files.read(path, offset, length)
    },
    async text(path) {
      await check(path)
      return await files.text(path)
    },
    async list(folder) {
      await check(folder)
      return await files.list(folder)
    },
  }
}

const separators = /[\\/]/

const isBelow = (place: string, folder: string): boolean =>
  place.startsWith(folder) && (separators.test(place[folder.length]!) || separators.test(folder.at(-1)!))

/** …/blobs/name of a snapshot …/snapshots/revision. */
function isBlobOf(place: string, inside: string): boolean {
  const [blob] = /[\\/]blobs[\\/][^\\/]+$/.exec(place) ?? []
  if (blob === undefined) return false
  const [snapshot] = /[\\/]snapshots[\\/].*$/.exec(inside) ?? []
  return snapshot !== undefined && place.slice(0, -blob.length) === inside.slice(0, -snapshot.length)
}
