/**
 * From pictures to verdicts: decoder inversion, inversion to the noise, and what each key says of it. The statistics are
 * the schemes'.
 */
import { expected, gotText } from '../../core/errors.js'
import { checkOptionNames, type OptionNames } from '../../core/option-names.js'
import { allPieces, type Pieces, type Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import type { Tensor } from '../../math/tensor.js'
import { checkVerbOptions } from '../../model/verb-options.js'
import { checkSources, type NoiseInversion, type PromptedSource } from '../../verbs/invert.js'
import { sharedNames } from '../../verbs/sampling.js'
import { hasOtherWeights, type WatermarkKey } from '../key.js'
import type { Reading } from '../watermark.js'
import { type Calibration, calibratedPValue } from './calibration.js'
import { type CandidateOptions, candidateNames, candidateNoises, type ReadAs } from './candidates.js'

/**
 * `marked` and `unmarked` at the false-positive rate that was asked for; `undecided` where neither can be said, see
 * `Undecided`.
 */
export const verdicts = ['marked', 'undecided', 'unmarked'] as const
export type Verdict = (typeof verdicts)[number]

/**
 * Why nothing can be said: the p-value is exact only given white noise (`white-noise`); the calibration has too few pictures, or
 * the mark too few signs, for any picture to be marked at so small a rate (`too-few`); the latent or a step back to the noise was not found (`not-recovered`).
 */
export type Undecided = 'white-noise' | 'too-few' | 'not-recovered'

/** What the p-value of a finding rests on. */
export type Basis = 'any-picture' | 'calibration' | 'white-noise'

/** What one mark says of one picture. */
export interface Finding {
  readonly key: string
  readonly scheme: string
  readonly member: number
  readonly reading: Reading
  /** Of this mark alone, in one picture. */
  readonly pValue: number
  /** min(1, marks asked · candidates · p): that any of them is found in a picture without them, or in what it may have been. */
  readonly familyPValue: number
  readonly basis: Basis
  readonly verdict: Verdict
  /** Of undecided ones. */
  readonly because?: Undecided
  /** What had to be undone for it. Absent of the picture as it came. */
  readonly undone?: string
  /** What was tried of several ways: a number of steps, or naive inversion. Absent where there was one. */
  readonly readWith?: string
  /** Where the key was made for other weights than `modelFiles` says: its marks may be missed. */
  readonly otherWeights?: true
}

export interface Detection {
  /** Those that are marked first, then the undecided; of each the surest first. */
  readonly findings: readonly Finding[]
  readonly falsePositiveRate: number
  /** What was read: the picture that came, those that it may have been, each in every way that was tried. */
  readonly candidates: number
  /** Of the picture in which the first finding was made. */
  readonly inversion: NoiseInversion
}

export interface AskedKey {
  readonly key: WatermarkKey
  /** Default 0; `all` asks a family who it is. */
  readonly member?: number | 'all' | undefined
}

/** How many marks are asked in all. */
export const marksAsked = (asked: readonly AskedKey[]): number =>
  asked.reduce((sum, { key, member }) => sum + (member === 'all' ? key.members : 1), 0)

export interface DetectOptions extends CandidateOptions {
  readonly keys: readonly AskedKey[]
  /** The share of unmarked pictures in which a mark may be found. Default 1e-6. */
  readonly falsePositiveRate?: number | undefined
  readonly calibration?: Calibration | undefined
}

export const defaultFalsePositiveRate = 1e-6

/**
 * Looks for marks in pictures, or in latents.
 *
 * Each picture's noise is found as `invertAll` finds it, once for all keys; each mark then gives its p-value: its own
 * where that is exact for any picture, otherwise the calibration's; a family asked with `member: 'all'` gives that of its
 * best member, times its members. With `undo` a picture is read as everything that it may have been, by each restoration alone (`composeRestorations` joins them), and p is multiplied by
 * how many that are: a p-value over the draw of the key holds for each of them. Marks without such a p-value are read in
 * the picture as it came alone. With `samplers` each is read in several ways, which count as well: in 4, 8, 20 and 50 steps,
 * where nobody knows. Where steps back to the noise are not solved, the noise that is found may be any. Then the latent is read
 * by naive inversion without the prompt too, and what is not found is `undecided`. Cost: one inversion for each candidate. The inverter is `naive` without a prompt, where
 * nothing finds the noise that was used, and `automatic` with one; the decoder's inversion takes gradient steps only with one. Errors: `bad-option` for a key of another model, a member that it does not have, no
 * keys, and guidance without a prompt; `bad-shape` for pictures of another size that nothing brings to the key's; those of `invertAll`.
 *
 * @example
 * const [{ findings }] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoFlip(), undoRotation()] })
 */
export const detectAll = (sources: readonly PromptedSource[], options: DetectOptions): Task<readonly Detection[]> =>
  new Task(detections(sources, options), options?.signal)

const names: OptionNames<DetectOptions> = { ...candidateNames, keys: true, falsePositiveRate: true, calibration: true }

async function* detections(sources: readonly PromptedSource[], asked: DetectOptions): Steps<readonly Detection[]> {
  checkVerbOptions(asked, names, 'detectAll', sharedNames)
  checkSources(sources, 'detectAll')
  const { keys, falsePositiveRate = defaultFalsePositiveRate, calibration, ...options } = asked
  checkOptions(keys, falsePositiveRate)
  const judging = sources.map(() => judgement<NoiseInversion>(keys))
  const read = (source: number, inversion: NoiseInversion, as: ReadAs) => judging[source]!.read(inversion, as)
  yield* candidateNoises(
    sources,
    keys.map(({ key }) => key),
    options,
    read,
  )
  const of = { model: options.model.name, modelFiles: options.modelFiles }
  const others = new Set(keys.flatMap(({ key }) => (hasOtherWeights(key, of) ? [key.id] : [])))
  const withWeights = (finding: Finding): Finding =>
    others.has(finding.key) ? { ...finding, otherWeights: true } : finding
  return judging.map((one) => {
    const { findings, ...detection } = one.verdict({ falsePositiveRate, calibration })
    return { ...detection, findings: findings.map(withWeights), falsePositiveRate }
  })
}

export interface ReadOptions {
  readonly keys: readonly AskedKey[]
  readonly falsePositiveRate: number
  readonly calibration?: Calibration | undefined
}

/** What marks say of a noise that is at hand; no network. */
export const findingsIn = (noise: Tensor, options: ReadOptions): readonly Finding[] =>
  allPieces(findingsInPieces(noise, options))

/** The same in pieces: a family asked with `member: 'all'` is long. */
export function* findingsInPieces(noise: Tensor, { keys, ...options }: ReadOptions): Pieces<readonly Finding[]> {
  const one = judgement<{ readonly noise: Tensor }>(keys)
  yield* one.read({ noise }, { isLost: false })
  return one.verdict(options).findings
}

/** What a mark says of one candidate. */
interface Read<I> {
  readonly member: number
  readonly reading: Reading
  readonly inversion: I
  readonly as: ReadAs
}

/** Reads the candidates of a picture as they come, and keeps of each mark the surest. */
function judgement<I extends { readonly noise: Tensor }>(keys: readonly AskedKey[]) {
  const surest = new Map<AskedKey, Read<I>>()
  let candidates = 0
  let isRecovered = true
  return {
    *read(inversion: I, as: ReadAs): Pieces<void> {
      candidates++
      isRecovered &&= !as.isLost
      for (const one of keys) {
        const read = { ...(yield* ask(one, inversion.noise)), inversion, as }
        if (isSurer(read, surest.get(one))) surest.set(one, read)
      }
    },
    verdict({ falsePositiveRate, calibration }: Omit<ReadOptions, 'keys'>) {
      const asked = marksAsked(keys)
      const found = [...surest].map(([{ key }, read]) => {
        const { pValue, basis, smallest } = judged(key, read, calibration)
        const marks = asked * (basis === 'any-picture' ? candidates : 1)
        const familyPValue = Math.min(1, marks * pValue)
        const told = { familyPValue, falsePositiveRate, basis, smallest: marks * smallest, isRecovered }
        const { member, reading, inversion, as } = read
        const { undone, readWith } = as
        const finding: Finding = {
          ...{ key: key.id, scheme: key.scheme, member, reading, pValue, familyPValue, basis },
          ...verdictOf(told),
          ...(undone !== undefined && { undone }),
          ...(readWith !== undefined && { readWith }),
        }
        return { finding, inversion }
      })
      found.sort(({ finding: a }, { finding: b }) => {
        const byVerdict = verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict)
        return byVerdict || a.pValue - b.pValue
      })
      return { findings: found.map(({ finding }) => finding), candidates, inversion: found[0]!.inversion }
    },
  }
}

/** Only a p-value that is exact for any picture may be looked for in several. */
const isSurer = ({ reading }: Read<unknown>, before: Read<unknown> | undefined): boolean =>
  before === undefined || (reading.exactGiven === 'any-picture' && reading.pValue < before.reading.pValue)

function* ask(
  { key, member = 0 }: AskedKey,
  noise: Tensor,
): Pieces<{ readonly member: number; readonly reading: Reading }> {
  const who = member === 'all' ? (key.members === 1 ? 0 : (yield* key.identifyInPieces(noise)).member) : member
  return { member: who, reading: key.mark(who).read(noise) }
}

function judged(
  key: WatermarkKey,
  { member, reading, as }: Read<unknown>,
  calibration: Calibration | undefined,
): { readonly pValue: number; readonly basis: Basis; readonly smallest: number } {
  if (reading.exactGiven === 'any-picture') {
    return { pValue: reading.pValue, basis: 'any-picture', smallest: key.smallestPValue }
  }
  // A calibration speaks of pictures as they come.
  if (!calibration || as.undone !== undefined) return { pValue: reading.pValue, basis: 'white-noise', smallest: 0 }
  return { ...calibratedPValue(key.mark(member), reading.score, calibration), basis: 'calibration' }
}

function verdictOf({
  familyPValue,
  falsePositiveRate,
  basis,
  smallest,
  isRecovered,
}: {
  readonly familyPValue: number
  readonly falsePositiveRate: number
  readonly basis: Basis
  readonly smallest: number
  readonly isRecovered: boolean
}): Pick<Finding, 'verdict' | 'because'> {
  if (basis === 'white-noise') return { verdict: 'undecided', because: 'white-noise' }
  if (familyPValue <= falsePositiveRate) return { verdict: 'marked' }
  // No picture can be marked at this rate: that this one is not says nothing.
  if (smallest > falsePositiveRate) return { verdict: 'undecided', because: 'too-few' }
  return isRecovered ? { verdict: 'unmarked' } : { verdict: 'undecided', because: 'not-recovered' }
}

function checkOptions(keys: readonly AskedKey[], falsePositiveRate: number): void {
  const remedy = 'Pass the key of a mark: `keys: [{ key }]`.'
  if (!Array.isArray(keys)) {
    throw expected('bad-option', 'a list of keys', '`keys`', gotText(keys), remedy)
  }
  if (keys.length === 0) throw expected('bad-option', 'at least one key', '`keys`', 'none', remedy)
  if (!keys.every((one) => typeof one?.key?.mark === 'function')) {
    throw expected('bad-option', 'each key as `{ key }`', '`keys`', 'something else', remedy)
  }
  for (const asked of keys) {
    checkOptionNames(asked, { key: true, member: true }, 'keys')
    if (asked.member !== 'all') asked.key.mark(asked.member)
  }
  if (falsePositiveRate > 0 && falsePositiveRate < 1) return
  throw expected(
    'bad-option',
    'a rate in (0, 1)',
    '`falsePositiveRate`',
    gotText(falsePositiveRate),
    'The default is 1e-6.',
  )
}
