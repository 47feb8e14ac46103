/** Pictures whose sides an autoencoder does not take, no multiples or too long: refused, padded, cropped or resized. */
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

/** What an autoencoder takes: multiples of a number, up to another. */
export interface TakenSides {
  readonly multiple: number
  readonly largest?: number
}

/** The sides of a picture that `fitToMultiple` has fitted, from its own sides alone. Throws `bad-shape` likewise. */
export function fittedSides({ height, width }: Sides, { multiple, largest }: TakenSides, fit: Fit): Sides {
  const most = Math.floor((largest ?? Number.POSITIVE_INFINITY) / multiple)
  const rounded = (round: (ratio: number) => number, scale = 1): Sides => ({
    height: Math.min(round((scale * height) / multiple), most) * multiple,
    width: Math.min(round((scale * width) / multiple), most) * multiple,
  })
  const refuse = (remedy: string, bound = '') => {
    const what = `sides that are multiples of ${multiple}${bound}`
    return expected('bad-shape', what, 'the picture', sizeText({ height, width }), remedy)
  }
  const isLarge = Math.max(height, width) > most * multiple
  if (isLarge && (fit === 'refuse' || fit === 'pad')) throw refuse('Resize it, or crop it.', ` up to ${largest}`)
  const padded = rounded(Math.ceil)
  if (padded.height === height && padded.width === width) return { height, width }
  switch (fit) {
    case 'pad':
      return padded
    case 'resize':
      return rounded(
        (ratio) => Math.max(Math.round(ratio), 1),
        Math.min(1, (most * multiple) / Math.max(height, width)),
      )
    case 'refuse':
      throw refuse(`Pad to ${sizeText(padded)}, crop or resize it.`)
    case 'crop': {
      const cut = rounded(Math.floor)
      if (cut.height === 0 || cut.width === 0) throw refuse('It is too small to crop; pad or resize it.')
      return cut
    }
  }
}

/** Brings a picture to one size: resized, or cut around its centre; undefined where it is too small for that, and otherwise. */
export function fitToSize(image: Tensor, { height, width }: Sides, fit: Fit): Tensor | undefined {
  const given = planesOf(image.shape)
  if (fit === 'resize') return resize(image, height, width)
  if (fit !== 'crop' || given.height < height || given.width < width) return undefined
  return region(image, Math.floor((given.height - height) / 2), Math.floor((given.width - width) / 2), height, width)
}

/**
 * Makes both sides of a picture multiples of `multiple`, and at most `largest`.
 *
 * `refuse` accepts only a picture that fits already; `pad` repeats the right and bottom edge; `crop` cuts around the
 * centre; `resize` interpolates to the nearest multiple, which changes the aspect ratio by up to half a multiple;
 * a larger picture is made smaller first. Shapes channels × height × width. Throws `bad-shape` when refusing, for a larger picture
 * that is to be padded, and when a side is too short to crop.
 *
 * @example const { image, restore } = fitToMultiple(photo, 8, 'pad')
 */
export function fitToMultiple(image: Tensor, multiple: number, fit: Fit, largest?: number): Fitted {
  const { height, width } = planesOf(image.shape)
  const sides = fittedSides({ height, width }, { multiple, ...(largest !== undefined && { largest }) }, fit)
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
