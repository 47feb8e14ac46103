/** A mask from what the network itself looks at: cross-attention of the words that an edit changes. */
import { expected } from '../../core/errors.js'
import type { Steps } from '../../core/progress.js'
import { combine, map, type Tensor, zeros } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import type { DiffusionModel } from '../../model/model.js'
import { otsuThreshold } from '../../pictures/otsu.js'
import type { AskedEdit, EditProblem, LatentEdit } from '../parts/edit-method.js'
import { watchedLevels } from '../parts/watched-levels.js'
import { changedWords } from './words.js'

/**
 * Where the changed words of source and target are looked at, along the source's trajectory: 1 × h × w, 1 inside.
 *
 * For each prompt, A = mean over `count` levels of Σ over its changed words of the probability that a place looks at their
 * tokens; the mask is A > Otsu's threshold, the union of both prompts'. Zero everywhere where no word changes. Cost: `count`
 * evaluations for each prompt. Errors: those of `checkAttention`. Source: the masks of
 * prompt-to-prompt's local blending, Hertz et al., ICLR 2023; Patashnik et al., ICCV 2023 for the union. Deviation: the
 * target is asked on the source's trajectory, which costs no second sampling; the threshold is not fixed.
 */
export async function* attentionMask(
  { trajectory, grid }: Pick<LatentEdit, 'trajectory' | 'grid'>,
  { model, from, to, signal }: EditProblem,
  count: number,
): Steps<Tensor> {
  const words = changedWords(from, to)
  const levels = watchedLevels(grid, count)
  const prompts = [
    { text: from, changed: words.from },
    { text: to, changed: words.to },
  ].filter(({ changed }) => changed.length > 0)
  let mask = zeros([1, ...trajectory[0]!.x.shape.slice(1)])
  for (const [k, { text, changed }] of prompts.entries()) {
    const condition = await model.condition(text, signal)
    const places = wordsOf(model, condition)
    const tokens = changed.flatMap((word) => places[word]!)
    const seen: Tensor[] = []
    for (const i of levels) {
      const [all] = await model.ask('looks', [{ x: trajectory[i]!.x, level: grid[i]!, condition }], signal)
      seen.push(sumOver(all!, tokens))
      yield { stage: 'attention', done: k * levels.length + seen.length, total: prompts.length * levels.length }
    }
    const whole = combine(...seen.map((one) => [1 / seen.length, one] as const))
    const threshold = otsuThreshold(whole.data)
    mask = map(mask, (value, i) => (value === 1 || whole.data[i]! > threshold ? 1 : 0))
  }
  return mask
}

/** Throws `unsupported` where the network's attention is not known, `bad-option` where no word changes. */
export function checkAttention({ model, from, to }: AskedEdit): void {
  if (!model.answers.has('looks')) throw unknownAttention(model)
  const changed = changedWords(from, to)
  if (changed.from.length + changed.to.length > 0) return
  const [what, got] = ['prompts that differ in a word', `“${from}” and “${to}”`]
  throw expected('bad-option', what, 'a mask by attention', got, 'Change a word, or pass a mask.')
}

function wordsOf(model: DiffusionModel, { words }: Condition): readonly (readonly number[])[] {
  if (words) return words
  throw unknownAttention(model)
}

function unknownAttention({ name }: DiffusionModel) {
  const remedy = 'Pass a mask, or find it by `mask=difference`.'
  return expected('unsupported', 'a network whose attention is known', 'a mask', `\`${name}\``, remedy)
}

/** Σ over some tokens of tokens × places: 1 × places. */
function sumOver({ shape, data }: Tensor, tokens: readonly number[]): Tensor {
  const sum = zeros([1, ...shape.slice(1)])
  const area = sum.data.length
  for (const token of tokens) for (let i = 0; i < area; i++) sum.data[i]! += data[token * area + i]!
  return sum
}
