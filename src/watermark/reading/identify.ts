/** Who marked a picture: which member of a family is in the noise that it was made from. */
import { expected, gotText } from '../../core/errors.js'
import type { Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { zeros } from '../../math/tensor.js'
import { checkVerbOptions } from '../../model/verb-options.js'
import { checkSources, type NoiseInversion, type PromptedSource } from '../../verbs/invert.js'
import { sharedNames } from '../../verbs/sampling.js'
import { hasOtherWeights, type WatermarkKey } from '../key.js'
import type { Identification } from '../watermark.js'
import { type CandidateOptions, candidateNames, candidateNoises } from './candidates.js'

export interface IdentifyOptions extends CandidateOptions {
  /** Of a scheme with families. */
  readonly key: WatermarkKey
}

/** Which member of a family is in a picture. */
export interface Identified {
  /** Of the surest candidate; `familyPValue` counts the candidates with the members. */
  readonly identification: Identification
  readonly candidates: number
  /** What had to be undone for it. Absent of the picture as it came. */
  readonly undone?: string
  /** What was tried of several ways. Absent where there was one. */
  readonly readWith?: string
  /** Whether all steps back to the noise were solved: else a member that is not found may be there. */
  readonly isRecovered: boolean
  /** Where the key was made for other weights than `modelFiles` says: its marks may be missed. */
  readonly otherWeights?: true
  readonly inversion: NoiseInversion
}

/**
 * Tells which member of a family marked a picture, or latents.
 *
 * As `detectAll` with `member: 'all'`, and what is next best beside it. Cost: one inversion for each candidate, and one pass
 * over the family in each. Errors: `unsupported` for a scheme without families; those of `detectAll`.
 *
 * @example
 * const [{ identification }] = await identifyAll([{ image }], { model, key: family })
 */
export const identifyAll = (
  sources: readonly PromptedSource[],
  options: IdentifyOptions,
): Task<readonly Identified[]> => new Task(identifications(sources, options), options?.signal)

async function* identifications(
  sources: readonly PromptedSource[],
  asked: IdentifyOptions,
): Steps<readonly Identified[]> {
  checkVerbOptions(asked, { ...candidateNames, key: true }, 'identifyAll', sharedNames)
  checkSources(sources, 'identifyAll')
  const { key, ...options } = asked
  if (typeof key?.mark !== 'function') {
    throw expected('bad-option', 'a key', '`key`', gotText(key), 'Pass what `readKey` returns.')
  }
  // Families of one are asked to see whether they can be, before any network runs.
  if (key.members === 1) key.identify(zeros(key.latentShape))
  const { model, modelFiles } = options
  const isOther = hasOtherWeights(key, { model: model.name, modelFiles })
  const found = new Map<number, Identified>()
  yield* candidateNoises(sources, [key], options, (source, inversion, { undone, readWith, isLost }) => {
    const identification = key.identify(inversion.noise)
    const before = found.get(source)
    const isSurest = !before || identification.pValue < before.identification.pValue
    found.set(source, {
      ...(before && !isSurest
        ? before
        : {
            ...{ identification, inversion },
            ...(undone !== undefined && { undone }),
            ...(readWith !== undefined && { readWith }),
          }),
      isRecovered: (before?.isRecovered ?? true) && !isLost,
      candidates: (before?.candidates ?? 0) + 1,
    })
  })
  return sources.map((_, i) => {
    const { identification, candidates, ...rest } = found.get(i)!
    const familyPValue = Math.min(1, candidates * identification.familyPValue)
    const told = { ...rest, candidates, identification: { ...identification, familyPValue } }
    return isOther ? { ...told, otherWeights: true } : told
  })
}
