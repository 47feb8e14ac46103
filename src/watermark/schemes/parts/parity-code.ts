/** Decoding of sparse parity checks by belief propagation. Which checks there are is the code's business. */

const iterations = 40
/** Beliefs are kept below this, so that products of their tanh stay below 1. */
const certain = 30

/**
 * The log-likelihood ratios of bits, positive for 0, given those of a channel and checks that their sums are even.
 *
 * Sum-product: a check tells each of its bits 2·atanh Π tanh(m/2) over the others; a bit tells each of its checks the
 * channel's ratio plus what the others say. Ends when all checks hold. Cost: edges × iterations. Source: Gallager, 1962;
 * MacKay, 1999.
 *
 * @example decodeParity(Float64Array.of(4, -0.1, 3), [[0, 1, 2]])[1] > 0 // true
 */
export function decodeParity(channel: Float64Array, checks: readonly (readonly number[])[]): Float64Array {
  const bitAt = Uint32Array.from(checks.flat())
  const ends = Uint32Array.from(checks, (check) => check.length)
  const toChecks = Float64Array.from(bitAt, (bit) => channel[bit]!)
  const halves = new Float64Array(bitAt.length)
  let total = channel
  for (let i = 0; i < iterations; i++) {
    const next = channel.slice()
    for (let edge = 0; edge < bitAt.length; edge++) halves[edge] = Math.tanh(toChecks[edge]! / 2)
    for (let check = 0, start = 0; check < ends.length; start += ends[check++]!) {
      const end = start + ends[check]!
      for (let edge = start; edge < end; edge++) {
        let product = 1
        for (let other = start; other < end; other++) if (other !== edge) product *= halves[other]!
        // 2·atanh; what is said to a bit is kept where it waits for the bit's sum.
        toChecks[edge] = Math.min(certain, Math.max(-certain, Math.log((1 + product) / (1 - product))))
        next[bitAt[edge]!]! += toChecks[edge]!
      }
    }
    total = next
    let odd = 0
    for (let check = 0, start = 0; check < ends.length; start += ends[check++]!) {
      let negative = 0
      for (let edge = start; edge < start + ends[check]!; edge++) if (total[bitAt[edge]!]! < 0) negative++
      odd += negative & 1
    }
    if (odd === 0) break
    for (let edge = 0; edge < bitAt.length; edge++) toChecks[edge] = total[bitAt[edge]!]! - toChecks[edge]!
  }
  return total
}
