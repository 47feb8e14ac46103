/** A picture that was turned by right angles. */
import { define } from '../core/define.js'
import { quarterTurned } from '../pictures/motions.js'
import { hasSize, type Restoration, sameSize } from './parts/restoration.js'

const quarters = [1, 2, 3] as const

/**
 * Turns the picture by one, two and three right angles.
 *
 * Cost: three candidates for a square picture; otherwise those that have the right size, one or two. Exact: yes, where it
 * was turned so. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoQuarterTurn()] })
 */
export const undoQuarterTurn = define({
  id: 'quarter-turn',
  title: 'Right angles turned back',
  source: 'ours',
  also: {
    rotate: 'quarter-turn',
    rotated: 'quarter-turn',
    turn: 'quarter-turn',
    turned: 'quarter-turn',
    rot90: 'quarter-turn',
    '90': 'quarter-turn',
    '180': 'quarter-turn',
    '270': 'quarter-turn',
    orientation: 'quarter-turn',
  },
  fields: {},
  make: (): Restoration => ({
    name: 'quarter-turn',
    takes: (given, size) => sameSize(given, size) || sameSize(given, { height: size.width, width: size.height }),
    candidates(image, { height, width }) {
      const isUpright = hasSize(image, { height, width })
      const isLying = hasSize(image, { height: width, width: height })
      return quarters
        .filter((turns) => (turns === 2 ? isUpright : isLying))
        .map((turns) => ({ undone: `turned by ${90 * turns}°`, picture: () => quarterTurned(image, turns) }))
    },
  }),
})
