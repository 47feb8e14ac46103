/** Several pieces of long work side by side, as one piece: what they ask of a coalescer meets in batches. */
import type { Progress, Steps } from './progress.js'

/** Where the pieces meet: a piece that has finished leaves, and everything is closed at the end. */
export interface Meeting {
  leave(run: number): void
  close(reason: unknown): void
}

/** What of a larger whole these pieces are. */
export interface Position {
  readonly before: number
  readonly all: number
}

/**
 * Advances all runs at once and returns their results in order. A run that has finished leaves the coalescer.
 *
 * Progress counts over all pieces; its residual is the largest. The first error of any run stops all; leaving early runs
 * their `finally` blocks.
 *
 * @example
 * const results = yield* together(items.map((item, i) => work(item, i)), meeting, { before: 0, all: items.length })
 */
export async function* together<T>(
  runs: readonly Steps<T>[],
  { leave, close }: Meeting,
  position: Position = { before: 0, all: runs.length },
): Steps<readonly T[]> {
  const results = new Map<number, T>()
  const latest = new Map<number, Progress>()
  const underWay = new Map<number, Promise<{ run: number; step: IteratorResult<Progress, T> }>>()
  const advance = (run: number) => {
    const next = runs[run]!.next().then((step) => ({ run, step }))
    // A run may fail while the reader of progress is busy: it is heard in the race below.
    next.catch(() => {})
    underWay.set(run, next)
  }
  try {
    for (const run of runs.keys()) advance(run)
    while (underWay.size > 0) {
      const { run, step } = await Promise.race(underWay.values())
      if (step.done) {
        underWay.delete(run)
        results.set(run, step.value)
        leave(run)
      } else {
        advance(run)
        latest.set(run, step.value)
        yield overall(step.value, latest, results, position)
      }
    }
    return runs.map((_, run) => results.get(run)!)
  } finally {
    close(new Error('Another run failed, or the work was left.'))
    await Promise.allSettled(underWay.values())
    await Promise.allSettled(runs.map((run) => run.return(undefined as never)))
  }
}

/** Over all runs; one that has finished counts with its whole budget. */
function overall(
  { stage, total: each = 1 }: Progress,
  latest: ReadonlyMap<number, Progress>,
  finished: ReadonlyMap<number, unknown>,
  { before, all }: Position,
): Progress {
  const runs = [...latest]
  const counts = runs.map(([run, { done }]) => (finished.has(run) ? each : done))
  const done = before * each + counts.reduce((sum, count) => sum + count, 0)
  const residual = Math.max(...runs.map(([, progress]) => progress.residual ?? 0))
  return { stage, done, total: all * each, residual }
}
