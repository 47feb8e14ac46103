/** The Pareto frontier: of several ways to pay for an error, those that no other way beats in both. */

export interface Tradeoff {
  /** Seconds, bytes, evaluations: smaller is better. */
  readonly cost: number
  /** Smaller is better. */
  readonly error: number
}

/**
 * The points that no other point beats, from the cheapest to the most accurate.
 *
 * One point beats another when it is no worse in cost and in error, and better in one. Of equal points the first stays.
 *
 * @example frontier([{ cost: 1, error: 3 }, { cost: 2, error: 4 }, { cost: 3, error: 1 }]) // the first and the last
 */
export function frontier<T extends Tradeoff>(points: readonly T[]): readonly T[] {
  const sorted = [...points].sort((a, b) => a.cost - b.cost || a.error - b.error)
  const best: T[] = []
  for (const point of sorted) {
    const last = best.at(-1)
    if (!last || point.error < last.error) best.push(point)
  }
  return best
}
