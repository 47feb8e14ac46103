/**
 * An operation: something that people do with the library and files, described as data. Command line, server and studio
 * make options, routes and forms of it; it knows none of them.
 */
import type { Profile } from '../autoencoder/profile.js'
import type { Hint } from '../core/errors.js'
import type { Progress, Signal, Steps } from '../core/progress.js'
import type { OperationFields, Settings } from './fields.js'
import type { Held, Host, Note } from './host.js'

/** How many of several pictures, or other parts of the work, are finished: the next ones are in hand. */
export interface Parts {
  readonly done: number
  readonly total: number
  /** How many are in hand at once. Default 1. */
  readonly inHand?: number
  /** How much of those in hand is finished besides: 1.5 of four, say. Default: it is not known. */
  readonly begun?: number
  /** What one of them is called. Default: `picture`. */
  readonly one?: string
  /** What each is expected to cost, against the others. Default: all the same. */
  readonly weights?: readonly number[]
  /** Instead of `weights`: the seconds that each is expected to take. Each has a pace of its own then. */
  readonly seconds?: readonly number[]
  /** A note has told already how long all of it takes. */
  readonly isTold?: boolean
}

/** What an operation says while it runs: how far it is, and what cannot wait for the end. */
export interface Told extends Progress {
  /** Of work that has several; the rest of the progress is of the ones in hand. */
  readonly parts?: Parts
  /** Said before it takes effect: what a long part will cost, say. */
  readonly note?: Note
  /** A part of the result that is finished, of an operation over many pictures. */
  readonly line?: unknown
  /**
   * What holds what is finished if the work ends now: a file that the work goes on from, or files of finished parts; `null`
   * once there is none.
   */
  readonly keeps?: string | readonly string[] | null
  /** A profile that was measured on the way. */
  readonly profile?: Profile
}

/** What is left of an operation. */
export interface Finished<R> {
  /** A report, as JSON has it; numbers carry their unit in the key. */
  readonly result: R
  /** The files that were written. */
  readonly files: readonly string[]
  readonly notes: readonly Note[]
}

/** Runs to the end: yields what it tells, returns what is left. */
export type Running<R> = Steps<Finished<R>, Told>

export interface Operation<F extends OperationFields = OperationFields, R = unknown> {
  /** Lower-case words; the same on the command line: `watermark detect`. */
  readonly id: string
  readonly title: string
  readonly fields: F
  /**
   * Reads, computes, writes. What can be known to fail fails before a network runs. Throws `bad-option` for settings that
   * do not go together; otherwise as the verbs, the models and the host's files.
   */
  run(settings: Settings<F>, host: Host, signal?: Signal): Running<R>
}

/** For lists of operations, which know neither their settings nor their results. */
// biome-ignore lint/suspicious/noExplicitAny: settings and results of any kind.
export type AnyOperation = Operation<any, any>

/** An operation, its settings typed by its fields. */
export const operation = <const F extends OperationFields, R>(description: Operation<F, R>): Operation<F, R> =>
  description

/** A note as a step of a run. */
export const noted = (about: string, text: string, hint?: Hint): Told => ({
  stage: about,
  done: 0,
  note: { about, text, ...(hint && { hint }) },
})

/** What there is to say about how a model was opened, as steps of a run. */
export const notedOf = (held: Held<unknown> | undefined): readonly Told[] =>
  (held?.notes ?? []).map(({ about, text }) => noted(about, text))

/** The steps of a task, as a part of a whole where it is one: a part with a name, or pictures among others. */
export async function* partOf<T>(
  task: PromiseLike<T> & AsyncIterable<Progress>,
  part?: string | Parts,
): Steps<T, Told> {
  for await (const progress of task) {
    if (typeof part === 'string') yield { ...progress, stage: `${part}: ${progress.stage}` }
    else yield part === undefined ? progress : { ...progress, parts: part }
  }
  return await task
}
