/** Decoding of sparse parity checks by belief propagation. Which checks there are is the code's business. */

const iterations = 40
/** Nobody's word is worth odds further from 1 than these, so that all quotients are numbers. */
const certain = Math.exp(30)
/** Nor are all words together, so that all products are, and their quotients by one of them. */
const surest = 1e280

const bounded = (odds: number, bound: number) => Math.min(bound, Math.max(1 / bound, odds))

/**
 * The log-likelihood ratios of bits, positive for 0, given those of a channel and checks that their sums are even.
 *
 * Sum-product on odds r = P(0)/P(1), which needs no logarithms: a check tells each of its bits (1 + p)/(1 − p) with
 * p = Π (r − 1)/(r + 1) over the others, which is tanh(ln r/2); a bit tells each of its checks the channel's odds times what
 * the others say. Ends when all checks hold. Cost: edges × iterations. Source: Gallager, 1962; MacKay, 1999.
 *
 * @example decodeParity(Float64Array.of(4, -0.1, 3), [[0, 1, 2]])[1] > 0 // true
 */
export function decodeParity(channel: Float64Array, checks: readonly (readonly number[])[]): Float64Array {
  const bitAt = Uint32Array.from(checks.flat())
  const ends = Uint32Array.from(checks, (check) => check.length)
  const received = channel.map((ratio) => bounded(Math.exp(ratio), certain))
  const odds = Float64Array.from(bitAt, (bit) => received[bit]!)
  const differences = new Float64Array(bitAt.length)
  let total = received
  for (let i = 0; i < iterations; i++) {
    total = received.slice()
    for (let edge = 0; edge < bitAt.length; edge++) differences[edge] = (odds[edge]! - 1) / (odds[edge]! + 1)
    for (let check = 0, start = 0; check < ends.length; start += ends[check++]!) {
      const end = start + ends[check]!
      for (let edge = start; edge < end; edge++) {
        let product = 1
        for (let other = start; other < end; other++) if (other !== edge) product *= differences[other]!
        // What is said to a bit is kept where it waits for the bit's product.
        odds[edge] = bounded((1 + product) / (1 - product), certain)
        total[bitAt[edge]!] = bounded(total[bitAt[edge]!]! * odds[edge]!, surest)
      }
    }
    let odd = 0
    for (let check = 0, start = 0; check < ends.length; start += ends[check++]!) {
      let ones = 0
      for (let edge = start; edge < start + ends[check]!; edge++) if (total[bitAt[edge]!]! < 1) ones++
      odd += ones & 1
    }
    if (odd === 0) break
    for (let edge = 0; edge < bitAt.length; edge++) odds[edge] = total[bitAt[edge]!]! / odds[edge]!
  }
  return total.map(Math.log)
}
