/**
 * How noise is recovered from the pictures of a survey. A calibration and the pictures that are judged by it must have all
 * of it in common.
 */

import type { DecoderInverter } from '../../autoencoder/autoencoder.js'
import { decoderInverters, inverters, restorations } from '../../catalog.js'
import { parse } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { plural } from '../../core/plural.js'
import type { Signal } from '../../core/progress.js'
import type { Inverter } from '../../diffusion/diffusion.js'
import { framesOf, sidesOf } from '../../model/layout.js'
import { checkRoom } from '../../model/memory.js'
import { type Fit, type Fitted, fitToSize } from '../../pictures/fit.js'
import { planesOf, sizeText } from '../../pictures/planes.js'
import { type PictureSize, parseRestorations, type Restoration, sameSize } from '../../restorations/index.js'
import type { InvertAllOptions } from '../../verbs/invert.js'
import { defaultChunk } from '../../verbs/side-by-side.js'
import { undoRemedy, type WatermarkKey } from '../../watermark/key.js'
import type { Sampler } from '../../watermark/reading/candidates.js'
import { checkGuided, usualRecovery } from '../../watermark/reading/usual-recovery.js'
import { methodField, type Named, type Settings, setting } from '../fields.js'
import { lastName } from '../files/paths.js'
import {
  checkPicture,
  extentText,
  fitPicture,
  fittedSize,
  type MeasuredPicture,
  measureClip,
  measurePicture,
  type NamedPicture,
  type NamedSource,
  readMeasured,
  readPicture,
} from '../files/pictures.js'
import type { Held, Host, ModelSettings, OperationModel } from '../host.js'
import type { RunSettings } from '../runs/journal.js'
import { defaultFit, fitField, networkFields } from './networks.js'
import {
  checkUndoable,
  completed,
  type Plan,
  planOf,
  promptField,
  type Recipe,
  recipeFields,
  recipeMetadata,
  samplingOf,
  schedulerSolver,
  withRemembered,
} from './recipe.js'

const [usualWith, usualWithout] = [usualRecovery(true), usualRecovery(false)]

/** How pictures were made, and how they are undone; a calibration may know what is not said. */
export const recoveryFields = {
  prompt: promptField,
  ...recipeFields,
  guidance: { ...recipeFields.guidance, rare: true },
  solver: { ...recipeFields.solver, rare: true },
  steps: { ...recipeFields.steps, rare: true },
  ...networkFields,
  inverter: methodField(inverters, {
    rare: true,
    description: `how to undo the solver (default: ${usualWithout.inverter} without a prompt, ${usualWith.inverter} with one)`,
  }),
  decoder: methodField(decoderInverters, {
    rare: true,
    description: `how to invert the decoder (default: ${usualWithout.decoder} without a prompt, ${usualWith.decoder} with one)`,
  }),
  fit: { rare: true, ...fitField, description: `${fitField.description} (default: ${defaultFit})` },
  chunk: {
    rare: true,
    type: 'integer',
    minimum: 1,
    default: defaultChunk,
    description: 'pictures that are inverted at the same time',
  },
} as const

export type RecoverySettings = Settings<typeof recoveryFields>

/** Where nobody knows in how many steps pictures were made. */
export const tryStepsField = {
  rare: true,
  type: 'integer',
  minimum: 1,
  many: true,
  description: 'read pictures as made in each of so many steps, where it is not known: 4 8 20 50',
  word: 'n',
} as const

interface TriedSteps {
  readonly steps?: number | undefined
  readonly trySteps?: readonly number[] | undefined
}

/** The settings with the first of the steps that are tried, each once. Throws `bad-option` where the steps are known. */
export function withTriedSteps<S extends TriedSteps & { readonly calibration?: string | undefined }>(settings: S): S {
  const { steps, trySteps, calibration } = settings
  if (trySteps === undefined) return settings
  const [known] = Object.entries({ steps, calibration }).find(([, value]) => value !== undefined) ?? []
  if (known === undefined) return { ...settings, steps: trySteps[0], trySteps: [...new Set(trySteps)] }
  const remedy = 'Steps that are known need not be tried.'
  throw expected('bad-option', `${setting('trySteps')} alone`, setting(known), 'both', remedy)
}

/** The steps that are tried, as settings tell them. */
export const triedSettings = ({ trySteps }: TriedSteps): RunSettings =>
  trySteps === undefined ? {} : { trySteps: trySteps.join(' ') }

/**
 * The samplers of all steps that are tried, over the networks of one model: its schedule and its solver follow from the steps, and
 * are read from its folder for each number. Undefined where none are tried.
 */
export async function samplersOf(
  { trySteps }: TriedSteps,
  { plan, networks }: Recovery,
  { model }: Held<OperationModel>,
  { models }: Host,
): Promise<readonly Sampler[] | undefined> {
  if (trySteps === undefined) return undefined
  const samplers: Sampler[] = []
  for (const steps of trySteps) {
    const held = await models.open({ ...networks, steps })
    try {
      const { schedule } = held.model
      const { solver } = samplingOf(planOf({ ...plan.recipe, steps }), held.model)
      samplers.push({ model: { ...model, schedule }, solver })
    } finally {
      await held.close()
    }
  }
  return samplers
}

/** What a calibration remembers. */
export interface RememberedRecovery {
  readonly file: string
  readonly recipe: Recipe
  readonly decoder: string
  readonly inverter: string
  readonly fit: Fit
  /** All settings as text: the methods, the model and the rest. */
  readonly settings: RunSettings
}

/** Everything is said. */
export interface Recovery {
  readonly plan: Plan
  /** Which model is meant. */
  readonly networks: ModelSettings
  readonly decoder: Named<DecoderInverter>
  readonly inverter: Named<Inverter>
  readonly fit: Fit
  readonly chunk: number
}

const decoderNamed = (text: string): Named<DecoderInverter> => ({ text, method: parse(decoderInverters, text) })
const inverterNamed = (text: string): Named<Inverter> => ({ text, method: parse(inverters, text) })

/** What is said, then what is remembered, then what is usual. Throws `bad-option` for methods that there are not. */
export function recoveryOf(settings: RecoverySettings, remembered?: RememberedRecovery): Recovery {
  const plan = planOf(withRemembered(settings, remembered?.recipe ?? {}))
  const usual = usualRecovery(plan.recipe.prompt !== undefined)
  return {
    plan,
    networks: { ...settings, steps: plan.recipe.steps },
    decoder: settings.decoder ?? decoderNamed(remembered?.decoder ?? usual.decoder),
    inverter: settings.inverter ?? inverterNamed(remembered?.inverter ?? usual.inverter),
    fit: settings.fit ?? remembered?.fit ?? defaultFit,
    chunk: settings.chunk,
  }
}

/** What recovered noise depends on, as text; of the prompt only whether it is known. */
export async function settingsOf(
  { plan, decoder, inverter, fit, networks }: Recovery,
  { model, identity }: Held<OperationModel>,
): Promise<RunSettings> {
  const { prompt, negative, ...made } = completed(plan, model)
  return {
    model: model.name,
    modelFiles: await identity(),
    ...recipeMetadata(made),
    promptKnown: `${prompt !== undefined}`,
    ...(negative !== undefined && { negativePrompt: negative }),
    inverter: inverter.text,
    decoder: decoder.text,
    profile: profileName(model),
    fit,
    precision: networks.precision,
  }
}

/** Steps of decoder inversion that a profile decides. */
const profileName = ({ profile }: OperationModel): string =>
  profile ? `${profile.roundTrips} ${profile.steps} steps, ${profile.pullbacks} pullbacks` : 'none'

const settingNames: Readonly<Record<string, string>> = {
  promptKnown: setting('prompt'),
  negativePrompt: setting('negative'),
  solver: `${setting('solver')} and ${setting('steps')}`,
}

/** A solver that is not named is the scheduler's; its steps say which. */
function withSolver({ steps, ...settings }: RunSettings): RunSettings {
  return steps === undefined
    ? settings
    : { solver: `${schedulerSolver}, ${plural(Number(steps), 'step')}`, ...settings }
}

/** Throws `bad-option` for the first thing that was done otherwise for the calibration. */
export function checkSame(asked: RunSettings, { file, settings: remembered }: RememberedRecovery): void {
  const [settings, there] = [withSolver(asked), withSolver(remembered)]
  const names = [...new Set([...Object.keys(there), ...Object.keys(settings)])]
  const name = names.find((one) => settings[one] !== there[one])
  if (name === undefined) return
  if (name === 'modelFiles') {
    const what = `the weights that \`${lastName(file)}\` was made with`
    const remedy = 'Make another calibration with `watermark calibrate`: this one speaks of another model.'
    throw expected('bad-option', what, setting('model'), 'others of the same name', remedy)
  }
  const said = (value: string | undefined) => (value === undefined ? 'nothing' : `\`${value}\``)
  throw expected(
    'bad-option',
    `${name} ${said(there[name])}, as \`${lastName(file)}\` was made,`,
    settingNames[name] ?? setting(name),
    said(settings[name]),
    'Pass the same, or make another calibration with `watermark calibrate`.',
  )
}

/** The same of a noise file, for what it says of itself: one from `invert` says nearly all. */
export function checkSameFile(metadata: RunSettings, remembered: RememberedRecovery): void {
  const settings = withSolver(remembered.settings)
  const said = Object.entries(withSolver(metadata)).filter(([name]) => name in settings)
  const promptKnown = `${metadata.prompt !== undefined}`
  checkSame({ ...settings, ...Object.fromEntries(said), promptKnown }, remembered)
}

/** Pictures are read as they are. */
export const undoNothing = 'none'

/** What may have been done to pictures. */
export const undoField = {
  type: 'method',
  methods: restorations,
  many: true,
  default: [restorations[0].definition.id],
  description: `what may have been done to pictures, or \`${undoNothing}\`; joined by + where one follows another`,
  word: 'restoration:options',
  read: (text: string): Restoration | undefined => (text === undoNothing ? undefined : parseRestorations(text)),
} as const

/** The restorations that are asked for. Throws `bad-option` where nothing and something is to be undone. */
export function undoOf(asked: readonly Named<Restoration | undefined>[]): readonly Restoration[] {
  const undo = asked.flatMap(({ method }) => method ?? [])
  if (undo.length === asked.length || asked.length === 1) return undo
  const got = `\`${textOf(asked)}\``
  const remedy = 'It means that nothing is undone.'
  throw expected('bad-option', `\`${undoNothing}\` alone`, setting('undo'), got, remedy)
}

/** As settings and files say it. */
export const textOf = (asked: readonly Named<unknown>[]): string => asked.map(({ text }) => text).join(' ')

/** With what `invertAll` and `detectAll` are called. */
export const inversionOf = (
  { plan, decoder, inverter, chunk }: Recovery,
  model: OperationModel,
  signal: Signal | undefined,
): InvertAllOptions => {
  checkUndoable(plan, model, 'reading a noise')
  const sampling = samplingOf(plan, model)
  checkGuided({ ...sampling, model }, [])
  return {
    ...sampling,
    model,
    decoder: decoder.method,
    inverter: inverter.method,
    signal,
    chunk,
  }
}

export interface FittedPicture extends Fitted {
  readonly notes: readonly string[]
}

/**
 * Reads a picture or a clip in which a key's mark is looked for, once its header says that it can be of the key's size: one of
 * another size stays as it is where something that is undone brings it there. Throws as `readFitted`, and `bad-shape` for other
 * sizes and numbers of frames.
 */
export async function readForKey(
  source: NamedSource,
  { latentShape }: WatermarkKey,
  { model, fit, undo }: { readonly model: OperationModel; readonly fit: Fit; readonly undo: readonly Restoration[] },
  host: Host,
): Promise<FittedPicture> {
  const { path } = source
  const shape = model.layout.pictureShape(latentShape)
  const [size, frames] = [sidesOf(model.layout, shape), framesOf(model.layout, shape)]
  const measured = frames === undefined ? await measurePicture(path, host) : await measureClip(source, host, undefined)
  checkFrames(measured, size, frames)
  const isRestored = !sameSize(measured.size, size) && undo.some((one) => one.takes(measured.size, size))
  if (!isRestored && !isBrought(measured.size, size, fit)) checkSize(measured, size, model, fit)
  checkRoom(model, { encode: 1, decode: 1, denoise: 1 }, latentShape, `\`${lastName(path)}\``)
  const picture = await readMeasured(measured, host)
  const { image, notes } = picture
  if (isRestored) return { image, restore: (same) => same, notes }
  return broughtTo(picture, size, model, fit)
}

/** Whether a picture of another size is cut or resized to this one, as people ask by `fit`. */
export const isBrought = (given: PictureSize, size: PictureSize, fit: Fit): boolean =>
  !sameSize(given, size) &&
  (fit === 'resize' || (fit === 'crop' && given.height >= size.height && given.width >= size.width))

/** A picture in this size: cut or resized where `fit` says so, else as the model takes it. */
export function broughtTo(picture: NamedPicture, size: PictureSize, model: OperationModel, fit: Fit): FittedPicture {
  const { image, notes } = picture
  const brought = isBrought(planesOf(image.shape), size, fit) ? fitToSize(image, size, fit) : undefined
  if (!brought) return { ...fitPicture(picture, model.layout, fit), notes }
  const how = fit === 'crop' ? 'Cut' : 'Resized'
  return { image: brought, restore: (same) => same, notes: [...notes, `${how} to ${sizeText(size)}.`] }
}

/** Throws where a clip has another number of frames than the clips of the key. */
function checkFrames({ path, size, frames }: MeasuredPicture, ofKey: PictureSize, wanted: number | undefined): void {
  if (frames?.count === wanted) return
  const remedy = 'A key marks clips of one length: give all of its frames, or make a key for this length.'
  throw expected(
    'bad-shape',
    `a clip of ${extentText({ size: ofKey, frames: wanted })}`,
    `\`${lastName(path)}\``,
    extentText({ size, frames: frames?.count ?? 1 }),
    remedy,
  )
}

/** What to do with a picture of another size than its key's: only a smaller one may be a part of what was marked. */
function otherSizeRemedy(given: PictureSize, size: PictureSize): string {
  const isSmaller = given.height <= size.height && given.width <= size.width
  const undo = [setting('undo', 'resize'), ...(isSmaller ? [setting('undo', 'crop')] : [])]
  return `${undoRemedy} ${undo.join(' or ')} undoes it.`
}

/**
 * Throws where a picture is not of the key's size. Cropped or resized to what the model takes it may be; padding would bring
 * a smaller picture to the key's size, and what is read then is no picture that was ever marked.
 */
function checkSize(measured: MeasuredPicture, size: PictureSize, { layout }: OperationModel, fit: Fit): void {
  const given = fit === 'pad' ? measured.size : fittedSize(measured, layout, fit)
  if (sameSize(given, size)) return
  const [wanted, got] = [size, measured.size].map(sizeText)
  throw expected(
    'bad-shape',
    `a picture of ${wanted}`,
    `\`${lastName(measured.path)}\``,
    got!,
    otherSizeRemedy(measured.size, size),
  )
}

/** Reads a picture and fits it to the model. Throws `bad-image` and `bad-shape`, as one of many is judged. */
export async function readFitted(
  measured: MeasuredPicture,
  model: OperationModel,
  fit: Fit,
  host: Host,
): Promise<FittedPicture> {
  checkPicture(measured, model, fit, { encode: 1, decode: 1, denoise: 1 })
  const picture = await readPicture(measured.path, host)
  return { ...fitPicture(picture, model.layout, fit), notes: picture.notes }
}
