/** `edit`: reads a picture and a mask, edits, locks and checks the background, and writes. The methods are the library's. */

import type { DecoderInverter } from '../autoencoder/autoencoder.js'
import { edits } from '../catalog.js'
import { expected } from '../core/errors.js'
import { plural } from '../core/plural.js'
import type { Signal, Steps } from '../core/progress.js'
import { checkEditable, type Edit, edit } from '../edit/edit.js'
import { lockBackground } from '../edit/masks/lock-background.js'
import { checkMask } from '../edit/masks/mask.js'
import { changedTexts } from '../edit/masks/words.js'
import { map, type Tensor, tensor } from '../math/tensor.js'
import { sidesOf } from '../model/layout.js'
import { knowsNone, strangeWords } from '../model/vocabulary.js'
import type { Fit } from '../pictures/fit.js'
import { type Likeness, likenessOutside } from '../pictures/masked.js'
import { errorMap, psnrDb, round8 } from '../pictures/pixels.js'
import { planesOf, sizeText } from '../pictures/planes.js'
import { laidOn, lifted } from '../pictures/transparency.js'
import type { PictureSize } from '../restorations/index.js'
import { methodField, type Settings, setting } from './fields.js'
import { checkEnding, jsonText, prepareOutputs, reportField, resultPath, sheetField } from './files/outputs.js'
import { lastName, withoutEnding } from './files/paths.js'
import {
  checkPicture,
  fitPicture,
  fittedSize,
  listPictures,
  type MeasuredPicture,
  measurePictures,
  type NamedPicture,
  readPicture,
} from './files/pictures.js'
import {
  type FileContent,
  type Held,
  type Host,
  type HostPictures,
  type NetworkCost,
  type Note,
  type OperationModel,
  standardStream,
} from './host.js'
import { noted, notedOf, operation, partOf, type Running, type Told } from './operation.js'
import { bitsReport, decoderFields, networkFields } from './recipes/networks.js'
import {
  completed,
  isFlow,
  notesOnTexts,
  type Plan,
  pictureRecipeField,
  pictureTexts,
  planOf,
  recipeFields,
  samplingOf,
  schedulerSolver,
  trueGuidanceOf,
} from './recipes/recipe.js'
import { backgroundReport, backgroundText } from './reports/background.js'
import { errorGain, inRows } from './reports/cells.js'
import { costReport, latentReport } from './reports/numbers.js'
import { timedDecoder } from './timed.js'

/** Pixels. In a mask that is kept as drawn a wide seam would leave a ring of what was there. */
const [usualFeather, drawnFeather] = [8, 2]
/** Of the sheet: two rows of two fit a screen, and one of three. */
const columns = 3

/** A grid whose steps can be undone, for schedules that a flow does not have. */
const undoableSolver = 'ddim:spacing=lambda'

const solverOf = (model: OperationModel): string => (isFlow(model) ? schedulerSolver : undoableSolver)

const fields = {
  picture: { type: 'file', description: 'to be edited', subject: true, required: true, word: 'picture' },
  from: { type: 'string', description: 'what the picture shows', required: true },
  to: { type: 'string', description: 'what it is to show', required: true },
  method: methodField(edits, { description: 'how to edit', default: edits[0].definition.id }),
  mask: {
    type: 'file',
    description: 'white where the edit goes, kept as drawn (default: what the method finds)',
    word: 'picture',
  },
  lockBackground: {
    type: 'boolean',
    description: 'keep the pixels outside the mask, checked in the file (default: where there is a mask)',
    off: 'let the pixels outside the mask change a little, as the decoder draws them',
  },
  backgroundBound: {
    rare: true,
    type: 'integer',
    minimum: 0,
    maximum: 255,
    description: 'of the lock: largest 8-bit difference outside (default: 0)',
    word: 'levels',
  },
  feather: {
    rare: true,
    type: 'integer',
    minimum: 0,
    maximum: 1024,
    description: `of the lock: width of the seam, inside the mask (default: ${usualFeather}; ${drawnFeather} in a mask as drawn)`,
    word: 'pixels',
  },
  ...recipeFields,
  solver: {
    ...recipeFields.solver,
    rare: true,
    description: `how to sample (default: ${undoableSolver}; of flows the model's own)`,
  },
  ...networkFields,
  ...decoderFields,
  output: { type: 'file', default: 'edited.png', description: 'the edited picture, a .png file, or a folder' },
  sheet: sheetField,
  report: { ...reportField, description: 'where a sheet and all numbers go' },
  recipe: pictureRecipeField,
  saveMask: { rare: true, type: 'file', description: 'the mask that was used, a .png file' },
} as const

type EditSettings = Settings<typeof fields>

export interface EditOutputs {
  readonly picture: string
  readonly sheet?: string
  readonly report?: string
  readonly mask?: string
}

/** In the size of the picture that was given: it, the mask, and what is written, all in 8 bits. */
interface Edited {
  readonly edited: Edit
  /** Of finding the latent, a part of the edit. */
  readonly decoderSeconds: number
  readonly source: Tensor
  readonly mask?: Tensor
  /** Of the mask that was given, before it was grown. */
  readonly drawnShare?: number
  /** Of the lock's seam. */
  readonly featherPixels: number
  /** What reading the mask changed, and what is odd about it, as sentences for people. */
  readonly maskNotes: readonly string[]
  readonly written: Tensor
  /** Outside the mask, before the lock. */
  readonly before?: Likeness
}

/** Everything that the report says. */
interface FinishedEdit extends Edited {
  readonly settings: EditSettings
  readonly model: string
  readonly notes: readonly string[]
  /** Outside the mask, in the bytes that are written. */
  readonly after?: Likeness
  readonly outputs: EditOutputs
  readonly seconds: number
  readonly cost: NetworkCost
}

async function outputsOf(
  { output: stated, saveMask, sheet, report }: EditSettings,
  { files }: Host,
): Promise<EditOutputs> {
  const output = await resultPath(stated, fields.output.default, '.png', files)
  if (saveMask !== undefined) checkEnding(saveMask, '.png', 'saveMask')
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const stem = output === standardStream ? 'edited' : withoutEnding(files.nameOf(output))
  const besides = (ending: string) => (report === undefined ? undefined : files.join(report, `${stem}.${ending}`))
  const [pictures, numbers] = [sheet ?? besides('sheet.png'), besides('report.json')]
  return {
    picture: output,
    ...(pictures !== undefined && { sheet: pictures }),
    ...(numbers !== undefined && { report: numbers }),
    ...(saveMask !== undefined && { mask: saveMask }),
  }
}

/** Says before any work what makes no sense together. */
function checkLock({ lockBackground: locks, backgroundBound, feather, mask, saveMask, method }: EditSettings): void {
  const named = backgroundBound !== undefined ? 'backgroundBound' : feather !== undefined ? 'feather' : undefined
  if (locks === false && named) {
    const remedy = 'It says how the background is locked.'
    throw expected('bad-option', setting('lockBackground'), setting(named), 'none', remedy)
  }
  const needs = locks ? 'lockBackground' : (named ?? (saveMask === undefined ? undefined : 'saveMask'))
  if (needs === undefined || mask !== undefined || method.method.findsMask) return
  const asked = setting(needs)
  const remedy = `Pass ${setting('mask')}, or take \`exact-blending\`, which finds one.`
  throw expected('bad-option', 'a mask', asked, `\`${method.method.name}\` without one`, remedy)
}

/** Throws where both prompts have the same words and a mask is to be found: nothing tells where. */
function checkWords({ from, to, mask, method }: EditSettings): void {
  if (mask !== undefined || !method.method.findsMask || changedTexts(from, to).length > 0) return
  const what = `another word than in ${setting('from')}`
  throw expected('bad-option', what, setting('to'), `“${to}”`, 'Say what is to change.')
}

interface NotedMask {
  readonly mask: Tensor
  readonly notes: readonly string[]
}

/** Lightness from a tenth to nine tenths is grey. */
const greyRange = 0.4
/** So much of a mask may be the soft edges of what was drawn. */
const edgesShare = 0.02
const greyNote = (share: number) =>
  `${(100 * share).toFixed(0)} % of it are grey: 128 or more of 255 counts as white, the rest as black.`

const overThePicture = 'Draw it over the picture itself.'
const overTheShown =
  'The picture was turned upright as its EXIF orientation says: draw the mask over it as it is shown.'

/** A mask as it was drawn. Throws where it is not of the picture's size, or has no white, or no black that a lock could keep. */
async function readMask(path: string, { size }: MeasuredPicture, locks: boolean | undefined, pictures: HostPictures) {
  const [wanted, got] = [size, await pictures.measure(path)].map(sizeText)
  if (wanted !== got) {
    const remedy = size.turned ? overTheShown : overThePicture
    throw expected('bad-shape', `a mask of ${wanted}`, `\`${lastName(path)}\``, got!, remedy)
  }
  // What is transparent is not painted, and outside.
  const drawn = { path, ...(await pictures.read(path, { background: 'black' })) }
  const { mask } = maskOf(drawn)
  checkMask(mask, drawn.image.shape, setting('mask'))
  if (locks) checkOutside(mask, 'one without', 'Draw what is to be kept in black, or leave the lock out.')
  return drawn
}

/** White is 1. */
function maskOf({ image: { shape, data }, notes }: NamedPicture): NotedMask {
  const area = data.length / 3
  const lightness = (i: number) => (data[i]! + data[i + area]! + data[i + 2 * area]!) / 6 + 0.5
  const inside = Float64Array.from({ length: area }, (_, i) => (lightness(i) > 0.5 ? 1 : 0))
  const grey = inside.filter((_, i) => Math.abs(lightness(i) - 0.5) < greyRange).length / area
  return { mask: tensor([1, ...shape.slice(1)], inside), notes: grey > edgesShare ? [...notes, greyNote(grey)] : notes }
}

const coverOf = ({ data }: Tensor): 'part' | 'everything' | 'nothing' =>
  !data.includes(0) ? 'everything' : !data.includes(1) ? 'nothing' : 'part'

/** What is known of an edit when its mask is judged. */
interface EditCase {
  readonly given: Tensor | undefined
  /** Whether the model made the picture, as far as it can be seen. */
  readonly isOwn: boolean
  /** What kind of words alone changes, where the model tells kinds. */
  readonly change: string | undefined
}

/** The group of a small model's words that all changed ones are of. */
function changeOf({ from, to }: EditSettings, { vocabulary }: OperationModel): string | undefined {
  const changed = changedTexts(from, to).join(' ')
  if (!vocabulary || changed === '') return undefined
  const groups = Object.entries(vocabulary.words)
  return groups.find(([, words]) => strangeWords(changed, { ...vocabulary, words: { words } }).length === 0)?.[0]
}

const drawing = `pass it as ${setting('mask')}`
const drawnOfAThing = `Draw what may change, the old and the new place of a thing that moves, and ${drawing}.`
const drawnOf: Readonly<Record<string, string>> = {
  places: `Draw the old and the new place of the thing, and ${drawing}.`,
  sizes: `Draw the larger of both sizes of the thing, and ${drawing}.`,
  textures: `For another texture pass ${setting('method', 'bdia-round-trip')}, or draw what may change and ${drawing}.`,
}

function remedyOf({ given, isOwn, change = '' }: EditCase): string {
  if (given) return 'Grow it less, with a smaller `dilation`.'
  const drawn = drawnOf[change] ?? drawnOfAThing
  return isOwn ? drawn : `${drawn} For a picture that this model did not make, try \`guideFrom=source\`.`
}

/** How much of a picture is inside. */
const shareOf = ({ data }: Tensor): number => data.filter((value) => value > 0.5).length / data.length

/** A found mask that is larger holds more than the thing that changes. */
const mostOfAThing = 0.5

/** A mask of everything leaves no background to lock, where that is asked for. */
function checkOutside(mask: Tensor, got: string, remedy: string): void {
  if (coverOf(mask) !== 'everything') return
  throw expected('bad-option', 'a mask with a black part', setting('lockBackground'), got, remedy)
}

/** What is odd about the mask that was used, found or given and grown. */
function oddities(mask: Tensor, known: EditCase): readonly string[] {
  const { given } = known
  const covers = coverOf(mask)
  if (covers === 'nothing') return [`Nothing to change was found: what is written shows the source. ${remedyOf(known)}`]
  if (covers === 'part') {
    const isWide = !given && shareOf(mask) > mostOfAThing
    return isWide ? [`It covers ${(100 * shareOf(mask)).toFixed(0)} % of the picture. ${remedyOf(known)}`] : []
  }
  const isDrawnSo = given && coverOf(given) === 'everything'
  return [`It covers the whole picture: nothing of the source was kept.${isDrawnSo ? '' : ` ${remedyOf(known)}`}`]
}

/**
 * What a file holds, decoded again, against the source outside the mask. Throws `runtime-failed` where an 8-bit value is
 * further from the source's than the bound.
 */
export async function checkedBackground(
  png: Uint8Array,
  { source, mask, boundLevels }: { readonly source: Tensor; readonly mask: Tensor; readonly boundLevels: number },
  pictures: Pick<HostPictures, 'decode'>,
): Promise<Likeness | undefined> {
  const { image } = await pictures.decode(png, 'the edited picture', { background: 'kept' })
  const outside = likenessOutside(mask, image, source)
  if (!outside || outside.largestLevels <= boundLevels) return outside
  throw expected(
    'runtime-failed',
    `pixels within ${plural(boundLevels, 'level')} of the source outside the mask`,
    setting('lockBackground'),
    `a difference of ${outside.largestLevels}`,
    'This is a defect; nothing was written. Please report it with the picture.',
  )
}

/** What a model sees of a picture that may be transparent. */
const seen = (picture: Tensor): Tensor => laidOn(picture, 'white')

async function* editOne(
  settings: EditSettings,
  { picture, drawn }: { readonly picture: NamedPicture; readonly drawn: NamedPicture | undefined },
  model: OperationModel,
  host: Host,
  signal: Signal | undefined,
): Steps<Edited, Told> {
  const { from, to, fit, method, backgroundBound, feather } = settings
  const locks = settings.lockBackground !== false
  const fitted = fitPicture({ ...picture, image: seen(picture.image) }, model.layout, fit)
  // The mask is fitted as the picture is, which may have cut it.
  const given = drawn && maskOf({ ...drawn, image: fitPicture(drawn, model.layout, fit).image })
  if (given) checkMask(given.mask, fitted.image.shape, setting('mask'))
  const { prompt: _, ...sampling } = samplingOf(planOf({ ...settings, prompt: from }), model)
  const shared = { ...sampling, model, from, to, method: method.method, mask: given?.mask, signal }
  const { decoder, seconds } = timedDecoder(settings.decoder.method, host)
  const judging = judgedAtOnce(decoder, picture.path)
  const result = yield* partOf(edit({ image: fitted.image }, { ...shared, decoder: judging }))
  const isOwn = saysItIsOf(picture, model) || (result.decoder?.psnrAfterDb ?? 0) >= likelyPsnrDb
  const known = { given: given?.mask, isOwn, change: changeOf(settings, model) }
  const restored = fitted.restore(result.image)
  // What `crop` has cut off is not there to compare with.
  const isWhole = sizeText(planesOf(restored.shape)) === sizeText(planesOf(picture.image.shape))
  const source = round8(isWhole ? picture.image : fitPicture(picture, model.layout, fit).image)
  const shown = round8(lifted(restored, source))
  const kept = result.mask && map(fitted.restore(result.mask), (value) => (value > 0.5 ? 1 : 0))
  if (kept && settings.lockBackground) {
    const got = `one that covers all, ${given ? 'once it is grown' : 'as it was found'}`
    checkOutside(kept, got, `${remedyOf(known)} Or leave the lock out.`)
  }
  const before = kept && likenessOutside(kept, shown, source)
  const drawnShare = given && shareOf(fitted.restore(given.mask))
  const isAsDrawn = kept && drawnShare === shareOf(kept)
  const featherPixels = feather ?? (isAsDrawn ? drawnFeather : usualFeather)
  const written =
    locks && kept
      ? lockBackground(shown, source, kept, {
          ...(backgroundBound !== undefined && { boundLevels: backgroundBound }),
          featherPixels,
        })
      : shown
  const maskNotes = [...(given?.notes ?? []), ...(kept ? oddities(kept, known) : [])]
  const found = { edited: result, decoderSeconds: seconds(), source, written, maskNotes, featherPixels }
  return {
    ...found,
    ...(drawnShare !== undefined && { drawnShare }),
    ...(kept && { mask: kept }),
    ...(before && { before }),
  }
}

/** A PSNR of equal backgrounds is infinite. */
function reportOf(finished: FinishedEdit) {
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
    notes,
    from: settings.from,
    to: settings.to,
    negativePrompt: settings.negative ?? null,
    method: settings.method.text,
    guidance: edited.guidance,
    ...trueGuidanceOf(settings),
    solver: settings.solver ?? edited.solver,
    steps: edited.grid.length - 1,
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
async function textsOf(
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
function sheetOf({ settings, source, mask, written, after, model }: FinishedEdit, { pictures }: Host) {
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

const asPicture = (mask: Tensor): Tensor => map(mask, (value) => 2 * value - 1)

/**
 * Of the latent's own picture and the given one: below the first, the picture is of a kind that the model was not trained on;
 * below the second it may be. The bundled model shows its own pictures at 63 dB and more, as JPEG of quality 60 at 34.7 and
 * more, a rendered scene at 33.3 and more; photographs at 20 to 28, a blurred one at 32.7.
 */
const [knownPsnrDb, likelyPsnrDb] = [27, 32]

const otherModel = `Pass a model of such pictures as ${setting('model')}: docs/your-own-model.md.`

/** Where the model cannot show the picture, it can hardly change it as asked. */
function unknownPicture(psnrDb: number): string | undefined {
  const shown = `The model shows it at ${psnrDb.toFixed(1)} dB only`
  if (psnrDb < knownPsnrDb) return `${shown}: it does not know such pictures, and the edit mostly misses. ${otherModel}`
  if (psnrDb < likelyPsnrDb) return `${shown}: it may not know such pictures. Look closely at the edit. ${otherModel}`
  return undefined
}

/** A decoder inversion that says how well the model knows such pictures as soon as it can be told. */
const judgedAtOnce = (decoder: DecoderInverter, about: string): DecoderInverter => ({
  ...decoder,
  async *invert(image, autoencoder) {
    const solution = yield* decoder.invert(image, autoencoder)
    const seen = round8(image)
    const psnrOf = async (latent: Tensor) => psnrDb(round8(await autoencoder.decode(latent)), seen)
    // Both are remembered, or asked for next, and the better one is taken.
    const [found, encoded] = [await psnrOf(solution.value), await psnrOf(await autoencoder.encode(image))]
    const said = unknownPicture(Number.isNaN(found) ? encoded : Math.max(found, encoded))
    if (said !== undefined) yield noted(about, said)
    return solution
  },
})

/** Whether a picture's file says that this model made it. */
const saysItIsOf = ({ texts }: NamedPicture, { name }: OperationModel): boolean =>
  texts?.Software === 'undiffuse' && texts.model === name

/** Of pictures that reading changed. */
const asRead = 'What is kept is the picture as it was read.'

/** What reading changed, and what is lost in the file that is written. */
function losses({ notes, bits, metadata, credits, image }: NamedPicture): readonly string[] {
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

/** Pictures of so many times the pixels of the model's own take long; a fraction of that is still quick. */
const [muchLarger, quickly] = [4, 3]
/** Smaller ones are no size that anybody trained on: the model does not tell it. */
const leastOwnSide = 64

/** Before a network runs: that a picture is far larger than those that the model was made for. */
function tooLarge(measured: MeasuredPicture, { layout }: OperationModel, fit: Fit): string | undefined {
  const own = sidesOf(layout, layout.picture)
  const taken = fittedSize(measured, layout, fit)
  const areaOf = ({ height, width }: PictureSize) => height * width
  const times = areaOf(taken) / areaOf(own)
  if (times < muchLarger || Math.min(own.height, own.width) < leastOwnSide) return undefined
  const scale = Math.sqrt(quickly / times)
  const side = (pixels: number) => layout.multiple * Math.max(1, Math.round((pixels * scale) / layout.multiple))
  const smaller = sizeText({ height: side(taken.height), width: side(taken.width) })
  return `The model was made for ${sizeText(own)}. This picture has ${Math.round(times)} times as many pixels, and time and memory grow with them. Reduce it first: ${smaller} is quick.`
}

/** The same steps; their notes are kept. */
async function* keepingNotes<T>(steps: Steps<T, Told>, kept: Note[]): Steps<T, Told> {
  try {
    while (true) {
      const { done, value } = await steps.next()
      if (done) return value
      if (value.note) kept.push(value.note)
      yield value
    }
  } finally {
    await steps.return(undefined as never)
  }
}

/** So many levels of 255 are seen; so small a share of a picture's values is not. */
const [seenLevels, unseenShare] = [16, 1e-3]

/** What there is to say where an edit hardly changes the picture. */
function unseen(written: Tensor, source: Tensor): readonly string[] {
  const [before, after] = [seen(source).data, seen(written).data]
  const changed = after.filter((value, i) => Math.abs(value - before[i]!) >= seenLevels * (2 / 255)).length
  if (changed > unseenShare * after.length) return []
  return ['The edit hardly changed it. Edit the picture as the model made it, say all changes at once, or give a mask.']
}

const nothingSaid = `${setting('from')} is empty: say what the picture shows, for the edit goes by what changes in the words.`

/** Throws for a folder of several pictures: masks and outputs are of one. */
function checkOne({ length }: readonly string[], { picture }: EditSettings): void {
  if (length === 1) return
  const remedy = 'Edit pictures one at a time.'
  throw expected('bad-option', 'one picture', `\`${picture}\``, plural(length, 'picture'), remedy)
}

/** Throws where the prompts differ in words alone that the model never saw: to it they say the same. */
function checkChange({ from, to }: EditSettings, { name, vocabulary }: OperationModel): void {
  const changed = changedTexts(from, to).join(' ')
  if (!vocabulary || !knowsNone(changed, vocabulary)) return
  const strange = strangeWords(changed, vocabulary).map((word) => `\`${word}\``)
  throw expected(
    'bad-option',
    `a word that it knows where ${setting('from')} and ${setting('to')} differ,`,
    `\`${name}\``,
    strange.join(', '),
    'The edit would do nothing: say the change in words of this model.',
    { hint: 'list-words' },
  )
}

async function* run(said: EditSettings, host: Host, signal?: Signal): Running<EditReport> {
  const told: Note[] = []
  return yield* keepingNotes(editing(said, host, signal, told), told)
}

/** Fails before the networks run where it can be known to fail. `told` are the notes so far. */
async function* editing(
  said: EditSettings,
  host: Host,
  signal: Signal | undefined,
  told: readonly Note[],
): Running<EditReport> {
  checkLock(said)
  checkWords(said)
  const outputs = await outputsOf(said, host)
  // A solver that there is not is refused before anything is opened.
  planOf(said)
  const listed = await listPictures([said.picture], host)
  checkOne(listed.paths, said)
  const measured = await measurePictures(listed.paths, host, signal)
  const { picture: output, mask: saved, sheet, report } = outputs
  await prepareOutputs(
    host.files,
    { 'settings.output': output, 'settings.saveMask': saved, 'settings.sheet': sheet, 'settings.report': report },
    { 'the picture': said.picture, 'settings.mask': said.mask },
  )
  const { mask: drawnPath, lockBackground: locks } = said
  const drawn = drawnPath === undefined ? undefined : await readMask(drawnPath, measured[0]!, locks, host.pictures)

  const held = await host.models.open(said)
  try {
    yield* notedOf(held)
    checkEditable(held.model)
    checkChange(said, held.model)
    const { name } = held.model
    const settings = { ...said, solver: said.solver ?? solverOf(held.model) }
    const plan = planOf({ ...settings, prompt: settings.to })
    const begin = host.now()
    checkPicture(measured[0]!, held.model, settings.fit, { encode: 1, decode: 1, denoise: 2 })
    const large = tooLarge(measured[0]!, held.model, settings.fit)
    if (large !== undefined) yield noted(measured[0]!.path, large)
    if (settings.from.trim() === '') yield noted(setting('from'), nothingSaid)
    yield* notesOnTexts([settings.from, settings.to, settings.negative], held.model, signal)
    const picture = await readPicture(measured[0]!.path, host, { background: 'kept' })
    const found = yield* editOne(settings, { picture, drawn }, held.model, host, signal)
    const seconds = host.now() - begin
    const { source, mask, written, maskNotes } = found
    const texts = settings.recipe ? await textsOf(settings, plan, held) : {}
    const png = await host.pictures.encode(written, { ...picture.credits, ...texts })
    const isLocked = settings.lockBackground !== false
    const boundLevels = isLocked ? (settings.backgroundBound ?? 0) : Number.POSITIVE_INFINITY
    const after = mask && (await checkedBackground(png, { source, mask, boundLevels }, host.pictures))
    const last = [...losses(picture), ...unseen(written, source)]
    const notes = [...told.map(({ text }) => text), ...last]
    const cost = await held.cost()
    const finished = { ...found, settings, model: name, notes, ...(after && { after }), outputs, seconds, cost }
    const result = reportOf(finished)
    const isMaskWritten = outputs.mask !== undefined && mask !== undefined
    const files: (readonly [string, FileContent])[] = [
      [outputs.picture, png],
      ...(sheet ? [[sheet, await sheetOf(finished, host)] as const] : []),
      ...(report ? [[report, jsonText(result)] as const] : []),
      ...(isMaskWritten ? [[outputs.mask, await host.pictures.encode(asPicture(mask))] as const] : []),
    ]
    await host.files.write(files)
    return {
      result,
      files: files.map(([path]) => path),
      notes: [
        ...told,
        ...last.map((text) => ({ about: picture.path, text })),
        ...maskNotes.map((text) => ({ about: 'the mask', text })),
      ],
    }
  } finally {
    await held.close()
  }
}

export const editOperation = operation({
  id: 'edit',
  title: 'change what a picture shows, and leave the rest alone',
  fields,
  run,
})
