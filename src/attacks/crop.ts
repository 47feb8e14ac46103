/** A part of the picture on black, where it was: content is lost, nothing moves. */
import { define } from '../core/define.js'
import { pixelAttack } from './parts/attack.js'
import { filled, fillField, pasted, windowFields, windowOf } from './parts/window.js'

/**
 * Keeps a rectangle of the picture in its place and fills the rest.
 *
 * x′ = x inside the rectangle, the fill outside; its sides are √share of the picture's at ratio 1. The rectangle's place
 * is drawn by the seed. Cost: no network evaluations. Exact: kept pixels keep their values; the picture itself at share
 * 1. Errors: as `attackPicture`. Source: Yang et al., CVPR 2024 (Gaussian Shading), whose released code keeps 0.6 of each
 * side, share 0.36 here. Tree-Ring's crop is stretched to the old size: `crop-resize`.
 *
 * @example const attacked = await attackPicture(image, cropAttack({ share: 0.36 }), { pictures, seed: 3 })
 */
export const cropAttack = define({
  id: 'crop',
  title: 'Crop in place',
  source: 'Yang et al., CVPR 2024',
  also: { cropped: 'crop', cut: 'crop' },
  fields: {
    ...windowFields,
    share: { ...windowFields.share, default: 0.36, description: 'What is kept: less is stronger.' },
    fill: fillField,
  },
  make: ({ fill, ...window }) =>
    pixelAttack('crop', (image, _, random) =>
      pasted(image, filled(image, fill), windowOf(image.shape, window, random)),
    ),
})
