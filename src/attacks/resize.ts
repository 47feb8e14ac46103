/** Fewer pixels and back: fine detail goes, everything stays where it was. */
import { define } from '../core/define.js'
import { resize, round8 } from '../pictures/pixels.js'
import { planesOf } from '../pictures/planes.js'
import { pixelAttack } from './parts/attack.js'

/**
 * Shrinks the picture by a factor and enlarges it to its size again.
 *
 * x′ = enlarge(shrink(x; round(factor·H) × round(factor·W)); H × W), at least one pixel a side, 8 bits between. Centres
 * stay in place. Cost: no network evaluations. Exact: the picture itself at factor 1. Errors: as `attackPicture`.
 * Source: Pillow's BILINEAR, as torchvision resizes: linear when enlarging, a triangle over as many pixels when
 * shrinking. Yang et al., CVPR 2024 (Gaussian Shading): factor 0.25; OmniSeal Bench: 0.32 to 1.
 *
 * @example const attacked = await attackPicture(image, resizeAttack({ factor: 0.25 }), { pictures })
 */
export const resizeAttack = define({
  id: 'resize',
  title: 'Resize and back',
  source: 'Pillow resize; Yang et al., CVPR 2024 (0.25)',
  also: { resized: 'resize', scale: 'resize', scaled: 'resize', rescale: 'resize', downscale: 'resize' },
  fields: {
    factor: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.25,
      unit: 'of a side',
      description: 'Of the shrunken picture: less is stronger, 1 changes nothing.',
    },
  },
  make: ({ factor }) =>
    pixelAttack('resize', (image) => {
      const { height, width } = planesOf(image.shape)
      const shrunken = (side: number) => Math.max(1, Math.round(factor * side))
      return resize(round8(resize(image, shrunken(height), shrunken(width))), height, width)
    }),
})
