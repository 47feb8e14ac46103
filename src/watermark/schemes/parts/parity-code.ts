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
  // What its check said to each bit last, and the odds of each bit by then.
  const said = new Float64Array(bitAt.length).fill(1)
  const differences = new Float64Array(bitAt.length)
  let [total, before] = [received.slice(), received]
  for (let i = 0; i < iterations; i++) {
    // The odds without what the check said itself, r = total/said: (r − 1)/(r + 1) with one division.
    for (let edge = 0; edge < bitAt.length; edge++) {
      const all = before[bitAt[edge]!]!
      differences[edge] = (all - said[edge]!) / (all + said[edge]!)
    }
    total = received.slice()
    for (let check = 0, start = 0; check < ends.length; check++) {
      const end = start + ends[check]!
      for (let edge = start; edge < end; edge++) {
        let product = 1
        for (let other = start; other < end; other++) if (other !== edge) product *= differences[other]!
        const told = bounded((1 + product) / (1 - product), certain)
        const bit = bitAt[edge]!
        said[edge] = told
        total[bit] = bounded(total[bit]! * told, surest)
      }
      start = end
    }
    if (allHold(total, bitAt, ends)) break
    before = total
  }
  return total.map(Math.log)
}

/** Whether the likelier bits of every check have an even sum. */
function allHold(odds: Float64Array, bitAt: Uint32Array, ends: Uint32Array): boolean {
  for (let check = 0, start = 0; check < ends.length; check++) {
    const end = start + ends[check]!
    let ones = 0
    for (let edge = start; edge < end; edge++) if (odds[bitAt[edge]!]! < 1) ones++
    if (ones % 2 === 1) return false
    start = end
  }
  return true
}
