/** A part of the picture, enlarged: everything moves. */
import { define } from '../core/define.js'
import { region, resize } from '../pictures/pixels.js'
import { planesOf } from '../pictures/planes.js'
import { pixelAttack } from './parts/attack.js'
import { windowFields, windowOf } from './parts/window.js'

/**
 * Cuts a rectangle out of the picture and stretches it to the picture's size.
 *
 * x′ = enlarge(x[rectangle]; H × W), linear interpolation. Its sides are √(share/ratio) of the height and √(share·ratio)
 * of the width, at most all of it, at least a pixel; its place is drawn by the seed. Cost: no network evaluations. Exact:
 * the picture itself at share 1, ratio 1. Errors: as `attackPicture`.
 * Source: torchvision's RandomResizedCrop, whose ratio is that of pixels: on square pictures the same. Tree-Ring uses
 * scale 0.75, ratio 0.75, the defaults here: three quarters of the width and all of the height. WAVES: 1 to 0.5, ratio 1.
 *
 * @example const attacked = await attackPicture(image, cropResizeAttack({ share: 0.5, ratio: 1 }), { pictures, seed: 3 })
 */
export const cropResizeAttack = define({
  id: 'crop-resize',
  title: 'Crop and enlarge',
  source: 'torchvision RandomResizedCrop; Wen et al., NeurIPS 2023',
  fields: {
    ...windowFields,
    share: {
      ...windowFields.share,
      minimum: 0.01,
      default: 0.75,
      description: 'What is kept: less is stronger.',
    },
    ratio: { ...windowFields.ratio, default: 0.75 },
  },
  make: (window) =>
    pixelAttack('crop-resize', (image, _, random) => {
      const full = planesOf(image.shape)
      const { top, left, height, width } = windowOf(image.shape, window, random)
      const part = region(image, top, left, Math.max(1, height), Math.max(1, width))
      return resize(part, full.height, full.width)
    }),
})
