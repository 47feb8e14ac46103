/** Pictures whose sides are not multiples of what an autoencoder needs: refused, padded, cropped or resized. */
import { expected } from '../core/errors.js'
import type { Tensor } from '../math/tensor.js'
import { region, resize } from './pixels.js'
import { planesOf, sizeText } from './planes.js'

export type Fit = 'refuse' | 'pad' | 'crop' | 'resize'

export interface Fitted {
  readonly image: Tensor
  /** A picture of the fitted size at the original size: what `pad` added is cut, `resize` is undone, `crop` stays. */
  restore(picture: Tensor): Tensor
}

/** Height and width in pixels. */
interface Sides {
  readonly height: number
  readonly width: number
}

/** The sides of a picture that `fitToMultiple` has fitted, from its own sides alone. Throws `bad-shape` likewise. */
export function fittedSides({ height, width }: Sides, multiple: number, fit: Fit): Sides {
  const rounded = (round: (ratio: number) => number): Sides => ({
    height: round(height / multiple) * multiple,
    width: round(width / multiple) * multiple,
  })
  const refuse = (remedy: string) =>
    expected('bad-shape', `sides that are multiples of ${multiple}`, 'the picture', sizeText({ height, width }), remedy)
  const padded = rounded(Math.ceil)
  if (padded.height === height && padded.width === width) return { height, width }
  switch (fit) {
    case 'pad':
      return padded
    case 'resize':
      return rounded((ratio) => Math.max(Math.round(ratio), 1))
    case 'refuse':
      throw refuse(`Pad to ${sizeText(padded)}, crop or resize it.`)
    case 'crop': {
      const cut = rounded(Math.floor)
      if (cut.height === 0 || cut.width === 0) throw refuse('It is too small to crop; pad or resize it.')
      return cut
    }
  }
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
  const sides = fittedSides({ height, width }, multiple, fit)
  const unchanged = (picture: Tensor) => picture
  if (sides.height === height && sides.width === width) return { image, restore: unchanged }
  if (fit === 'pad') {
    return {
      image: region(image, 0, 0, sides.height, sides.width),
      restore: (picture) => region(picture, 0, 0, height, width),
    }
  }
  if (fit === 'resize') {
    return { image: resize(image, sides.height, sides.width), restore: (picture) => resize(picture, height, width) }
  }
  const top = Math.floor((height - sides.height) / 2)
  const left = Math.floor((width - sides.width) / 2)
  return { image: region(image, top, left, sides.height, sides.width), restore: unchanged }
}
