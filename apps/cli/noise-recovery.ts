/**
 * How noise is recovered from the pictures of a survey. A calibration and the pictures that are judged by it must have all
 * of it in common.
 */
import { basename } from 'node:path'
import {
  candidatesOf,
  decoderInverters,
  expected,
  type Fit,
  type Fitted,
  type InvertAllOptions,
  inverters,
  naive,
  type OpenDiffusionModel,
  parse,
  parseRestorations,
  type Restoration,
  restorations,
  type Shape,
  undoRemedy,
  type WatermarkKey,
} from 'undiffuse'
import { modelFingerprint, readImage } from 'undiffuse/node'
import { type NetworkOptions, now } from './diffusion.js'
import { defaultDecoder } from './inversion.js'
import type { Settings } from './journal.js'
import { modelFolder } from './networks.js'
import { defaultInverter } from './noise-inversion.js'
import type { PictureSize } from './numbers.js'
import { fitPicture, type NamedPicture } from './pictures.js'
import {
  checkUndoable,
  completed,
  type Recipe,
  recipeMetadata,
  samplingOf,
  schedulerSolver,
  withRemembered,
} from './recipe.js'
import type { Terminal } from './terminal.js'

export const defaultFit: Fit = 'pad'
export const defaultChunk = 4
/** Without a prompt nothing finds the noise that was used, so that nothing more is spent on it. */
export const inverterWithout = naive.definition.id
export const decoderWithout = `${defaultDecoder}:gradients=never`

/** What is said of it; a calibration may know the rest. */
export interface RecoveryRequest extends NetworkOptions, Recipe {
  readonly decoder?: string
  readonly inverter?: string
  readonly fit?: Fit
  readonly chunk: number
}

/** What a calibration remembers. */
export interface RememberedRecovery {
  readonly file: string
  readonly recipe: Recipe
  readonly decoder: string
  readonly inverter: string
  readonly fit: Fit
  /** All of it as text, with the model and what is no method. */
  readonly settings: Settings
}

/** Everything is said. */
export interface Recovery extends NetworkOptions {
  readonly recipe: Recipe
  readonly decoder: string
  readonly inverter: string
  readonly fit: Fit
  readonly chunk: number
}

/** What is said, then what is remembered, then what is usual. Throws `bad-option` for methods that there are not. */
export function recoveryOf(request: RecoveryRequest, remembered?: RememberedRecovery): Recovery {
  const recipe = withRemembered(request, remembered?.recipe ?? {})
  const usual =
    recipe.prompt === undefined
      ? { decoder: decoderWithout, inverter: inverterWithout }
      : { decoder: defaultDecoder, inverter: defaultInverter }
  const { device, model, precision, lean, chunk } = request
  const recovery = {
    ...(device !== undefined && { device }),
    ...(model !== undefined && { model }),
    precision,
    lean,
    chunk,
    recipe,
    decoder: request.decoder ?? remembered?.decoder ?? usual.decoder,
    inverter: request.inverter ?? remembered?.inverter ?? usual.inverter,
    fit: request.fit ?? remembered?.fit ?? defaultFit,
  }
  parse(decoderInverters, recovery.decoder)
  parse(inverters, recovery.inverter)
  return recovery
}

/** What recovered noise depends on, as text; of the prompt only whether it is known. */
export async function settingsOf(
  { recipe, decoder, inverter, fit, precision, model: asked }: Recovery,
  model: OpenDiffusionModel,
): Promise<Settings> {
  const { prompt, negative, ...made } = completed(recipe, model)
  return {
    model: model.name,
    modelFiles: await modelFingerprint(await modelFolder(asked)),
    ...recipeMetadata(made),
    promptKnown: `${prompt !== undefined}`,
    ...(negative !== undefined && { negativePrompt: negative }),
    inverter,
    decoder,
    profile: profileName(model.autoencoder),
    fit,
    precision,
  }
}

/** Steps of decoder inversion that a profile decides. */
const profileName = ({ profile }: OpenDiffusionModel['autoencoder']): string =>
  profile ? `${profile.roundTrips} ${profile.steps} steps, ${profile.pullbacks} pullbacks` : 'none'

const optionsOf: Readonly<Record<string, string>> = {
  promptKnown: '`--prompt`',
  negativePrompt: '`--negative`',
  solver: '`--solver` and `--steps`',
}

/** A solver that is not named is the scheduler's; its steps say which. */
function withSolver({ steps, ...settings }: Settings): Settings {
  return steps === undefined ? settings : { solver: `${schedulerSolver}, ${steps} steps`, ...settings }
}

/** Throws `bad-option` for the first thing that was done otherwise for the calibration. */
export function checkSame(asked: Settings, { file, settings: remembered }: RememberedRecovery): void {
  const [settings, there] = [withSolver(asked), withSolver(remembered)]
  const names = [...new Set([...Object.keys(there), ...Object.keys(settings)])]
  const name = names.find((one) => settings[one] !== there[one])
  if (name === undefined) return
  if (name === 'modelFiles') {
    const what = `the weights that \`${basename(file)}\` was made with`
    const remedy = 'Make another calibration with `undiffuse watermark calibrate`: this one speaks of another model.'
    throw expected('bad-option', what, '`--model`', 'others of the same name', remedy)
  }
  const said = (value: string | undefined) => (value === undefined ? 'nothing' : `\`${value}\``)
  throw expected(
    'bad-option',
    `${name} ${said(there[name])}, as \`${basename(file)}\` was made,`,
    optionsOf[name] ?? `\`--${name}\``,
    said(settings[name]),
    'Pass the same, or make another calibration with `undiffuse watermark calibrate`.',
  )
}

/** The same of a noise file, for what it says of itself: one from `undiffuse invert` says nearly all. */
export function checkSameFile(metadata: Settings, remembered: RememberedRecovery): void {
  const settings = withSolver(remembered.settings)
  const said = Object.entries(withSolver(metadata)).filter(([name]) => name in settings)
  const promptKnown = `${metadata.prompt !== undefined}`
  checkSame({ ...settings, ...Object.fromEntries(said), promptKnown }, remembered)
}

/** What is undone before pictures are read. */
export const defaultUndo: readonly string[] = [restorations[0].definition.id]
export const undoNothing = 'none'

/** Restorations from text. Throws `bad-option` for what there is not. */
export function undoOf(texts: readonly string[]): readonly Restoration[] {
  if (!texts.includes(undoNothing)) return texts.map(parseRestorations)
  if (texts.length === 1) return []
  const remedy = 'It means that nothing is undone.'
  throw expected('bad-option', `\`${undoNothing}\` alone`, '`--undo`', `\`${texts.join(' ')}\``, remedy)
}

/** With what `invertAll` and `detectAll` are called. */
export const inversionOf = (
  io: Terminal,
  { recipe, decoder, inverter, chunk }: Recovery,
  model: OpenDiffusionModel,
): InvertAllOptions => {
  checkUndoable(recipe, model, 'reading a noise')
  return {
    ...samplingOf(recipe, model),
    model,
    decoder: parse(decoderInverters, decoder),
    inverter: parse(inverters, inverter),
    signal: io.signal,
    now,
    chunk,
  }
}

export interface FittedPicture extends Fitted {
  readonly notes: readonly string[]
}

/**
 * Reads a picture in which a key's mark is looked for. One of another size stays as it is where something that is undone
 * brings it to the key's; otherwise it is fitted to the model. Throws as `readFitted`.
 */
export async function readForKey(
  path: string,
  { latentShape }: WatermarkKey,
  model: OpenDiffusionModel,
  fit: Fit,
  undo: readonly Restoration[],
): Promise<FittedPicture & { readonly isOfAnotherSize: boolean }> {
  const picture = { path, ...(await readImage(path)) }
  const { image, notes } = picture
  const [first] = candidatesOf(image, undo, model.pictureSize(latentShape))
  if (first?.undone !== undefined) return { image, restore: (same) => same, notes, isOfAnotherSize: true }
  const fitted = fitPicture(picture, model.pixelMultiple, fit)
  if (fit === 'pad') checkNotPadded(picture, fitted, model.pictureSize(latentShape))
  return { ...fitted, notes, isOfAnotherSize: false }
}

/** Padding would bring a smaller picture to the key's size, and what is read then is no picture that was ever marked. */
function checkNotPadded({ path, image }: NamedPicture, fitted: Fitted, { height, width }: PictureSize): void {
  const isOfKey = ([, ...sides]: Shape) => sides[0] === height && sides[1] === width
  if (isOfKey(image.shape) || !isOfKey(fitted.image.shape)) return
  const got = `${image.shape[2]}×${image.shape[1]}`
  throw expected('bad-shape', `a picture of ${width}×${height}`, `\`${basename(path)}\``, got, undoRemedy)
}

/** Reads a picture and fits it to the model. Throws `bad-image` and `bad-shape`, as one of many is judged. */
export async function readFitted(path: string, model: OpenDiffusionModel, fit: Fit): Promise<FittedPicture> {
  const picture = { path, ...(await readImage(path)) }
  return { ...fitPicture(picture, model.pixelMultiple, fit), notes: picture.notes }
}
