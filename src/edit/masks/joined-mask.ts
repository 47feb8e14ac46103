/** A mask for things that move: attention and difference together, without gaps. */
import type { Steps } from '../../core/progress.js'
import { map, type Tensor } from '../../math/tensor.js'
import type { EditProblem, LatentEdit } from '../parts/edit-method.js'
import { attentionMask } from './attention-mask.js'
import { differenceMask } from './difference-mask.js'
import { closed } from './mask.js'

/** Entries on each side: gaps up to twice as wide are closed. */
const closing = 2

/** The share of a picture that a thing's own words are looked at; words of no place in particular have more. */
const mostOfAThing = 1 / 4

type Recovered = Pick<LatentEdit, 'trajectory' | 'grid'>

/** A ∪ D, closed, for an A that is known. Cost: that of D. */
async function* joinedWith(looked: Tensor, source: Recovered, problem: EditProblem, count: number): Steps<Tensor> {
  const apart = yield* differenceMask(source, problem, count)
  return closed(
    map(looked, (value, i) => Math.max(value, apart.data[i]!)),
    closing,
  )
}

/**
 * Where the changed words are looked at, or the prompts disagree: 1 × h × w, 1 inside.
 *
 * M = (A ∪ D) closed by a square of 2 entries on each side, A = `attentionMask`, D = `differenceMask`: a gap of up to four entries
 * would keep a piece of what moves away. Cost: `count` evaluations for each prompt, twice. Errors: those of `checkAttention`.
 */
export async function* joinedMask(source: Recovered, problem: EditProblem, count: number): Steps<Tensor> {
  return yield* joinedWith(yield* attentionMask(source, problem, count), source, problem, count)
}

/**
 * `attentionMask`; `joinedMask` where that covers more than a quarter of the picture: words such as "left" are of no place in
 * particular, and what they change lies at the old place and at the new one. `differenceMask` where the network's attention is
 * not known. Cost: `count` evaluations for each prompt, or twice that.
 */
export async function* placedMask(source: Recovered, problem: EditProblem, count: number): Steps<Tensor> {
  if (!problem.model.answers.has('looks')) return yield* differenceMask(source, problem, count)
  const looked = yield* attentionMask(source, problem, count)
  const inside = looked.data.reduce((sum, value) => sum + value, 0)
  return inside > mostOfAThing * looked.data.length ? yield* joinedWith(looked, source, problem, count) : looked
}
