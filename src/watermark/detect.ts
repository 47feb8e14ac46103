/**
 * From pictures to verdicts: decoder inversion, inversion to the noise, and what each key says of it. The statistics are
 * the schemes'.
 */
import { expected } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import { automatic } from '../diffusion/inverters/automatic.js'
import { naive } from '../diffusion/inverters/naive.js'
import type { Tensor } from '../math/tensor.js'
import { type InvertAllOptions, invertAll, type NoiseInversion, type PromptedSource } from '../verbs/invert.js'
import { type Calibration, calibratedPValue } from './calibration.js'
import { checkKey, type WatermarkKey } from './key.js'
import type { Reading } from './watermark.js'

/**
 * `marked` and `unmarked` at the false-positive rate that was asked for; `undecided` where there is no p-value to say so:
 * a mark whose p-value is exact only given white noise, without a calibration or with one that is too small.
 */
export type Verdict = 'marked' | 'unmarked' | 'undecided'

/** What the p-value of a finding rests on. */
export type Basis = 'any-picture' | 'calibration' | 'white-noise'

/** What one mark says of one picture. */
export interface Finding {
  readonly key: string
  readonly scheme: string
  readonly member: number
  readonly reading: Reading
  /** Of this mark alone. */
  readonly pValue: number
  /** min(1, number of marks asked·p): that any of them is found in a picture without them. */
  readonly familyPValue: number
  readonly basis: Basis
  readonly verdict: Verdict
}

export interface Detection {
  /** The surest first. */
  readonly findings: readonly Finding[]
  readonly falsePositiveRate: number
  readonly inversion: NoiseInversion
}

export interface AskedKey {
  readonly key: WatermarkKey
  /** Default 0; `all` asks a family who it is. */
  readonly member?: number | 'all' | undefined
}

export interface DetectOptions extends InvertAllOptions {
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
 * best member, times its members. Cost: one inversion for each picture. The inverter is `naive` without a prompt, where
 * nothing finds the noise that was used, and `automatic` with one. Errors: `bad-option` for a key of another model and no
 * keys, `bad-shape` for pictures of another size; those of `invertAll`.
 *
 * @example
 * const [{ findings }] = await detectAll([{ image }], { model, keys: [{ key }], falsePositiveRate: 1e-6 })
 */
export const detectAll = (sources: readonly PromptedSource[], options: DetectOptions): Task<readonly Detection[]> =>
  new Task(detections(sources, options), options.signal)

async function* detections(
  sources: readonly PromptedSource[],
  { keys, falsePositiveRate = defaultFalsePositiveRate, calibration, ...options }: DetectOptions,
): Steps<readonly Detection[]> {
  checkOptions(keys, falsePositiveRate)
  for (const source of sources) {
    const shape = shapeOf(source, options)
    for (const { key } of keys) checkKey(key, { model: options.model.name, latentShape: shape })
  }
  const inverter = options.inverter ?? (options.prompt === undefined ? naive() : automatic())
  const inversions = yield* stepsOf(invertAll(sources, { ...options, inverter }))
  return inversions.map((inversion) => ({
    findings: findingsIn(inversion.noise, { keys, falsePositiveRate, calibration }),
    falsePositiveRate,
    inversion,
  }))
}

export interface ReadOptions {
  readonly keys: readonly AskedKey[]
  readonly falsePositiveRate: number
  readonly calibration?: Calibration | undefined
}

/** What marks say of a noise that is at hand; no network. */
export function findingsIn(noise: Tensor, { keys, falsePositiveRate, calibration }: ReadOptions): readonly Finding[] {
  const asked = keys.reduce((sum, { key, member }) => sum + (member === 'all' ? key.members : 1), 0)
  const found = keys.map((one) => {
    const { member, reading } = ask(one, noise)
    const { pValue, basis, smallest } = judged(one.key, member, reading, calibration)
    const familyPValue = Math.min(1, asked * pValue)
    const { id: key, scheme } = one.key
    const verdict = verdictOf({ familyPValue, falsePositiveRate, basis, smallest: asked * smallest })
    return { key, scheme, member, reading, pValue, familyPValue, basis, verdict }
  })
  return found.sort((a, b) => a.pValue - b.pValue)
}

function ask({ key, member = 0 }: AskedKey, noise: Tensor): { readonly member: number; readonly reading: Reading } {
  const who = member === 'all' ? (key.members === 1 ? 0 : key.identify(noise).member) : member
  return { member: who, reading: key.mark(who).read(noise) }
}

function judged(key: WatermarkKey, member: number, reading: Reading, calibration: Calibration | undefined) {
  if (reading.exactGiven === 'any-picture')
    return { pValue: reading.pValue, basis: 'any-picture', smallest: 0 } as const
  if (!calibration) return { pValue: reading.pValue, basis: 'white-noise', smallest: 0 } as const
  return { ...calibratedPValue(key.mark(member), reading.score, calibration), basis: 'calibration' } as const
}

function verdictOf({
  familyPValue,
  falsePositiveRate,
  basis,
  smallest,
}: {
  readonly familyPValue: number
  readonly falsePositiveRate: number
  readonly basis: Basis
  readonly smallest: number
}): Verdict {
  if (basis === 'white-noise') return 'undecided'
  if (familyPValue <= falsePositiveRate) return 'marked'
  // The calibration has nothing like it, and is too small to say how rare that is.
  return smallest > falsePositiveRate && familyPValue <= Math.min(1, smallest) ? 'undecided' : 'unmarked'
}

function checkOptions(keys: readonly AskedKey[], falsePositiveRate: number): void {
  if (keys.length === 0) throw expected('bad-option', 'at least one key', '`keys`', 'none', 'Pass the key of a mark.')
  if (falsePositiveRate > 0 && falsePositiveRate < 1) return
  const remedy = 'The default is 1e-6.'
  throw expected('bad-option', 'a rate in (0, 1)', '`falsePositiveRate`', `${falsePositiveRate}`, remedy)
}

const shapeOf = (source: PromptedSource, { model }: InvertAllOptions) =>
  'image' in source
    ? model.autoencoder.latentShape(source.image.shape)
    : 'state' in source
      ? source.state.x.shape
      : source.latent.shape

/** The steps of a task, as a part of other work. */
async function* stepsOf<T>(task: Task<T>): Steps<T> {
  for await (const progress of task) yield progress
  return await task
}
