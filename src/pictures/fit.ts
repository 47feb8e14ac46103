/** Pictures whose sides are not multiples of what an autoencoder needs: refused, padded, cropped or resized. */
import { expected } from '../core/errors.js'
import { sameShape, type Tensor } from '../math/tensor.js'
import { region, resize } from './pixels.js'
import { planesOf, sizeText } from './planes.js'

export type Fit = 'refuse' | 'pad' | 'crop' | 'resize'

export interface Fitted {
  readonly image: Tensor
  /** A picture of the fitted size at the original size: what `pad` added is cut, `resize` is undone, `crop` stays. */
  restore(picture: Tensor): Tensor
}

/**
 * Makes both sides of a picture multiples of `multiple`.
 *
 * `refuse` accepts only a picture that fits already; `pad` repeats the right and bottom edge; `crop` cuts around the
 * centre; `resize` interpolates to the nearest multiple, which changes the aspect ratio by up to half a multiple.
 * Shapes channels × height × width. Throws `bad-shape` when refusing, or when a side is too short to crop.
 *
 * @example const { image, restore } = fitToMultiple(photo, 8, 'pad')
 */
export function fitToMultiple(image: Tensor, multiple: number, fit: Fit): Fitted {
  const { height, width } = planesOf(image.shape)
  const unchanged = (picture: Tensor) => picture
  const rounded = (round: (ratio: number) => number) =>
    [height, width].map((side) => round(side / multiple) * multiple) as [number, number]
  const refuse = (remedy: string) =>
    expected('bad-shape', `sides that are multiples of ${multiple}`, 'the picture', sizeText(image.shape), remedy)

  const [fullHeight, fullWidth] = rounded(Math.ceil)
  if (sameShape([fullHeight, fullWidth], [height, width])) return { image, restore: unchanged }
  if (fit === 'pad') {
    return {
      image: region(image, 0, 0, fullHeight, fullWidth),
      restore: (picture) => region(picture, 0, 0, height, width),
    }
  }
  if (fit === 'resize') {
    const [newHeight, newWidth] = rounded((ratio) => Math.max(Math.round(ratio), 1))
    return { image: resize(image, newHeight, newWidth), restore: (picture) => resize(picture, height, width) }
  }
  const [newHeight, newWidth] = rounded(Math.floor)
  if (fit === 'refuse') {
    throw refuse(`Pad to ${fullWidth}×${fullHeight}, crop or resize it.`)
  }
  if (newHeight === 0 || newWidth === 0) throw refuse('It is too small to crop; pad or resize it.')
  const top = Math.floor((height - newHeight) / 2)
  const left = Math.floor((width - newWidth) / 2)
  return { image: region(image, top, left, newHeight, newWidth), restore: unchanged }
}
