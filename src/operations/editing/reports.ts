/** What there is to say of an edit, as numbers, as sentences and as pictures side by side. */
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
import { verdictOf } from './verdict.js'

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
            seamLevels: finished.seamLevels ?? 0,
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
