/** Many pictures, some at a time: those that are broken are lines among the results, not the end of the run. */
import { type ErrorCode, isUndiffuseError, type UndiffuseError } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { relay } from '../../core/relay.js'
import type { Parts, Told } from '../operation.js'

/** Steps where progress is to be told. */
type Work<T> = Promise<T> | Steps<T, Told>

/** A picture, or what stands for one, by the name it has in results. */
export interface Item<T> {
  readonly name: string
  open(): Work<T>
}

export interface Opened<T> {
  readonly name: string
  readonly value: T
}

export interface SurveyOptions<T, L> {
  /** Worked on at the same time. */
  readonly chunk: number
  /** Names whose results are there already. */
  readonly finished: ReadonlySet<string>
  readonly signal?: Signal | undefined
  /** A line for each. */
  work(opened: readonly Opened<T>[], parts: Parts): Work<readonly L[]>
  /** The line of what failed; may throw, which ends the run. */
  failed(name: string, error: UndiffuseError): L
  /** Keeps lines, and answers what is to be told of them. */
  keep(lines: readonly L[]): Promise<readonly Told[]>
}

/** What is the matter with one picture; any other error is the run's. */
const ofOnePicture: readonly ErrorCode[] = ['bad-image', 'bad-shape', 'not-finite']

/**
 * Opens items in their order, works on `chunk` of them at a time, and keeps a line for each.
 *
 * What cannot be opened is kept at once; a chunk that fails for one of its pictures is tried again one by one. Chunks are
 * made of the items that are not finished, so a run that was cut off between chunks goes on with the same ones. Memory:
 * one chunk.
 */
export async function* survey<T, L>(items: readonly Item<T>[], options: SurveyOptions<T, L>): Steps<void, Told> {
  const { chunk, finished, signal, work, failed, keep } = options
  let waiting: Opened<T>[] = []
  let done = items.filter(({ name }) => finished.has(name)).length
  const parts = () => ({ done, total: items.length })

  async function* finish(): Steps<void, Told> {
    const opened = waiting
    waiting = []
    yield* await keep(yield* workOn(opened))
    done += opened.length
    yield { stage: 'reading', done: 0, parts: parts() }
  }
  async function* workOn(opened: readonly Opened<T>[]): Steps<readonly L[]> {
    try {
      const inHand = { ...parts(), inHand: opened.length }
      return yield* stepsOf(work(opened, inHand), inHand)
    } catch (error) {
      const reason = ofOne(error)
      if (opened.length === 1) return [failed(opened[0]!.name, reason)]
      const lines: L[] = []
      for (const one of opened) lines.push(...(yield* workOn([one])))
      return lines
    }
  }
  function ofOne(error: unknown): UndiffuseError {
    signal?.throwIfAborted()
    if (isUndiffuseError(error) && ofOnePicture.includes(error.code)) return error
    throw error
  }

  for (const { name, open } of items) {
    if (finished.has(name)) continue
    signal?.throwIfAborted()
    try {
      waiting.push({ name, value: yield* stepsOf(open(), parts()) })
    } catch (error) {
      yield* await keep([failed(name, ofOne(error))])
      done++
    }
    if (waiting.length === chunk) yield* finish()
  }
  if (waiting.length > 0) yield* finish()
}

/** Every step says among how many parts it is, where it does not know better: what is left is theirs. */
async function* stepsOf<T>(work: Work<T>, parts: Parts): Steps<T, Told> {
  return 'then' in work ? await work : yield* relay(work, (progress) => ({ parts, ...progress }))
}
