/**
 * Pictures as everything that they may have been, inverted to their noise. What is read from the noise is the business of
 * those who ask.
 */
import { automaticDecoder } from '../../autoencoder/automatic.js'
import { parse } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { checkMembers } from '../../core/members.js'
import type { OptionNames } from '../../core/option-names.js'
import type { Pieces, Progress, Steps } from '../../core/progress.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { variance } from '../../math/statistics.js'
import { distance, type Shape } from '../../math/tensor.js'
import { type Sides, sidesOf, takes } from '../../model/layout.js'
import { candidatesOf, type Restoration, undoBorder } from '../../restorations/index.js'
import {
  type InvertAllOptions,
  inversionNames,
  invertAll,
  isLost,
  latentShapeOf,
  type NoiseInversion,
  type PromptedSource,
} from '../../verbs/invert.js'
import { checkChunk, defaultChunk } from '../../verbs/side-by-side.js'
import { checkKey, checkKeyPicture, undoRemedy, type WatermarkKey } from '../key.js'
import { checkGuided, usualRecovery } from './usual-recovery.js'

/** A way in which pictures may have been made. */
export type Sampler = Pick<InvertAllOptions, 'model' | 'solver'>

export interface CandidateOptions extends InvertAllOptions {
  /** Default: `naive()` where no prompt is known, else `automatic()`. */
  readonly inverter?: InvertAllOptions['inverter']
  /**
   * How a picture's latent is found. Default: `automaticDecoder({ gradients: 'never' })` where no prompt is known, else
   * `automaticDecoder()`, which takes several times as long and gains little without the prompt.
   */
  readonly decoder?: InvertAllOptions['decoder']
  /**
   * What may have been done to the pictures, each alone: `composeRestorations` makes one of several that follow one another. Each
   * picture is read as it came, too. Default: `undoBorder()`.
   */
  readonly undo?: readonly Restoration[] | undefined
  /**
   * How the pictures may have been made, where that is not known: in so many steps, say. Each is read in each of these ways, and
   * each of them counts. The models have the networks of `model`. Default: with `model` and `solver`.
   */
  readonly samplers?: readonly Sampler[] | undefined
  /**
   * Of the model's weights, as `fingerprint` tells them: keys of the same weights are for this model, whatever its name. What is
   * read by a key of other weights says `otherWeights`.
   */
  readonly modelFiles?: string | undefined
}

export const candidateNames: OptionNames<CandidateOptions> = {
  ...inversionNames,
  undo: true,
  samplers: true,
  modelFiles: true,
}

/** How a candidate was read. */
export interface ReadAs {
  /** What had to be undone for it. Absent of the picture as it came. */
  readonly undone?: string | undefined
  /** What was tried of several ways: a number of steps, or naive inversion. Absent where there was one. */
  readonly readWith?: string | undefined
  /** Whether the latent or steps back to the noise were not found: a mark that is not found may be there. */
  readonly isLost: boolean
}

/** A picture with a border has two candidates, all others one: free where nothing was done. */
export const defaultUndo: readonly Restoration[] = [undoBorder()]

/** Throws `bad-option` for anything but restorations: code without types may pass their names. */
function checkUndo(undo: unknown): void {
  const remedy = 'Pass a list of what they return: `undo: [undoFlip()]`.'
  if (!Array.isArray(undo)) throw expected('bad-option', 'a list of restorations', '`undo`', 'another value', remedy)
  for (const one of undo) checkMembers(one, ['takes', 'candidates'], 'a restoration of `undo`', remedy)
}

const withoutPrompt = 'naive inversion without the prompt'

/**
 * Hands over the inversion of everything that sources may have been.
 *
 * A source is read as it came and as restorations say, by each of the samplers. Where steps of an inversion were not solved,
 * its latent is read once more, by naive inversion without the prompt, whose error has a bound. That is a candidate of its own:
 * whether it is there follows from the picture, never from a key.
 */
export async function* candidateNoises(
  sources: readonly PromptedSource[],
  keys: readonly WatermarkKey[],
  { undo = defaultUndo, samplers, modelFiles, ...given }: CandidateOptions,
  read: (source: number, inversion: NoiseInversion, as: ReadAs) => Pieces<void>,
): Steps<void> {
  const { chunk = defaultChunk, model, solver } = given
  checkChunk(chunk)
  checkUndo(undo)
  checkGuided(given, sources)
  const usual = usualRecovery([given, ...sources].some(({ prompt }) => prompt !== undefined))
  const { inverter = parse([automatic, naive], usual.inverter), decoder = parse(automaticDecoder, usual.decoder) } =
    given
  const options = { ...given, inverter, decoder }
  const asked = sources.flatMap((source, i) =>
    candidateSources(source, keys, undo, { ...options, modelFiles }).map((one) => ({ ...one, of: i })),
  )
  const ways = samplers ?? [{ model, solver }]
  const { prompt: _, negativePrompt: __, trueGuidance: ___, refine, ...others } = options
  for (let before = 0; before < asked.length; before += chunk) {
    const some = asked.slice(before, before + chunk)
    let given: readonly PromptedSource[] = some.map(({ source }) => source())
    let latents: readonly NoiseInversion[] = []
    let missed: readonly boolean[] = []
    for (const [way, sampler] of ways.entries()) {
      const place = { done: before * ways.length + way * some.length, all: asked.length * ways.length }
      const refined = way === 0 ? { refine } : { refine: undefined }
      const found = yield* inverted(given, { ...options, ...sampler, ...refined }, latents, place)
      if (way === 0) missed = given.map((source, i) => isMissed(source, found[i]!))
      for (const [i, inversion] of found.entries()) {
        const { of, undone } = some[i]!
        const readWith = ways.length === 1 ? undefined : `${inversion.grid.length - 1} steps`
        const as = { undone, readWith, isLost: missed[i]! || isLost(inversion) }
        for (const told of read(of, inversion, as)) yield amongAll(told, 1, place.done + i, place.all)
      }
      const lost = found.flatMap((inversion, i) =>
        isLost(inversion) ? [{ ...some[i]!, inversion, isMissed: missed[i]! }] : [],
      )
      const unsolved = lost.map(({ inversion }) => inversion)
      const naively = { ...others, ...sampler, guidance: 1, inverter: naive() }
      const again = yield* inverted(unsolved.map(latentOf), naively, unsolved, place)
      for (const [i, { of, undone, isMissed: isStillLost }] of lost.entries()) {
        const as = { undone, readWith: withoutPrompt, isLost: isStillLost }
        for (const told of read(of, again[i]!, as)) yield amongAll(told, 1, place.done + i, place.all)
      }
      // A picture's latent is found once.
      given = given.map((source, i) => ('image' in source ? { ...promptsOf(source), ...latentOf(found[i]!) } : source))
      latents = found
    }
  }
}

/** Of what varies in a picture, in pixels that span 2: a picture in one colour is not held to its rounding. */
const leastVariance = 0.02
const mostMissed = 0.5

/** Whether a latent decodes to a picture that misses more than half of what varies in the one that came: it is no latent of it. */
function isMissed(source: PromptedSource, { decoder }: NoiseInversion): boolean {
  if (!('image' in source) || !decoder) return false
  const { data } = source.image
  const error = distance(decoder.picture, source.image) ** 2 / data.length
  return error > mostMissed * Math.max(variance(data), leastVariance)
}

const latentOf = ({ latent }: NoiseInversion) => ({ latent })

const promptsOf = ({ prompt, negativePrompt }: PromptedSource) => ({ prompt, negativePrompt })

/** Inversions of some of all, each with how the latent that it starts from was found. */
async function* inverted(
  sources: readonly PromptedSource[],
  options: InvertAllOptions,
  latents: readonly NoiseInversion[],
  { done, all }: { readonly done: number; readonly all: number },
): Steps<readonly NoiseInversion[]> {
  if (sources.length === 0) return []
  const task = invertAll(sources, options)
  for await (const progress of task) yield amongAll(progress, sources.length, done, all)
  return (await task).map((inversion, i) => withDecoder(inversion, latents[i]))
}

/** An inversion of a latent, with how that latent was found, and what that took. */
function withDecoder(inversion: NoiseInversion, from: NoiseInversion | undefined): NoiseInversion {
  if (!from?.decoder) return inversion
  const { autoencoder } = from.evaluations
  return { ...inversion, decoder: from.decoder, evaluations: { ...inversion.evaluations, autoencoder } }
}

/** A source as everything that it may have been. */
interface CandidateSource {
  readonly undone?: string | undefined
  source(): PromptedSource
}

/** Throws `bad-option` and `bad-shape` where none of them is of the keys' model and size. */
function candidateSources(
  source: PromptedSource,
  keys: readonly WatermarkKey[],
  undo: readonly Restoration[],
  { model, modelFiles }: CandidateOptions,
): readonly CandidateSource[] {
  const { latentShape } = keys[0]!
  const candidates =
    'image' in source && takes(model.layout, latentShape) // a key of another model is refused by its name below
      ? candidatesOf(source.image, undo, pictureSides(model, latentShape)).map(
          ({ undone, picture }): CandidateSource => ({ undone, source: () => ({ ...source, image: picture() }) }),
        )
      : [{ source: () => source }]
  const isRestored = candidates.length > 0 && candidates[0]!.undone !== undefined
  // A size that no latent has says nothing of the key's.
  if ('image' in source && !isRestored) {
    for (const key of keys) checkKeyPicture(key, source.image.shape, { model: model.name, modelFiles }, model.layout)
  }
  const shape = isRestored ? latentShape : latentShapeOf(source, model)
  for (const key of keys) {
    checkKey(key, { model: model.name, modelFiles, latentShape: shape, layout: model.layout }, undoRemedy, 'undo')
  }
  return candidates
}

/** Height and width of the picture of a latent of this shape. */
const pictureSides = ({ layout }: InvertAllOptions['model'], latent: Shape): Sides =>
  sidesOf(layout, layout.pictureShape(latent))

/** The progress of some inversions among all. */
function amongAll({ done, total = 1, ...rest }: Progress, some: number, before: number, all: number): Progress {
  const each = total / some
  return { ...rest, done: before * each + done, total: all * each }
}
