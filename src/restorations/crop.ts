/** A picture that is a part of another one: at its own scale, or enlarged to the whole's size. */
import { define } from '../core/define.js'
import type { Tensor } from '../math/tensor.js'
import { region, resize, type Window } from '../pictures/pixels.js'
import { planesOf, sizeText } from '../pictures/planes.js'
import { hasSize, limited, type PictureSize, type Restoration } from './parts/restoration.js'

/**
 * Puts the picture where it may have been cut out, its edges repeated outwards.
 *
 * A smaller picture is put at all places, `step` pixels apart. One that has the whole's size was enlarged. It is shrunk
 * to all heights and widths that are multiples of `step` less, down to the `share` of the area. Each of these is put at
 * all places. Cost: for 128 × 128 pixels and the defaults 13 candidates, or 113 where height and width were cut by
 * themselves. Exact: no; a place between two of them is up to half a step wrong. Errors: `bad-option` for more than
 * 4096 candidates. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoCrop({ share: 0.8 })] })
 */
export const undoCrop = define({
  id: 'crop',
  title: 'Put where it was cut out',
  source: 'ours',
  also: { cropped: 'crop', cropping: 'crop', cut: 'crop', 'cut-out': 'crop', cutout: 'crop' },
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
    takes: (given, size) => given.height <= size.height && given.width <= size.width,
    candidates(image, size) {
      const parts = hasSize(image, size) ? enlargedParts(size, share, step, proportions) : smallerPart(image, size)
      function* placed() {
        for (const part of parts) {
          for (const window of placesOf(part, size, step)) {
            yield { undone: undoneText(window), picture: () => putBack(image, window, size) }
          }
        }
      }
      return limited(placed(), 'crop')
    },
  }),
})

const undoneText = (window: Window) => `put back as ${sizeText(window)} at (${window.left}, ${window.top})`

function smallerPart(image: Tensor, size: PictureSize): readonly PictureSize[] {
  const { height, width } = planesOf(image.shape)
  return height <= size.height && width <= size.width ? [{ height, width }] : []
}

/** Sizes that an enlarged part may have had, the largest first. */
function* enlargedParts(
  { height, width }: PictureSize,
  share: number,
  step: number,
  proportions: 'kept' | 'free',
): Iterable<PictureSize> {
  for (let kept = height; kept > 0; kept -= step) {
    const widest = proportions === 'kept' ? Math.round((kept * width) / height) : width
    for (let across = widest; across > 0; across -= step) {
      if (kept * across < share * height * width) break
      if (kept !== height || across !== width) yield { height: kept, width: across }
      if (proportions === 'kept') break
    }
  }
}

/** Where a part of this size may lie: multiples of `step`, and as far as it goes. */
function* placesOf({ height, width }: PictureSize, size: PictureSize, step: number): Iterable<Window> {
  for (const top of offsets(size.height - height, step)) {
    for (const left of offsets(size.width - width, step)) yield { top, left, height, width }
  }
}

function* offsets(room: number, step: number): Iterable<number> {
  for (let offset = 0; offset < room; offset += step) yield offset
  yield room
}

function putBack(image: Tensor, { top, left, height, width }: Window, size: PictureSize): Tensor {
  return region(resize(image, height, width), -top, -left, size.height, size.width)
}
