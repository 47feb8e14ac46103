/** What many runs are fed again and again, sent to the runtime once: a prompt's keys and values, a reference picture. */
import type { Feeds, Held } from '../../graph/runtime.js'
import type { SessionPool, Tensors } from './pool.js'

/**
 * Feeds that depend only on some objects, in this order: held by the runtime while they are among the `most` that were asked
 * for last. Objects are told apart by identity, and are taken to stay what they are.
 *
 * @example
 * const feeds = heldBatches(pool, 4)
 * await pool.run(key, graph, { sample, ...feeds(prompts, () => stackedPrompts(prompts)) })
 */
export function heldBatches(pool: SessionPool, most: number): (of: readonly object[], make: () => Tensors) => Feeds {
  const numbers = new WeakMap<object, number>()
  let count = 0
  const numberOf = (one: object): number => {
    const number = numbers.get(one) ?? ++count
    numbers.set(one, number)
    return number
  }
  /** The one used last comes last. */
  const known = new Map<string, Readonly<Record<string, Held>>>()

  return (of, make) => {
    const key = of.map(numberOf).join(' ')
    const feeds =
      known.get(key) ?? Object.fromEntries(Object.entries(make()).map(([name, tensor]) => [name, pool.hold(tensor)]))
    known.delete(key)
    known.set(key, feeds)
    for (const [oldest, others] of known) {
      if (known.size <= most) break
      known.delete(oldest)
      for (const value of Object.values(others)) pool.release(value)
    }
    return feeds
  }
}
