/** Away from the mean grey, or towards it. */
import { define } from '../core/define.js'
import { mean } from '../math/statistics.js'
import { map, tensor } from '../math/tensor.js'
import { round8 } from '../pictures/pixels.js'
import { factorField, pixelAttack } from './parts/attack.js'
import { lumaOf } from './parts/luma.js'

/**
 * Stretches the picture's values about its mean grey.
 *
 * x′ = m + factor·(x − m), m the mean of the luma, rounded to 8 bits. Cost: no network evaluations. Exact: the picture
 * itself at factor 1; what was clipped is lost. Errors: as `attackPicture`. Source: Pillow's ImageEnhance.Contrast (which
 * cuts fractions off where this rounds: one level at most). WAVES: factor 1 to 2, the default its strongest.
 *
 * @example const attacked = await attackPicture(image, contrastAttack({ factor: 1.5 }), { pictures })
 */
export const contrastAttack = define({
  id: 'contrast',
  title: 'Contrast',
  source: 'Pillow ImageEnhance; An et al., ICML 2024',
  fields: {
    factor: { ...factorField, description: 'Above 1 more contrast, below less, 0 plain grey.' },
  },
  make: ({ factor }) =>
    pixelAttack('contrast', (image) => {
      const grey = round8(tensor([], [mean(lumaOf(image).data)])).data[0]!
      return map(image, (value) => grey + factor * (value - grey))
    }),
})
