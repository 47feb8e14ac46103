/** What may have been done to pictures, and is undone before they are read: one file for each, written out. Not a registry. */
import { parseAll } from '../core/define.js'
import { undoBorder } from './border.js'
import { undoCrop } from './crop.js'
import { undoFlip } from './flip.js'
import { composeRestorations, type Restoration } from './parts/restoration.js'
import { undoQuarterTurn } from './quarter-turn.js'
import { undoResize } from './resize.js'
import { undoRotation } from './rotation.js'

export {
  type Candidate,
  candidatesOf,
  composeRestorations,
  type PictureSize,
  type Restoration,
  sameSize,
} from './parts/restoration.js'
export { undoBorder, undoCrop, undoFlip, undoQuarterTurn, undoResize, undoRotation }

/** Restorations; the first is the default. */
export const restorations = [undoBorder, undoResize, undoFlip, undoQuarterTurn, undoRotation, undoCrop] as const

/**
 * A restoration from text: `id`, `id:name=value,name=value`, or several of them joined by `+`, the first of which is
 * undone first.
 *
 * Errors: `bad-option` as `parse`, for an unknown one, an unknown option or a value that does not fit.
 *
 * @example const restoration = parseRestorations('flip+rotation:range=5')
 */
export const parseRestorations = (text: string): Restoration => composeRestorations(parseAll(restorations, text))
