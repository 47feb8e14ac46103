/** The pictures that a command line names: read, checked to be of one size, and fitted to what a model takes. */
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { expected, type Fit, type Fitted, fitToMultiple, formatShape, sameShape, type Tensor } from 'undiffuse'
import { isContactSheet, nodeFiles, readImage } from 'undiffuse/node'
import type { Terminal } from './terminal.js'
import { plural } from './words.js'

const endings = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif']

export interface NamedPicture {
  readonly path: string
  readonly image: Tensor
  /** What reading changed, as sentences for people. */
  readonly notes: readonly string[]
}

/**
 * A folder stands for the pictures in it, `frame2` before `frame10`, without the contact sheets that commands wrote there;
 * `io` is told how many those are. Any other path stands for itself.
 */
export async function picturesIn(path: string, io?: Pick<Terminal, 'say'>): Promise<readonly string[]> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) return [path]
  const names = ((await nodeFiles.list(path)) ?? []).filter((name) => endings.includes(extname(name).toLowerCase()))
  const files: string[] = []
  for (const name of names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
    const file = nodeFiles.join(path, name)
    if (!(await isContactSheet(file))) files.push(file)
  }
  const sheets = names.length - files.length
  if (sheets > 0) io?.say(`Left out ${plural(sheets, 'contact sheet')} in \`${path}\`; name one to read it.`)
  if (files.length > 0) return files
  const got = sheets > 0 ? 'a folder of contact sheets' : 'a folder without pictures'
  throw expected('bad-image', 'a picture or a folder of pictures', `\`${path}\``, got, 'Check the path.')
}

/** The files that are named: pictures, and those in folders. Throws `bad-image` for a folder without any. */
export const pictureFiles = async (paths: readonly string[], io?: Pick<Terminal, 'say'>): Promise<readonly string[]> =>
  (await Promise.all(paths.map((path) => picturesIn(path, io)))).flat()

/** Reads pictures that are inverted together. Throws `bad-image` as `readImage` does, `bad-shape` when sizes differ. */
export async function readPictures(
  paths: readonly string[],
  io: Pick<Terminal, 'say' | 'signal'>,
): Promise<readonly NamedPicture[]> {
  const pictures: NamedPicture[] = []
  for (const path of await pictureFiles(paths, io)) {
    io.signal.throwIfAborted()
    const picture = { path, ...(await readImage(path)) }
    const { shape } = (pictures[0] ?? picture).image
    if (!sameShape(picture.image.shape, shape)) {
      throw expected(
        'bad-shape',
        `frames of one size, ${formatShape(shape)} as the first has,`,
        `\`${basename(path)}\``,
        formatShape(picture.image.shape),
        'Invert pictures of different sizes one at a time.',
      )
    }
    pictures.push(picture)
  }
  return pictures
}

/**
 * Fits a picture to a model. One with less than a latent entry's worth of pixels along a side is refused unless it is
 * resized: padding would be most of what is inverted.
 */
export function fitPicture({ path, image }: NamedPicture, multiple: number, fit: Fit): Fitted {
  const [, height, width] = image.shape as [number, number, number]
  if (fit !== 'resize' && Math.min(height, width) < multiple) {
    throw expected(
      'bad-shape',
      `sides of at least ${multiple} pixels`,
      `\`${basename(path)}\``,
      `${width}×${height}`,
      'Enlarge the picture, or pass `--fit resize`.',
    )
  }
  return fitToMultiple(image, multiple, fit)
}
