/** Mirrored: nothing is lost, everything moves. */
import { define } from '../core/define.js'
import { directions, mirrored } from '../pictures/motions.js'
import { pixelAttack } from './parts/attack.js'

/**
 * Mirrors the picture.
 *
 * x′(y, x) = x(y, W − 1 − x) for `horizontal`, x(H − 1 − y, x) for `vertical`. Cost: no network evaluations. Exact: twice
 * is the picture itself. Errors: as `attackPicture`. Source: OmniSeal Bench.
 *
 * @example const attacked = await attackPicture(image, flipAttack(), { pictures })
 */
export const flipAttack = define({
  id: 'flip',
  title: 'Flip',
  source: 'OmniSeal Bench',
  also: { mirror: 'flip', mirrored: 'flip', hflip: 'flip', vflip: 'flip', reflect: 'flip' },
  fields: {
    direction: {
      type: 'choice',
      choices: directions,
      default: 'horizontal',
      description: 'Left and right change places, or top and bottom.',
    },
  },
  make: ({ direction }) => pixelAttack('flip', (image) => mirrored(image, direction)),
})
