/**
 * Gaussian Shading: a message in the signs of all numbers of the noise, encrypted, so that marked noise is still standard
 * normal. For a mark of which two pictures have nothing in common prefer `prc`.
 */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { map, type Shape, sizeOf } from '../../math/tensor.js'
import { bits, permutation } from '../secret.js'
import { bitsOf, checked, hexOf, planesOfLatent, type Reading, type Scheme } from '../watermark.js'

/** Numbers of the noise for each bit of the message, where nothing is said: 64 as published, 32 of small noise. */
const copiesByDefault = 32
const publishedBits = 256

/**
 * Writes every bit of a message into the signs of many numbers.
 *
 * zᵢ ← |zᵢ|·(−1)^{m[π(i) mod k] ⊕ bᵢ}, m a message of k bits, b a stream of ChaCha20, π a permutation of the secret's:
 * the magnitudes stay, and the signs are as fair as the stream. Shapes: noise of n numbers, channels × height × width, or
 * channels × frames × height × width of a clip, whose frames then share every bit; k bits with about n/k copies each. Cost: no
 * network evaluations.
 *
 * Reading: sign bits ⊕ b. The larger |z| decide each bit of the message, since large numbers seldom change their sign.
 * p-value: M = Σ max(copies that say 0, copies that say 1). Without the mark these are n fair coins whatever the
 * picture, and P(M ≥ m) is their exact distribution. It is therefore exact for any picture and any message. In code
 * `read` tells a message of any noise, right or not: see `agreement`, the share of signs that agree with it. Reports of
 * `detect` have no `message` where the mark was not found: its digits are chance then. Every picture of a key has the
 * same signs for the same message: averaging many of them shows the key. Errors: `bad-option` for more bits than
 * numbers and for a message that is missing or of another number of digits. Source: Yang et al., Gaussian Shading, CVPR 2024, arXiv 2404.04956.
 * Deviations: the permutation in place of tiles; the p-value needs no message.
 *
 * @example
 * const mark = gaussianShading({ bits: 16 }).watermark(secretOf(new Uint8Array(32)), [4, 16, 16], 0)
 * mark.read(mark.imprint(torchNoise(0, [4, 16, 16]), 'c0de')).message // 'c0de'
 */
export const gaussianShading = define({
  id: 'gaussian-shading',
  title: 'Gaussian Shading',
  source: 'Yang et al., CVPR 2024',
  fields: {
    bits: {
      type: 'integer',
      minimum: 1,
      unit: 'bits',
      description: 'Of the message. Default: one for each 32 numbers of the noise, 256 at most.',
    },
  },
  make: ({ bits: given }): Scheme => ({
    name: 'gaussian-shading',
    members: () => 1,
    watermark(secret, shape) {
      const [count, messageBits] = sizes(shape, given)
      const stream = bits(secret, 'shading', count)
      const bitOf = permutation(secret, 'places', count).map((place) => place % messageBits)
      const copies = new Uint32Array(messageBits)
      for (const bit of bitOf) copies[bit]!++
      const tail = agreementTail(copies)
      return checked({
        name: 'gaussian-shading',
        latentShape: shape,
        messageBits,
        imprint(noise, message) {
          const told = bitsOf(message, messageBits, 'gaussian-shading')
          return map(noise, (value, i) => (told[bitOf[i]!]! ^ stream[i]! ? -Math.abs(value) : Math.abs(value)))
        },
        read({ data }): Reading {
          const ones = new Uint32Array(messageBits)
          const votes = new Float64Array(messageBits)
          data.forEach((value, i) => {
            const one = (value < 0 ? 1 : 0) ^ stream[i]!
            ones[bitOf[i]!]! += one
            votes[bitOf[i]!]! += one ? Math.abs(value) : -Math.abs(value)
          })
          const majorities = ones.reduce((sum, one, bit) => sum + Math.max(one, copies[bit]! - one), 0)
          const told = Array.from(votes, (vote): number => (vote > 0 ? 1 : 0))
          const agreeing = told.reduce((sum, bit, j) => sum + (bit ? ones[j]! : copies[j]! - ones[j]!), 0)
          return {
            score: majorities / count,
            pValue: tail(majorities),
            exactGiven: 'any-picture',
            message: hexOf(told),
            agreement: agreeing / count,
          }
        },
      })
    },
  }),
})

function sizes(shape: Shape, given: number | undefined): readonly [count: number, messageBits: number] {
  planesOfLatent(shape, 'gaussian-shading')
  const count = sizeOf(shape)
  const messageBits = given ?? Math.max(1, Math.min(publishedBits, Math.floor(count / copiesByDefault)))
  if (messageBits <= count) return [count, messageBits]
  const remedy = 'Use fewer `bits`, or larger noise.'
  throw expected('bad-option', `at most ${count} bits`, '`gaussian-shading`', `${messageBits}`, remedy)
}

/** P(Σ max(Xⱼ, cⱼ − Xⱼ) ≥ m) of independent binomial Xⱼ of cⱼ fair coins: their distributions, convolved. */
function agreementTail(copies: Uint32Array): (atLeast: number) => number {
  let tails: Float64Array | undefined
  return (atLeast) => {
    tails ??= tailsOf(copies)
    return atLeast < tails.length ? Math.min(1, tails[Math.max(0, atLeast)]!) : 0
  }
}

function tailsOf(copies: Uint32Array): Float64Array {
  let distribution = Float64Array.of(1)
  for (const count of copies) {
    const one = majority(count)
    const next = new Float64Array(distribution.length + count)
    distribution.forEach((probability, at) => {
      if (probability === 0) return
      for (let value = Math.ceil(count / 2); value <= count; value++) next[at + value]! += probability * one[value]!
    })
    distribution = next
  }
  for (let i = distribution.length - 2; i >= 0; i--) distribution[i]! += distribution[i + 1]!
  return distribution
}

/**
 * P(max(X, c − X) = value) of X of c fair coins: the binomial recurrence from the middle outwards, brought to a sum of 1.
 * 2^−c is no number for the copies that large noise has.
 */
function majority(count: number): Float64Array {
  const probabilities = new Float64Array(count + 1)
  let weight = 1
  for (let value = Math.ceil(count / 2); value <= count; value++) {
    probabilities[value] = 2 * value === count ? weight : 2 * weight
    weight *= (count - value) / (value + 1)
  }
  const total = probabilities.reduce((sum, value) => sum + value, 0)
  return probabilities.map((value) => value / total)
}
