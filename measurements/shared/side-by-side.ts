/** A verb for each of several prompts, some at a time: what their networks are asked meets in batches. */
import { coalescedModel, coalescer, type DiffusionModel, type Steps, type Task, together } from 'undiffuse'

/** The progress and the result of a task as steps of a larger work. */
export async function* stepsOf<T>(task: Task<T>): Steps<T> {
  for await (const progress of task) yield progress
  return await task
}

/**
 * Runs `verb` for all items, `chunk` of them sharing every network run; results in their order.
 *
 * A batch may round otherwise than a single run: results agree with those of chunk 1 up to float32. The first error of
 * any ends all.
 *
 * @example yield* sideBySide(model, prompts, 4, (prompt, model) => generate({ model, prompt }))
 */
export async function* sideBySide<Item, Result>(
  model: DiffusionModel,
  items: readonly Item[],
  chunk: number,
  verb: (item: Item, model: DiffusionModel, index: number) => Task<Result>,
): Steps<readonly Result[]> {
  const results: Result[] = []
  while (results.length < items.length) {
    const before = results.length
    const some = items.slice(before, before + chunk)
    const meeting = coalescer(some.length)
    const models = coalescedModel(model, meeting)
    const runs = some.map((item, i) => stepsOf(verb(item, models(i), before + i)))
    results.push(...(yield* together(runs, meeting, { before, all: items.length })))
  }
  return results
}
