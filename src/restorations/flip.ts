/** A picture that was mirrored. */
import { define } from '../core/define.js'
import { directions, mirrored } from '../pictures/motions.js'
import { hasSize, type Restoration, sameSize } from './parts/restoration.js'

/**
 * Mirrors the picture back.
 *
 * Cost: one candidate. Exact: yes, where it was mirrored. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoFlip()] })
 */
export const undoFlip = define({
  id: 'flip',
  title: 'Mirrored back',
  source: 'ours',
  also: {
    mirror: 'flip',
    mirrored: 'flip',
    mirroring: 'flip',
    flipped: 'flip',
    reflect: 'flip',
    reflected: 'flip',
    hflip: 'flip',
    vflip: 'flip',
    horizontal: 'flip',
    vertical: 'flip',
  },
  fields: {
    direction: {
      type: 'choice',
      choices: directions,
      default: 'horizontal',
      description: 'Left and right change places, or top and bottom.',
    },
  },
  make: ({ direction }): Restoration => ({
    name: 'flip',
    takes: sameSize,
    candidates: (image, size) =>
      hasSize(image, size) ? [{ undone: `mirrored (${direction})`, picture: () => mirrored(image, direction) }] : [],
  }),
})
