/** The pictures that a command line names: read, checked to be of one size, and fitted to what a model takes. */
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { expected, type Fit, type Fitted, fitToMultiple, formatShape, sameShape, type Tensor } from 'undiffuse'
import { nodeFiles, readImage } from 'undiffuse/node'

const endings = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif']

export interface NamedPicture {
  readonly path: string
  readonly image: Tensor
  /** What reading changed, as sentences for people. */
  readonly notes: readonly string[]
}

/** A folder stands for the pictures in it, `frame2` before `frame10`; any other path for itself. */
export async function picturesIn(path: string): Promise<readonly string[]> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) return [path]
  const names = ((await nodeFiles.list(path)) ?? []).filter((name) => endings.includes(extname(name).toLowerCase()))
  if (names.length === 0) {
    throw expected(
      'bad-image',
      'a picture or a folder of pictures',
      `\`${path}\``,
      'a folder without pictures',
      'Check the path.',
    )
  }
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => nodeFiles.join(path, name))
}

/** The files that are named: pictures, and those in folders. Throws `bad-image` for a folder without any. */
export const pictureFiles = async (paths: readonly string[]): Promise<readonly string[]> =>
  (await Promise.all(paths.map(picturesIn))).flat()

/** Reads pictures that are inverted together. Throws `bad-image` as `readImage` does, `bad-shape` when sizes differ. */
export async function readPictures(paths: readonly string[], signal: AbortSignal): Promise<readonly NamedPicture[]> {
  const pictures: NamedPicture[] = []
  for (const path of await pictureFiles(paths)) {
    signal.throwIfAborted()
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
