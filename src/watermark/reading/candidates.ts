/**
 * Pictures as everything that they may have been, inverted to their noise. What is read from the noise is the business of
 * those who ask.
 */
import type { Progress, Steps } from '../../core/progress.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { naive } from '../../diffusion/inverters/naive.js'
import type { Shape } from '../../math/tensor.js'
import { type Sides, sidesOf, takes } from '../../model/layout.js'
import { candidatesOf, type Restoration, undoBorder } from '../../restorations/index.js'
import {
  type InvertAllOptions,
  invertAll,
  latentShapeOf,
  type NoiseInversion,
  type PromptedSource,
} from '../../verbs/invert.js'
import { checkChunk, defaultChunk } from '../../verbs/side-by-side.js'
import { checkKey, undoRemedy, type WatermarkKey } from '../key.js'

export interface CandidateOptions extends InvertAllOptions {
  /** What may have been done to the pictures; each of them is read as it came, too. Default: `undoBorder()`. */
  readonly undo?: readonly Restoration[] | undefined
  /** Of the model's weights, as `fingerprint` tells them: keys of the same weights are for this model, whatever its name. */
  readonly modelFiles?: string | undefined
}

/** A picture with a border has two candidates, all others one: free where nothing was done. */
export const defaultUndo: readonly Restoration[] = [undoBorder()]

/** Hands over the inversion of everything that sources may have been, source by source. */
export async function* candidateNoises(
  sources: readonly PromptedSource[],
  keys: readonly WatermarkKey[],
  { undo = defaultUndo, modelFiles, ...options }: CandidateOptions,
  read: (source: number, inversion: NoiseInversion, undone: string | undefined) => void,
): Steps<void> {
  const { chunk = defaultChunk } = options
  checkChunk(chunk)
  const isPromptKnown = [options, ...sources].some(({ prompt }) => prompt !== undefined)
  const inverter = options.inverter ?? (isPromptKnown ? automatic() : naive())
  const asked = sources.flatMap((source, i) =>
    candidateSources(source, keys, undo, { ...options, modelFiles }).map((one) => ({ ...one, of: i })),
  )
  for (let before = 0; before < asked.length; before += chunk) {
    const some = asked.slice(before, before + chunk)
    const task = invertAll(
      some.map(({ source }) => source()),
      { ...options, inverter },
    )
    for await (const progress of task) yield amongAll(progress, some.length, before, asked.length)
    for (const [i, inversion] of (await task).entries()) read(some[i]!.of, inversion, some[i]!.undone)
  }
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
