/** A hole in the picture: the opposite of a crop. */
import { define } from '../core/define.js'
import { pixelAttack } from './parts/attack.js'
import { filled, fillField, pasted, windowFields, windowOf } from './parts/window.js'

/**
 * Fills a rectangle of the picture.
 *
 * x′ = the fill inside the rectangle, x outside; its sides are √share of the picture's at ratio 1. The rectangle's place
 * is drawn by the seed. Cost: no network evaluations. Exact: pixels outside keep their values; the picture itself at
 * share 0. Errors: as `attackPicture`. Source: torchvision's RandomErasing; WAVES (An et al., ICML 2024), share 0 to 0.25,
 * the default its strongest. Gaussian Shading's random drop removes 0.8 of each side, share 0.64.
 *
 * @example const attacked = await attackPicture(image, eraseAttack({ share: 0.1 }), { pictures, seed: 3 })
 */
export const eraseAttack = define({
  id: 'erase',
  title: 'Erase a rectangle',
  source: 'torchvision RandomErasing; An et al., ICML 2024',
  fields: {
    ...windowFields,
    share: { ...windowFields.share, default: 0.25, description: 'What is erased: more is stronger.' },
    fill: fillField,
  },
  make: ({ fill, ...window }) =>
    pixelAttack('erase', (image, _, random) =>
      pasted(filled(image, fill), image, windowOf(image.shape, window, random)),
    ),
})
