/** How an edit has come out, as far as it can be told without looking at it. */
import { exactBlending } from '../../edit/methods/exact-blending.js'
import type { Tensor } from '../../math/tensor.js'
import type { Likeness } from '../../pictures/masked.js'
import { type Edited, seen } from './edit-one.js'
import { coverOf, isWide, percentOf } from './masks.js'

/**
 * Outside the mask, before the lock. Good edits had 36.9 to 39.9 dB there; things that were drawn anew elsewhere, and cut at the
 * mask's edge, 22.8 to 31.6, and 14 and 17 under masks that were too loose.
 */
const keptPsnrDb = 34

/** Whether the model drew more anew than the mask holds. */
const hasStrayed = (before: Pick<Likeness, 'psnrDb'> | undefined): boolean =>
  before !== undefined && before.psnrDb < keptPsnrDb

/** Steps across the mask's edge are larger than the source's by so many levels where one sees them: docs/editing.md. */
const seenSeamLevels = 8

/** A drawn mask that is larger is one of a background, around a thing that is kept, unless the thing moves. */
const mostOfAPicture = 0.5

type Drawn = Pick<Edited, 'drawnShare' | 'isMove'>

const isDrawnOfBackground = ({ drawnShare = 0, isMove }: Drawn): boolean => drawnShare > mostOfAPicture && !isMove

/** Changes of what lies around the thing. */
const aroundThings = ['backgrounds', 'textures']

/** Whether a mask that was found is of the background, as the words say. */
const isFoundOfBackground = ({ mask, drawnShare, change = '' }: Pick<Edited, 'mask' | 'drawnShare' | 'change'>) =>
  mask !== undefined && drawnShare === undefined && isWide(mask) && aroundThings.includes(change)

/** Whether a locked picture shows where the mask ends. The edge of a background's drawn mask is the thing's own. */
const hasSeam = (edited: Pick<Edited, 'seamLevels'> & Drawn): boolean =>
  (edited.seamLevels ?? 0) >= seenSeamLevels && !isDrawnOfBackground(edited)

/** Whether pieces that a move leaves in a drawn mask, and cuts at its edge, are told by themselves: the lock hides the rest. */
const isMoveMeasured = ({ drawnShare, isMove, seamLevels }: Pick<Edited, 'seamLevels'> & Drawn): boolean =>
  drawnShare !== undefined && isMove && seamLevels !== undefined

/** What there is to say of the mask's edge, and of what changed outside where nothing locks it. */
export function strayed(
  edited: Pick<Edited, 'seamLevels'> &
    Drawn & {
      readonly before?: Pick<Likeness, 'psnrDb'> | undefined
    },
  isLocked: boolean,
): readonly string[] {
  if (isLocked)
    return hasSeam(edited)
      ? [
          `At the mask's edge a cut may show: steps there are ${edited.seamLevels!.toFixed(0)} levels of 255 larger than in the source. Look at the sheet.`,
        ]
      : []
  return hasStrayed(edited.before)
    ? [
        'Outside the mask the picture changed too, and nothing locks it: the model drew that part anew. Look at the sheet.',
      ]
    : []
}

/** So many levels of 255 are seen; so small a share of a picture's values is not. */
const [seenLevels, unseenShare] = [16, 1e-3]

/** Whether an edit hardly changes the picture. */
function isUnseen(written: Tensor, source: Tensor): boolean {
  const [before, after] = [seen(source).data, seen(written).data]
  const changed = after.filter((value, i) => Math.abs(value - before[i]!) >= seenLevels * (2 / 255)).length
  return changed <= unseenShare * after.length
}

/** What there is to say where an edit hardly changes the picture: what may help, unless the model does not know it. */
export function unseen({
  written,
  source,
  knowledge,
}: Pick<Edited, 'written' | 'source' | 'knowledge'>): readonly string[] {
  if (!isUnseen(written, source)) return []
  const remedy = 'Edit the picture as the model made it, say all changes at once, or give a mask.'
  return [`The edit hardly changed it.${knowledge === 'hardly' ? '' : ` ${remedy}`}`]
}

export type Verdict = 'likely-to-miss' | 'look-closely' | 'nothing-odd'

const drewOutside = 'the model drew things outside the mask too'
const rimRemedies = {
  drawn: 'make the black part of the mask smaller',
  found: 'draw a mask whose black part is smaller than the thing',
}
const shadowOf = 'the shadow of the thing may keep some of the old texture'

/** What comes of a model that drew more anew than the mask holds: of the background's, at the thing's edge. */
function strayReason(edit: VerdictCase): string {
  const isDrawn = isDrawnOfBackground(edit)
  if (!isDrawn && !isFoundOfBackground(edit)) return drewOutside
  if (edit.change === 'textures') return shadowOf
  return `a rim of the old colour may show: ${rimRemedies[isDrawn ? 'drawn' : 'found']}`
}

/** The reasons that are there, each once. */
const reasonsOf = (reasons: readonly (readonly [isThere: boolean, reason: string])[]): readonly string[] => [
  ...new Set(reasons.filter(([isThere]) => isThere).map(([, reason]) => reason)),
]

/** The verdict on an edit, and what it comes from, the gravest alone. Everything that was noted as a doubt is in it. */
export function verdictOf(edit: VerdictCase): {
  readonly verdict: Verdict
  readonly verdictReasons: readonly string[]
} {
  const { knowledge, edited, mask, drawnShare, written, source, before, doubts } = edit
  const covers = mask && coverOf(mask)
  const doubted = (grave: boolean) =>
    doubts.filter(({ misses = false }) => misses === grave).map(({ reason }) => [true, reason] as const)
  const misses = reasonsOf([
    ...doubted(true),
    [knowledge === 'hardly', 'the model does not know such pictures'],
    [edited.outcome === 'diverged', 'the way back to the noise blew up'],
    [covers === 'nothing', 'nothing to change was found'],
    [covers !== 'nothing' && isUnseen(written, source), 'hardly a pixel changed'],
  ])
  if (misses.length > 0) return { verdict: 'likely-to-miss', verdictReasons: misses }
  const lesser = reasonsOf([
    ...doubted(false),
    [knowledge === 'in-part', 'the model may not know such pictures'],
    [solves(edited) && edited.outcome === 'exhausted', 'some steps back to the noise were not solved to the end'],
    [covers === 'everything' && drawnShare !== 1, 'nothing of the picture is kept'],
    [mask !== undefined && drawnShare === undefined && isWide(mask), `the mask covers ${mask && percentOf(mask)}`],
    [hasSeam(edit), "a cut may show at the mask's edge"],
    [hasStrayed(before) && !isMoveMeasured(edit), strayReason(edit)],
  ])
  return { verdict: lesser.length > 0 ? 'look-closely' : 'nothing-odd', verdictReasons: lesser }
}

type VerdictCase = Pick<
  Edited,
  'knowledge' | 'mask' | 'drawnShare' | 'change' | 'isMove' | 'written' | 'source' | 'before' | 'seamLevels' | 'doubts'
> & {
  readonly edited: Pick<Edited['edited'], 'outcome' | 'method'>
}

/** Other methods solve no step, and always end as `exhausted`. */
const solves = ({ method }: VerdictCase['edited']): boolean => method === exactBlending.definition.id
