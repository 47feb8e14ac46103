/** The 32-bit Mersenne Twister, MT19937: the engine below noise.ts. Not for secrets. */

const size = 624
const middle = 397

/**
 * An endless stream of 32-bit unsigned integers from a 32-bit seed.
 *
 * Source: Matsumoto and Nishimura, "Mersenne Twister", 1998, with the initialisation of 2002; the same stream as
 * `std::mt19937` and PyTorch's CPU generator.
 *
 * @example const next = mersenneTwister(5489); next() // 3499211612
 */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(size)
  state[0] = seed
  for (let i = 1; i < size; i++) {
    const previous = state[i - 1]!
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i
  }
  let position = size

  function twist() {
    for (let i = 0; i < size; i++) {
      const joined = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff)
      state[i] = state[(i + middle) % size]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0)
    }
    position = 0
  }

  return () => {
    if (position === size) twist()
    let word = state[position++]!
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    word ^= word >>> 18
    return word >>> 0
  }
}
