/** Noise on every pixel, as from a camera in the dark. */
import { define } from '../core/define.js'
import { combine } from '../math/tensor.js'
import { pixelAttack } from './parts/attack.js'

/**
 * Adds Gaussian noise to every value of the picture.
 *
 * x′ = x + 2·deviation·ε, ε standard normal, drawn by the seed; 2 is the range of pixels. Cost: no network evaluations.
 * Exact: the picture itself at deviation 0. Errors: as `attackPicture`. Source: WAVES (An et al., ICML 2024), 0 to 0.1;
 * Tree-Ring: 0.1. Values beyond black and white are clipped, as in WAVES. The code of Tree-Ring and of Gaussian Shading
 * adds noise as bytes, which wrap around: a bright pixel may turn black there.
 *
 * @example const attacked = await attackPicture(image, noiseAttack({ deviation: 0.05 }), { pictures, seed: 3 })
 */
export const noiseAttack = define({
  id: 'noise',
  title: 'Gaussian noise',
  source: 'An et al., ICML 2024; Wen et al., NeurIPS 2023 (0.1)',
  fields: {
    deviation: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.1,
      unit: 'of the range',
      description: 'Standard deviation, over the range from black to white.',
    },
  },
  make: ({ deviation }) =>
    pixelAttack('noise', (image, _, random) => combine([1, image], [2 * deviation, random.noise(image.shape)])),
})
