/** A key that keeps its rate on unmarked pictures: keys are drawn until one does. */
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { type Tensor, zeros } from '../../math/tensor.js'
import { type NewKey, newKey, readKey } from '../key.js'
import { secretBytes } from '../secret.js'
import { type KeyRate, keepsRate, readRates } from './key-rate.js'

export interface ChooseKeyOptions {
  /** Recovered from unmarked pictures. */
  readonly noises: readonly Tensor[]
  /** So many bytes that nobody can predict. */
  randomBytes(count: number): Uint8Array
  /** Lets the host hear what happened meanwhile; called between readings. */
  readonly pause?: (() => Promise<void>) | undefined
  readonly signal?: Signal | undefined
}

export interface ChosenKey {
  /** Of the key file, which says how many were drawn. */
  readonly text: string
  readonly drawn: number
  /** On the pictures that it was chosen by. */
  readonly rates: readonly KeyRate[]
}

/** About every third key keeps its rate: that so many do not says that something is wrong. */
const mostDrawn = 1000

/**
 * Draws keys until one takes no more of these unmarked pictures for marked than its rates say: 5, 1 and 0.1 %.
 *
 * Of a family it is that any of its members is found. Over all that may be drawn, P(p ≤ α) of the key that is kept is at most E[drawn]·α (Wald): about 3α, whatever the picture. In
 * pictures like these it is about what it was there. Cost: n readings for each key, no network. Errors:
 * `bad-option` for a scheme whose p-values are not over the draw of the key, for no noise, and where none of 1000 keeps its
 * rate; those of `newKey`.
 *
 * @example
 * const { text, drawn } = await chooseKey({ scheme: 'gaussian-shading:bits=4', model: 'm', latentShape }, { noises, randomBytes })
 */
export const chooseKey = (fields: NewKey, options: ChooseKeyOptions): Task<ChosenKey> =>
  new Task(drawKeys(fields, options), options.signal)

async function* drawKeys(fields: NewKey, { noises, randomBytes, pause }: ChooseKeyOptions): Steps<ChosenKey> {
  const pictures = noises.length
  for (let drawn = 1; drawn <= mostDrawn; drawn++) {
    const text = newKey({ ...fields, chosen: { drawn, pictures: Math.max(1, pictures) } }, randomBytes(secretBytes))
    const key = readKey(text, 'a new key')
    if (key.mark().read(zeros(key.latentShape)).exactGiven !== 'any-picture') {
      const remedy = 'Use another scheme, or `rand` or `ring` in the centred mask.'
      throw expected('bad-option', 'a scheme whose keys differ', 'a key to choose', `\`${key.scheme}\``, remedy)
    }
    const rates = yield* readRates({ key, member: key.members > 1 ? 'all' : 0 }, noises, { pause })
    if (keepsRate(rates)) return { text, drawn, rates }
  }
  const remedy = 'Check that the pictures are unmarked.'
  throw expected('bad-option', 'a key that keeps its rate', `${pictures} pictures`, `none of ${mostDrawn}`, remedy)
}
