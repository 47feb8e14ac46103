/** Draws for tests that mutate: from a seed, the same on every machine. */

/** Integers from 0 below `limit`. Marsaglia's xorshift of 32 bits. */
export function chance(seed: number): (limit: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1
  return (limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
}

export const oneOf = <T>(values: readonly T[], below: (limit: number) => number): T => values[below(values.length)]!
