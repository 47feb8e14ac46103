/** Many pictures, some at a time: those that are broken are lines among the results, not the end of the run. */
import { type ErrorCode, isUndiffuseError, type UndiffuseError } from 'undiffuse'
import { worded } from './remedies.js'

/** A picture, or what stands for one, by the name it has in results. */
export interface Item<T> {
  readonly name: string
  open(): Promise<T>
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
  readonly signal: AbortSignal
  /** A line for each. `place` is for people: `12 of 10000`. */
  work(opened: readonly Opened<T>[], place: string): Promise<readonly L[]>
  /** The line of what failed; may throw, which ends the run. */
  failed(name: string, error: UndiffuseError): L
  keep(lines: readonly L[]): Promise<void>
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
export async function survey<T, L>(items: readonly Item<T>[], options: SurveyOptions<T, L>): Promise<void> {
  const { chunk, finished, signal, work, failed, keep } = options
  let waiting: Opened<T>[] = []
  let done = items.filter(({ name }) => finished.has(name)).length
  const place = (count: number) => `${done + count} of ${items.length}`

  async function finish() {
    const opened = waiting
    waiting = []
    await keep(await workOn(opened))
    done += opened.length
  }
  async function workOn(opened: readonly Opened<T>[]): Promise<readonly L[]> {
    try {
      return await work(opened, place(opened.length))
    } catch (error) {
      const reason = ofOne(error)
      if (opened.length === 1) return [failed(opened[0]!.name, reason)]
      const lines: L[] = []
      for (const one of opened) lines.push(...(await workOn([one])))
      return lines
    }
  }
  function ofOne(error: unknown): UndiffuseError {
    signal.throwIfAborted()
    if (isUndiffuseError(error) && ofOnePicture.includes(error.code)) return worded(error)
    throw error
  }

  for (const { name, open } of items) {
    if (finished.has(name)) continue
    signal.throwIfAborted()
    try {
      waiting.push({ name, value: await open() })
    } catch (error) {
      await keep([failed(name, ofOne(error))])
      done++
    }
    if (waiting.length === chunk) await finish()
  }
  if (waiting.length > 0) await finish()
}
