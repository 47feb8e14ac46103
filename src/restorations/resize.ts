/** A picture that was shrunk or enlarged as a whole. */
import { define } from '../core/define.js'
import { resize } from '../pictures/pixels.js'
import { planesOf, sizeText } from '../pictures/planes.js'
import { hasSize, type Restoration, sameSize } from './parts/restoration.js'

/**
 * Brings a picture of another size to the size that the key marks.
 *
 * Linear interpolation, a triangle when shrinking; the aspect ratio becomes the key's. Cost: one candidate, none for a
 * picture that has the size. Exact: no. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoResize()] })
 */
export const undoResize = define({
  id: 'resize',
  title: 'Size restored',
  source: 'ours',
  also: {
    resized: 'resize',
    scale: 'resize',
    scaled: 'resize',
    rescale: 'resize',
    rescaled: 'resize',
    upscale: 'resize',
    upscaled: 'resize',
    downscale: 'resize',
    downscaled: 'resize',
    zoom: 'resize',
  },
  fields: {},
  make: (): Restoration => ({
    name: 'resize',
    takes: (given, size) => !sameSize(given, size),
    candidates: (image, size) =>
      hasSize(image, size)
        ? []
        : [
            {
              undone: `resized from ${sizeText(planesOf(image.shape))}`,
              picture: () => resize(image, size.height, size.width),
            },
          ],
  }),
})
