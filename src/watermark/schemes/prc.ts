/**
 * A pseudorandom code in the signs of the noise: every picture has other signs, and the message survives errors. Weaker
 * than `gaussian-shading` where the noise is recovered badly.
 */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { binomialTail, normalCdf } from '../../math/distributions.js'
import { logGamma } from '../../math/special.js'
import { map, type Shape, sizeOf } from '../../math/tensor.js'
import { bits, permutation, type Secret, uniforms } from '../secret.js'
import { bitsOf, checked, hexOf, planesOfLatent, type Reading, type Scheme, type Watermark } from '../watermark.js'
import { decodeParity } from './parts/parity-code.js'

/** Numbers of the noise for each bit of the message by default, and the most bits then. */
const numbersPerBit = 32
const publishedBits = 512
/** Checks that are tested: those whose numbers are largest, where signs are most certain. */
const testedShare = 0.4
/** A message is told when fewer than this many of all codewords would agree so well with fair coins. */
const messageFalsePositives = 1e-6
/** The part of the false positives that the test of the decoded word may use; the rest is the parity checks'. */
const decodedShare = 0.01

/**
 * Writes a codeword of a secret sparse code into the signs.
 *
 * zᵢ ← |zᵢ|·(−1)^{cᵢ ⊕ eᵢ ⊕ bᵢ}: c the codeword of the message and of fresh bits, e errors of rate `errors`, b a pad of
 * ChaCha20. The code: g = bits + `fresh` free places, every other place the sum of two earlier ones, in an order of the
 * secret's; n − g independent parity checks of weight 3. Fresh bits and errors come from the noise that is marked and
 * the message, so two pictures have nothing in common that can be seen without the key. The message is encrypted under
 * the fresh bits. Shapes: noise of n numbers, channels × height × width, or channels × frames ×
 * height × width of a clip, whose frames then share one codeword. Cost: no network evaluations.
 *
 * p-value: without the mark the padded signs are fair coins whatever the picture. Of the checks whose three numbers are
 * largest, h hold: P(Binomial(checks, ½) ≥ h), for checks of full rank are independent. The codeword that belief
 * propagation finds agrees with a signs: at most 2^g·P(Binomial(n, ½) ≥ a), over all codewords. Both together, 99 and 1
 * hundredths of the false positives: exact for any picture but for that hundredth. The message is told only where the
 * second is below 1e-6. Errors: `bad-option` for a code that does not fit; a message that is missing or of another number of digits. Source: Gunn, Zhao
 * and Song, ICLR 2025, arXiv 2410.07369; Christ and Gunn, CRYPTO 2024. Deviations: the triangular code; an exact test
 * on fair coins in place of a bound on soft ones. At the sizes of latents neither is a cryptographic claim: weight 3
 * can be searched for.
 *
 * @example
 * const mark = prc({ bits: 16 }).watermark(secretOf(new Uint8Array(32)), [4, 16, 16], 0)
 * mark.read(mark.imprint(torchNoise(0, [4, 16, 16]), 'c0de')).message // 'c0de'
 */
export const prc = define({
  id: 'prc',
  title: 'Pseudorandom code',
  source: 'Gunn et al., ICLR 2025',
  fields: {
    bits: {
      type: 'integer',
      minimum: 1,
      unit: 'bits',
      description: 'Of the message. Default: one for each 32 numbers of the noise, 512 at most.',
    },
    fresh: {
      type: 'integer',
      minimum: 0,
      default: 32,
      unit: 'bits',
      description: 'That differ from picture to picture.',
    },
    errors: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 0.5,
      default: 0.01,
      description: 'Share of signs that are turned over at random, so that nobody sees the code.',
    },
  },
  make: ({ bits: given, fresh, errors }): Scheme => ({
    name: 'prc',
    members: () => 1,
    watermark(secret, shape) {
      const { count, messageBits } = sizes(shape, given, fresh)
      return checked(marked(codeOf(secret, count, messageBits + fresh), { secret, shape, messageBits, errors }))
    },
  }),
})

/** places[k] of the noise holds the k-th bit of a codeword; bit k ≥ free is the sum of the bits parents[k]. */
interface Code {
  readonly count: number
  readonly free: number
  readonly places: Uint32Array
  readonly parents: readonly (readonly [number, number])[]
  readonly pad: Uint8Array
}

function codeOf(secret: Secret, count: number, free: number): Code {
  const random = uniforms(secret, 'parents', count)
  const parents = Array.from({ length: count }, (_, k): readonly [number, number] => {
    // Every free bit in turn, so that none is in few checks, and another earlier bit.
    const first = k % free
    const second = Math.floor(random[k]! * (k - 1))
    return [first, second >= first ? second + 1 : second]
  })
  return { count, free, parents, places: permutation(secret, 'order', count), pad: bits(secret, 'pad', count) }
}

function codewordOf({ count, free, parents }: Code, freeBits: ArrayLike<number>): Uint8Array {
  const word = new Uint8Array(count)
  for (let k = 0; k < count; k++) {
    const [a, b] = parents[k]!
    word[k] = k < free ? freeBits[k]! : word[a]! ^ word[b]!
  }
  return word
}

interface Marked {
  readonly secret: Secret
  readonly shape: Shape
  readonly messageBits: number
  readonly errors: number
}

function marked(code: Code, { secret, shape, messageBits, errors }: Marked): Watermark {
  const { count, free, places, pad } = code
  const messageIn = (word: Uint8Array) => {
    const own = word.slice(0, free - messageBits)
    return hexOf(under(Array.from(word.subarray(own.length, free)), secret, own))
  }
  return {
    name: 'prc',
    latentShape: shape,
    messageBits,
    imprint(noise, message) {
      const told = bitsOf(message, messageBits, 'prc')
      const chance = chanceOf(secret, noise.data, told)
      const own = bits(chance, 'fresh', free - messageBits)
      const word = codewordOf(code, [...own, ...under(told, secret, own)])
      const turned = uniforms(chance, 'errors', count)
      const signs = new Uint8Array(count)
      places.forEach((place, k) => {
        signs[place] = word[k]! ^ (turned[k]! < errors ? 1 : 0) ^ pad[k]!
      })
      return map(noise, (value, i) => (signs[i] ? -Math.abs(value) : Math.abs(value)))
    },
    read({ data }): Reading {
      const read = Float64Array.from(places, (place) => data[place]!)
      const received = Uint8Array.from(read, (value, k) => (value < 0 ? 1 : 0) ^ pad[k]!)
      const pValue = parityTest(code, read, received)
      const { word, agreement } = decoded(code, read, received)
      const agreeing = Math.round(agreement * count)
      const chance = Math.exp(free * Math.LN2 + logBinomialTail(agreeing, count))
      return {
        score: -Math.log(Math.max(Number.MIN_VALUE, Math.min(pValue, chance))),
        pValue: Math.min(1, pValue / (1 - decodedShare), chance / decodedShare),
        exactGiven: 'any-picture',
        ...(chance <= messageFalsePositives && { message: messageIn(word) }),
        agreement,
      }
    },
  }
}

/** The message under a stream of the fresh bits, so that equal messages have nothing in common; undoes itself. */
function under(message: readonly number[], secret: Secret, fresh: Uint8Array): number[] {
  const stream = bits(secret.derive(fresh), 'message', message.length)
  return message.map((bit, i) => bit ^ stream[i]!)
}

/** Chance that belongs to this noise, message and secret: what differs in one number or bit has other fresh bits. */
const chanceOf = (secret: Secret, noise: Float64Array, told: readonly number[]): Secret =>
  secret.derive(new Uint8Array(noise.buffer, noise.byteOffset, noise.byteLength)).derive(Uint8Array.from(told))

/** The parity checks whose smallest number is largest; which these are does not depend on the signs. */
function parityTest({ count, free, parents }: Code, read: Float64Array, received: Uint8Array): number {
  const certainty = (k: number) => {
    const [a, b] = parents[k]!
    return Math.min(Math.abs(read[k]!), Math.abs(read[a]!), Math.abs(read[b]!))
  }
  const all = Array.from({ length: count - free }, (_, i) => ({ k: free + i, certainty: certainty(free + i) }))
  all.sort((x, y) => y.certainty - x.certainty)
  const checks = Math.max(1, Math.round(testedShare * all.length))
  const held = all.slice(0, checks).filter(({ k }) => {
    const [a, b] = parents[k]!
    return (received[k]! ^ received[a]! ^ received[b]!) === 0
  }).length
  return binomialTail(held, checks)
}

/** The codeword of the free bits that belief propagation finds most likely, and the share of signs that agree with it. */
function decoded(code: Code, read: Float64Array, received: Uint8Array) {
  const { count, free, parents } = code
  // The errors of signs, from the share of all checks that hold: (1 + (1 − 2e)³)/2.
  let held = 0
  for (let k = free; k < count; k++) held += 1 - (received[k]! ^ received[parents[k]![0]]! ^ received[parents[k]![1]]!)
  const correlation = Math.cbrt(Math.max(0.001, (2 * held) / (count - free) - 1))
  const ratio = Math.tan((Math.PI / 2) * Math.min(0.98, correlation))
  const scale = 1 / Math.sqrt(read.reduce((sum, value) => sum + value * value, 0) / count || 1)
  const believed = Float64Array.from(read, (value, k) => {
    const right = normalCdf(ratio * scale * Math.abs(value))
    return (received[k] ? -1 : 1) * Math.log(right / Math.max(1 - right, 1e-12))
  })
  const checks = parents.slice(free).map(([a, b], i): readonly number[] => [free + i, a, b])
  const likely = decodeParity(believed, checks)
  const word = codewordOf(
    code,
    Uint8Array.from(likely, (value) => (value < 0 ? 1 : 0)),
  )
  const agreeing = received.reduce((sum, bit, k) => sum + (bit === word[k] ? 1 : 0), 0)
  return { word, agreement: agreeing / count }
}

/** ln P(Binomial(n, ½) ≥ k), also where the probability is no number. */
function logBinomialTail(successes: number, count: number): number {
  const tail = binomialTail(successes, count)
  if (tail > 0) return Math.log(tail)
  // The first term is nearly all of a tail so far out.
  return logGamma(count + 1) - logGamma(successes + 1) - logGamma(count - successes + 1) - count * Math.LN2
}

function sizes(shape: Shape, given: number | undefined, fresh: number) {
  planesOfLatent(shape, 'prc')
  const count = sizeOf(shape)
  const messageBits = given ?? Math.max(1, Math.min(publishedBits, Math.floor(count / numbersPerBit)))
  const free = messageBits + fresh
  if (free >= 2 && 2 * free <= count) return { count, messageBits }
  const remedy = 'Use fewer `bits` or `fresh` bits, or larger noise.'
  throw expected('bad-option', `2 to ${Math.floor(count / 2)} bits, fresh ones included,`, '`prc`', `${free}`, remedy)
}
