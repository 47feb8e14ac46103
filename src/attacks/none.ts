/** No attack: the row of a table to compare the others with. */
import { define } from '../core/define.js'
import { unchanged } from './parts/attack.js'

/**
 * Leaves the picture as it is.
 *
 * x′ = x, of 8-bit values: what publishing a picture without loss does. Cost: no network evaluations. Exact: equal in
 * every value to the rounded picture. Errors: as `attackPicture`. Source: ours.
 *
 * @example const same = await attackPicture(image, noAttack(), { pictures })
 */
export const noAttack = define({
  id: 'none',
  title: 'No attack',
  source: 'undiffuse',
  fields: {},
  make: unchanged,
})
