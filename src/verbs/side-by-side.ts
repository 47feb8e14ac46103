/** Pieces of work some at a time: what they ask of a model at the same time runs as one batch. */
import { coalescer } from '../core/coalesce.js'
import { expected, gotText } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import { together } from '../core/together.js'
import { coalesced } from '../model/coalesced.js'
import type { Door } from '../model/questions.js'

/** Inverted at the same time where nothing else is said. */
export const defaultChunk = 4

/** Throws `bad-option` for an invalid number of pieces. */
export function checkChunk(chunk: number): void {
  if (Number.isInteger(chunk) && chunk >= 1) return
  throw expected('bad-option', 'an integer, at least 1', '`chunk`', gotText(chunk), `The default is ${defaultChunk}.`)
}

/** The progress and the result of a task as steps of a larger work. */
export async function* stepsOf<T>(task: Task<T>): Steps<T> {
  for await (const progress of task) yield progress
  return await task
}

const asSteps = <T>(work: Steps<T> | Task<T>): Steps<T> => (work instanceof Task ? stepsOf(work) : work)

/**
 * Does `work` for all items, `chunk` of them sharing every network run; results in their order.
 *
 * A batch may round otherwise than a single run: results agree with those of chunk 1 up to float32. Cost: for each chunk as
 * many runs as its longest piece asks. Memory: one chunk's batch. Progress counts over all items; its residual is the
 * largest. Errors: `bad-option` for a chunk below 1; the first error of any piece ends all.
 *
 * @example
 * const pictures = yield* sideBySide(model, prompts, 4, (prompt, view) => generate({ model: view, prompt }))
 */
export async function* sideBySide<M extends Door, Item, Result>(
  model: M,
  items: readonly Item[],
  chunk: number,
  work: (item: Item, model: M, index: number) => Steps<Result> | Task<Result>,
): Steps<readonly Result[]> {
  checkChunk(chunk)
  const results: Result[] = []
  while (results.length < items.length) {
    const before = results.length
    const some = items.slice(before, before + chunk)
    const { join, close } = coalescer()
    const viewOf = coalesced(model)
    const members = some.map(() => join())
    const runs = some.map((item, i) => asSteps(work(item, viewOf(members[i]!), before + i)))
    const meeting = { leave: (run: number) => members[run]!.leave(), close }
    results.push(...(yield* together(runs, meeting, { before, all: items.length })))
  }
  return results
}
