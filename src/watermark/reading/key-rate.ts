/**
 * How often one key calls unmarked pictures marked. A p-value holds over the draw of the key; this is what became of one
 * draw, and false alarms of one key come together: pictures that are alike are taken for marked together.
 */
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { wilsonInterval } from '../../math/statistics.js'
import type { Tensor } from '../../math/tensor.js'
import type { AskedKey } from './detect.js'

/** Rates that a key is held to. */
export const nominalRates: readonly number[] = [0.05, 0.01, 0.001]

/** What a key does at one rate. */
export interface KeyRate {
  readonly nominalRate: number
  /** Unmarked pictures with a p-value of at most that. */
  readonly found: number
  readonly rate: number
  /** Of the key's rate in pictures like these: its 95 % interval (Wilson). */
  readonly low: number
  readonly high: number
}

export interface KeyRateOptions {
  /** Default 5, 1 and 0.1 %. */
  readonly rates?: readonly number[] | undefined
  /** Lets the host hear what happened meanwhile; called between readings. */
  readonly pause?: (() => Promise<void>) | undefined
  readonly signal?: Signal | undefined
}

/**
 * The false-positive rates of one key, from noises that were recovered from unmarked pictures.
 *
 * rate(α) = #{i: p(noiseᵢ) ≤ α}/n, p of a member, or with `member: 'all'` that any of a family is found. The mean over keys is at
 * most α, whatever the pictures; of one key it may be several times as much. Cost: n readings, no network. Errors:
 * `bad-option` for no noise, `bad-shape` for noise of another shape.
 *
 * @example
 * (await keyRates({ key }, noises))[0].nominalRate // 0.05
 */
export const keyRates = (
  asked: AskedKey,
  noises: readonly Tensor[],
  options: KeyRateOptions = {},
): Task<readonly KeyRate[]> => new Task(readRates(asked, noises, options), options.signal)

/** The same as steps of a whole. */
export async function* readRates(
  { key, member = 0 }: AskedKey,
  noises: readonly Tensor[],
  { rates = nominalRates, pause }: KeyRateOptions,
): Steps<readonly KeyRate[]> {
  if (noises.length === 0) {
    const remedy = 'Pass the noise of unmarked pictures.'
    throw expected('bad-option', 'at least one noise', 'the rate of a key', 'none', remedy)
  }
  const mark = member === 'all' ? undefined : key.mark(member)
  const pValues: number[] = []
  for (const noise of noises) {
    pValues.push(mark ? mark.read(noise).pValue : key.identify(noise).familyPValue)
    yield { stage: `key ${key.id}`, done: pValues.length, total: noises.length }
    await pause?.()
  }
  return rates.map((nominalRate) => {
    const found = pValues.filter((p) => p <= nominalRate).length
    return { nominalRate, found, rate: found / noises.length, ...wilsonInterval(found, noises.length) }
  })
}

/** Whether a key takes no larger share of unmarked pictures for marked than it says, at each of its rates. */
export const keepsRate = (rates: readonly KeyRate[]): boolean =>
  rates.every(({ rate, nominalRate }) => rate <= nominalRate)
