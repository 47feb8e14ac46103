/** A picture that is a part of another one: at its own scale, or enlarged to the whole's size. */
import { define } from '../../core/define.js'
import { region, resize, type Window } from '../../math/pixels.js'
import type { Tensor } from '../../math/tensor.js'
import { hasSize, type PictureSize, type Restoration } from './restoration.js'

/**
 * Puts the picture where it may have been cut out, its edges repeated outwards.
 *
 * A smaller picture is put at all places, `step` pixels apart. One that has the whole's size was enlarged: it is shrunk to
 * all heights and widths that are multiples of `step` less, down to the `share` of the area, and put at all places. Cost: for
 * 128 × 128 pixels and the defaults 13 candidates, or 113 where height and width were cut by themselves. Exact: no; a place
 * between two of them is up to half a step wrong. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoCrop({ share: 0.8 })] })
 */
export const undoCrop = define({
  id: 'crop',
  title: 'Put where it was cut out',
  source: 'ours',
  fields: {
    share: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.7,
      unit: 'of the area',
      description: 'The least that an enlarged part may be of the whole.',
    },
    step: {
      type: 'integer',
      minimum: 1,
      default: 8,
      unit: 'pixels',
      description: 'Between places, and between sizes.',
    },
    proportions: {
      type: 'choice',
      choices: ['kept', 'free'],
      default: 'kept',
      description: 'Whether an enlarged part had the proportions of the whole.',
    },
  },
  make: ({ share, step, proportions }): Restoration => ({
    name: 'crop',
    candidates(image, size) {
      const parts = hasSize(image, size) ? enlargedParts(size, share, step, proportions) : [smallerPart(image, size)]
      return parts
        .flatMap((part) => (part ? placesOf(part, size, step) : []))
        .map((window) => ({ undone: undoneText(window), picture: () => placed(image, window, size) }))
    },
  }),
})

const undoneText = ({ top, left, height, width }: Window) => `put back as ${height}×${width} at (${top}, ${left})`

function smallerPart(image: Tensor, size: PictureSize): PictureSize | undefined {
  const [, height, width] = image.shape as [number, number, number]
  return height <= size.height && width <= size.width ? { height, width } : undefined
}

/** Sizes that an enlarged part may have had, the largest first. */
function enlargedParts(
  { height, width }: PictureSize,
  share: number,
  step: number,
  proportions: 'kept' | 'free',
): readonly PictureSize[] {
  const isEnough = (part: PictureSize) => part.height * part.width >= share * height * width
  const cut = (side: number) => Array.from({ length: Math.ceil(side / step) }, (_, i) => side - i * step)
  const parts =
    proportions === 'kept'
      ? cut(height).map((kept) => ({ height: kept, width: Math.round((kept * width) / height) }))
      : cut(height).flatMap((kept) => cut(width).map((across) => ({ height: kept, width: across })))
  return parts.filter((part) => isEnough(part) && !(part.height === height && part.width === width))
}

/** Where a part of this size may lie: multiples of `step`, and as far as it goes. */
function placesOf({ height, width }: PictureSize, size: PictureSize, step: number): readonly Window[] {
  const offsets = (room: number) => [...Array.from({ length: Math.ceil(room / step) }, (_, i) => i * step), room]
  return offsets(size.height - height).flatMap((top) =>
    offsets(size.width - width).map((left) => ({ top, left, height, width })),
  )
}

function placed(image: Tensor, { top, left, height, width }: Window, size: PictureSize): Tensor {
  return region(resize(image, height, width), -top, -left, size.height, size.width)
}
