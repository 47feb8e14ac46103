/** What there is to say of an edit, as numbers, as sentences and as pictures side by side. */
import { exactBlending } from '../../edit/methods/exact-blending.js'
import type { Tensor } from '../../math/tensor.js'
import type { Likeness } from '../../pictures/masked.js'
import { errorMap } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'
import type { NamedPicture } from '../files/pictures.js'
import type { Held, Host, NetworkCost, OperationModel } from '../host.js'
import { bitsReport } from '../recipes/networks.js'
import { completed, type Plan, pictureTexts, trueGuidanceOf } from '../recipes/recipe.js'
import { backgroundReport, backgroundText } from '../reports/background.js'
import { errorGain, inRows } from '../reports/cells.js'
import { costReport, latentReport } from '../reports/numbers.js'
import { type Edited, seen } from './edit-one.js'
import type { EditOutputs, EditSettings } from './fields.js'
import { asPicture, coverOf, shareOf } from './masks.js'

/** Of the sheet: two rows of two fit a screen, and one of three. */
const columns = 3

/** Everything that the report says. */
export interface FinishedEdit extends Edited {
  readonly settings: EditSettings
  readonly model: string
  readonly notes: readonly string[]
  /** Outside the mask, in the bytes that are written. */
  readonly after?: Likeness
  readonly outputs: EditOutputs
  readonly seconds: number
  readonly cost: NetworkCost
}

/** A PSNR of equal backgrounds is infinite. */
export function reportOf(finished: FinishedEdit) {
  const {
    settings,
    model,
    notes,
    edited,
    written,
    before,
    after,
    mask,
    drawnShare,
    maskNotes,
    outputs,
    seconds,
    cost,
  } = finished
  const { height, width } = planesOf(written.shape)
  const { lockBackground = true, backgroundBound = 0 } = settings
  return {
    model,
    picture: settings.picture,
    ...verdictOf(finished),
    known: finished.knowledge,
    notes,
    from: settings.from,
    to: settings.to,
    negativePrompt: settings.negative ?? null,
    method: settings.method.text,
    guidance: edited.guidance,
    ...trueGuidanceOf(settings),
    solver: settings.solver ?? edited.solver,
    steps: edited.grid.length - 1,
    plannedSteps: finished.plannedSteps,
    ...bitsReport(settings),
    device: settings.device ?? 'cpu',
    widthPixels: width,
    heightPixels: height,
    exact: edited.exact,
    outcome: edited.outcome,
    latent: edited.decoder ? latentReport(edited.decoder, finished.decoderSeconds) : null,
    mask: mask
      ? {
          given: settings.mask ?? null,
          drawnShareOfPixels: drawnShare ?? null,
          shareOfPixels: shareOf(mask),
          covers: coverOf(mask),
          notes: maskNotes,
        }
      : null,
    backgroundBefore: before ? backgroundReport(before) : null,
    background: after ? backgroundReport(after) : null,
    lock:
      lockBackground && after
        ? {
            boundLevels: backgroundBound,
            featherPixels: finished.featherPixels,
            largestLevels: after.largestLevels,
            largestLevelsBefore: before?.largestLevels ?? 0,
          }
        : null,
    evaluations: edited.evaluations,
    ...costReport(seconds, cost),
    outputs,
  }
}

export type EditReport = ReturnType<typeof reportOf>

/** The texts of the edited picture. */
export async function textsOf(
  { from, method }: EditSettings,
  plan: Plan,
  { model, identity }: Held<OperationModel>,
): Promise<Readonly<Record<string, string>>> {
  const more = { editedFrom: from, editMethod: method.text }
  return pictureTexts({ model: model.name, identity: await identity(), recipe: completed(plan, model), more })
}

const maskLabels = {
  part: 'white may change, black is kept',
  everything: 'everything may change: nothing is kept',
  nothing: 'nothing may change',
}

/** Source, mask, edit, difference. */
export function sheetOf({ settings, source, mask, written, after, model }: FinishedEdit, { pictures }: Host) {
  const outside = after ? [`outside the mask: ${backgroundText(after)}`] : []
  const cells = [
    { image: seen(source), label: `source\n${settings.from}` },
    ...(mask ? [{ image: asPicture(mask), label: `mask\n${maskLabels[coverOf(mask)]}` }] : []),
    { image: seen(written), label: `edited\n${settings.to}\n${settings.method.text}` },
    {
      image: errorMap(seen(written), seen(source), errorGain),
      label: [`difference × ${errorGain}`, 'black is the same', ...outside].join('\n'),
    },
  ]
  return pictures.sheet(inRows(cells, columns), {
    title: `${model}: ${settings.from} → ${settings.to}`,
    cellSize: 256,
  })
}

/** Of pictures that reading changed. */
const asRead = 'What is kept is the picture as it was read.'

/** What reading changed, and what is lost in the file that is written. */
export function losses({ notes, bits, metadata, credits, image }: NamedPicture): readonly string[] {
  // Opacity is kept, and bits are told by themselves.
  const harmless = (planesOf(image.shape).count === 4 ? 1 : 0) + (bits === undefined ? 0 : 1)
  return [
    ...notes,
    ...(bits === undefined ? [] : [`It is written with 8 of its ${bits} bits a channel.`]),
    ...(notes.length > harmless ? [asRead] : []),
    ...(metadata === undefined
      ? []
      : [
          `Its metadata (${metadata.join(', ')}) are not carried over${credits ? ', but for author and copyright' : ''}.`,
        ]),
  ]
}

/**
 * Outside the mask, before the lock. Good edits had 36.9 to 39.9 dB there; things that were drawn anew elsewhere, and cut at the
 * mask's edge, 22.8 to 31.6, and 14 and 17 under masks that were too loose.
 */
const keptPsnrDb = 34

/** What there is to say where the model drew more anew than the mask holds. */
const hasStrayed = (before: Pick<Likeness, 'psnrDb'> | undefined): boolean =>
  before !== undefined && before.psnrDb < keptPsnrDb

/** What there is to say where the model drew more anew than the mask holds: what a lock keeps comes first. */
export function strayed(before: Pick<Likeness, 'psnrDb'> | undefined, isLocked: boolean): readonly string[] {
  if (!hasStrayed(before)) return []
  return [
    isLocked
      ? "Outside the mask the pixels are kept. The model had drawn that part anew too: at the mask's edge a cut or a rim of the old colour may show. Look at the sheet."
      : 'Outside the mask the picture changed too, and nothing locks it: the model drew that part anew. Look at the sheet.',
  ]
}

/** So many levels of 255 are seen; so small a share of a picture's values is not. */
const [seenLevels, unseenShare] = [16, 1e-3]

/** Whether an edit hardly changes the picture. */
function isUnseen(written: Tensor, source: Tensor): boolean {
  const [before, after] = [seen(source).data, seen(written).data]
  const changed = after.filter((value, i) => Math.abs(value - before[i]!) >= seenLevels * (2 / 255)).length
  return changed <= unseenShare * after.length
}

/** What there is to say where an edit hardly changes the picture. */
export const unseen = (written: Tensor, source: Tensor): readonly string[] =>
  isUnseen(written, source)
    ? ['The edit hardly changed it. Edit the picture as the model made it, say all changes at once, or give a mask.']
    : []

/** How an edit has come out, as far as it can be told without looking at it. */
export type Verdict = 'likely-to-miss' | 'look-closely' | 'nothing-odd'

/** The reasons that are there. */
const reasonsOf = (reasons: readonly (readonly [isThere: boolean, reason: string])[]): readonly string[] =>
  reasons.filter(([isThere]) => isThere).map(([, reason]) => reason)

/** The verdict on an edit, and what it comes from, the gravest alone. */
export function verdictOf({ knowledge, edited, mask, drawnShare, written, source, before }: VerdictCase): {
  readonly verdict: Verdict
  readonly verdictReasons: readonly string[]
} {
  const covers = mask && coverOf(mask)
  const misses = reasonsOf([
    [knowledge === 'hardly', 'the model does not know such pictures'],
    [edited.outcome === 'diverged', 'the way back to the noise blew up'],
    [covers === 'nothing', 'nothing to change was found'],
    [covers !== 'nothing' && isUnseen(written, source), 'hardly a pixel changed'],
  ])
  if (misses.length > 0) return { verdict: 'likely-to-miss', verdictReasons: misses }
  const doubts = reasonsOf([
    [knowledge === 'in-part', 'the model may not know such pictures'],
    [solves(edited) && edited.outcome === 'exhausted', 'some steps back to the noise were not solved to the end'],
    [covers === 'everything' && drawnShare !== 1, 'nothing of the picture is kept'],
    [hasStrayed(before), 'the model drew things outside the mask too'],
  ])
  return { verdict: doubts.length > 0 ? 'look-closely' : 'nothing-odd', verdictReasons: doubts }
}

type VerdictCase = Pick<Edited, 'knowledge' | 'mask' | 'drawnShare' | 'written' | 'source' | 'before'> & {
  readonly edited: Pick<Edited['edited'], 'outcome' | 'method'>
}

/** Other methods solve no step, and always end as `exhausted`. */
const solves = ({ method }: VerdictCase['edited']): boolean => method === exactBlending.definition.id
