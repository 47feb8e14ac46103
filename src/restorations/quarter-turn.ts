/** A picture that was turned by right angles. */
import { define } from '../core/define.js'
import { quarterTurned } from '../pictures/motions.js'
import type { Restoration } from './parts/restoration.js'

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
  fields: {},
  make: (): Restoration => ({
    name: 'quarter-turn',
    candidates(image, { height, width }) {
      const [, imageHeight, imageWidth] = image.shape as [number, number, number]
      return quarters
        .filter((turns) => {
          const [turnedHeight, turnedWidth] = turns === 2 ? [imageHeight, imageWidth] : [imageWidth, imageHeight]
          return turnedHeight === height && turnedWidth === width
        })
        .map((turns) => ({ undone: `turned by ${90 * turns}°`, picture: () => quarterTurned(image, turns) }))
    },
  }),
})
