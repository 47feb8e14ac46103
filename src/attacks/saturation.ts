/** More colour, or less. */
import { define } from '../core/define.js'
import { map } from '../math/tensor.js'
import { factorField, pixelAttack } from './parts/attack.js'
import { lumaOf } from './parts/luma.js'

/**
 * Stretches each pixel's colour about its own grey.
 *
 * x′ = L + factor·(x − L), L = 0.299·R + 0.587·G + 0.114·B (ITU-R BT.601), rounded to 8 bits. Cost: no network
 * evaluations. Exact: the picture itself at factor 1; what was clipped is lost. Errors: as `attackPicture`. Source:
 * Pillow's ImageEnhance.Color (which cuts fractions off where this rounds: one level at most). No paper's value.
 *
 * @example const attacked = await attackPicture(image, saturationAttack({ factor: 0 }), { pictures })
 */
export const saturationAttack = define({
  id: 'saturation',
  title: 'Saturation',
  source: 'Pillow ImageEnhance; OmniSeal Bench',
  fields: {
    factor: { ...factorField, description: 'Above 1 more colour, below less, 0 grey.' },
  },
  make: ({ factor }) =>
    pixelAttack('saturation', (image) => {
      const { data: grey } = lumaOf(image)
      return map(image, (value, i) => {
        const luma = grey[i % grey.length]!
        return luma + factor * (value - luma)
      })
    }),
})
