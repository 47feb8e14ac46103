/**
 * Seeded random numbers for the scenes: xoshiro128** (Blackman and Vigna, 2018) started by splitmix32.
 * The same numbers on every machine. Not for cryptography, and not the Gaussian noise of the library.
 */

/** Uniform numbers in [0, 1), one per call. */
export type Random = () => number

/** A well mixed 32-bit number from two integers: how a seed and an index become a new seed. */
export function mix(seed: number, index: number): number {
  let z = (seed + Math.imul(index + 1, 0x9e3779b9)) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}

/** The 32-bit integers of xoshiro128** from its four words of state, which must not all be zero. */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state
  return () => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
}

/** Random numbers in [0, 1) that depend on the 32-bit seed alone. */
export function randomFrom(seed: number): Random {
  const next = xoshiro128([mix(seed, 0), mix(seed, 1), mix(seed, 2), mix(seed, 3) | 1])
  return () => next() / 4294967296
}

/** A uniform number in [low, high). */
export const between = (random: Random, low: number, high: number): number => low + (high - low) * random()

/** One entry of a list, each equally likely. */
export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!
