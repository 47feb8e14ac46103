/** Brighter or darker: what lies beyond white is lost. */
import { define } from '../core/define.js'
import { map } from '../math/tensor.js'
import { factorField, pixelAttack } from './parts/attack.js'

/**
 * Multiplies the light of the picture.
 *
 * v′ = factor·v with v = (x + 1)/2, clipped to white. Cost: no network evaluations. Exact: the picture itself at factor 1;
 * what was clipped is lost. Errors: as `attackPicture`. Source: Pillow's ImageEnhance.Brightness (which cuts fractions off
 * where this rounds: one level at most). WAVES: factor 1 to 2, the default its strongest. Tree-Ring's "brightness 6" is
 * torchvision's ColorJitter(6), which draws the factor between 0 and 7 for each picture: `factor=7,draw=uniform`.
 *
 * @example const attacked = await attackPicture(image, brightnessAttack({ factor: 1.5 }), { pictures })
 */
export const brightnessAttack = define({
  id: 'brightness',
  title: 'Brightness',
  source: 'Pillow ImageEnhance; An et al., ICML 2024',
  fields: {
    factor: { ...factorField, description: 'Above 1 brighter, below darker, 0 black.' },
    draw: {
      type: 'choice',
      choices: ['fixed', 'uniform'],
      default: 'fixed',
      description: 'The factor itself, or one between 0 and it, drawn by the seed.',
    },
  },
  make: ({ factor, draw }) =>
    pixelAttack('brightness', (image, _, random) => {
      const drawn = draw === 'fixed' ? factor : random.uniform(0, factor)
      return map(image, (value) => drawn * (value + 1) - 1)
    }),
})
