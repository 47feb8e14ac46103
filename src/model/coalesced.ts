/** One model for each of several pieces of work; what they ask at the same time runs as one batch. */
import type { BatchRun, Member } from '../core/coalesce.js'
import type { Answer, Ask, Door, Kind } from './questions.js'

/**
 * The model as a member of a coalescer sees it. All views that meet in one batch are made by one call of `coalesced`.
 *
 * @example
 * const { join } = coalescer()
 * const viewOf = coalesced(model)
 * const [first, second] = [viewOf(join()), viewOf(join())]
 */
export function coalesced<M extends Door>(plain: M): (member: Member) => M {
  const runs = new Map<Kind, BatchRun<unknown, unknown>>()
  function runOf<K extends Kind>(kind: K): BatchRun<Ask<K>, Answer<K>> {
    const run = runs.get(kind) ?? ((asks, signal) => plain.ask(kind, asks as readonly Ask<K>[], signal))
    runs.set(kind, run)
    return run as BatchRun<Ask<K>, Answer<K>>
  }
  return (member) => {
    const ask: Door['ask'] = (kind, asks, signal) => member.ask(runOf(kind), asks, signal)
    return { ...plain, ask }
  }
}
