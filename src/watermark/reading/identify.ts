/** Who marked a picture: which member of a family is in the noise that it was made from. */
import { expected, gotText } from '../../core/errors.js'
import type { Pieces, Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { type Tensor, zeros } from '../../math/tensor.js'
import { checkVerbOptions } from '../../model/verb-options.js'
import { checkSources, type NoiseInversion, type PromptedSource } from '../../verbs/invert.js'
import { sharedNames } from '../../verbs/sampling.js'
import { hasOtherWeights, type WatermarkKey } from '../key.js'
import type { Identification } from '../watermark.js'
import { type CandidateOptions, candidateNames, candidateNoises } from './candidates.js'

export interface IdentifyOptions extends CandidateOptions {
  /** Of a scheme with families, or with a message. */
  readonly key: WatermarkKey
}

/** What the message of a noise says, where a scheme has no families. */
export interface MessageIdentification {
  /** Absent where none is sure. Of a picture that is not marked it is chance. */
  readonly message?: string
  readonly pValue: number
  /** As `pValue`: there is one mark. */
  readonly familyPValue: number
}

/** Who marked a picture: a member of a family, or whom the message names. */
export type Who = ({ readonly by: 'family' } & Identification) | ({ readonly by: 'message' } & MessageIdentification)

/** Which member of a family, or which message, is in a picture. */
export interface Identified {
  /** Of the surest candidate; `familyPValue` counts the candidates with the members. */
  readonly identification: Who
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

/** Who is in a noise, by the key's family or by its message. Throws `unsupported` for a key with neither. */
export function* whoIn(noise: Tensor, key: WatermarkKey): Pieces<Who> {
  if (key.messageBits === 0) return { by: 'family', ...(yield* key.identifyInPieces(noise)) }
  const { message, pValue } = key.mark().read(noise)
  return { by: 'message', ...(message !== undefined && { message }), pValue, familyPValue: pValue }
}

/** Throws what `whoIn` throws, before any network runs: families of one are asked to see whether they can be. */
export function checkIdentifies(key: WatermarkKey): void {
  if (key.messageBits === 0 && key.members === 1) key.identify(zeros(key.latentShape))
}

/**
 * Tells which member of a family marked a picture, or latents.
 *
 * As `detectAll` with `member: 'all'`, and what is next best beside it. A scheme without families says who it is in its message:
 * `by` tells the two apart. Cost: one inversion for each candidate, and one pass over the family in each. Errors: `unsupported`
 * for a key with neither family nor message; those of `detectAll`.
 *
 * @example
 * const [{ identification }] = await identifyAll([{ image }], { model, key })
 * identification.by // 'message'
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
  checkIdentifies(key)
  const { model, modelFiles } = options
  const isOther = hasOtherWeights(key, { model: model.name, modelFiles })
  const found = new Map<number, Identified>()
  yield* candidateNoises(sources, [key], options, function* (source, inversion, { undone, readWith, isLost }) {
    const identification = yield* whoIn(inversion.noise, key)
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
