/** Out of focus: fine detail goes. */
import { define } from '../core/define.js'
import { expected } from '../core/errors.js'
import { pixelAttack } from './parts/attack.js'

/** What the library calls the least it can do. */
const leastSigma = 0.3

/**
 * Convolves the picture with a Gaussian.
 *
 * x′ = G ∗ x, G ∝ exp(−r²/2σ²), edges repeated outwards. Cost: no network evaluations. Exact: the picture itself at sigma
 * 0. Errors: as `attackPicture`; `bad-option` for a sigma between 0 and 0.3 pixels, which changes next to nothing.
 * Source: Pillow's GaussianBlur, whose radius is this sigma (three box filters there, the Gaussian itself here).
 * Tree-Ring: 4 pixels; WAVES: 0 to 20, both of 512: the same blur is four times as strong on pictures of 128 pixels.
 *
 * @example const attacked = await attackPicture(image, blurAttack({ sigma: 1 }), { pictures })
 */
export const blurAttack = define({
  id: 'blur',
  title: 'Gaussian blur',
  source: 'Pillow GaussianBlur; Wen et al., NeurIPS 2023 (4 pixels)',
  fields: {
    sigma: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 4,
      unit: 'pixels',
      description: 'Standard deviation, at least 0.3; 0 changes nothing.',
    },
  },
  make: ({ sigma }) => {
    if (sigma > 0 && sigma < leastSigma) {
      throw expected('bad-option', `0 or at least ${leastSigma}`, '`blur:sigma`', `${sigma}`, 'Leave it at 0.')
    }
    return pixelAttack('blur', (image, { pictures }) => (sigma === 0 ? image : pictures.blur(image, sigma)))
  },
})
