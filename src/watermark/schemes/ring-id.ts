/**
 * RingID's many keys: every ring of several channels is one of two values, so that a key is a word of signs. Rings stay
 * rings when noise is turned; of many users on small noise prefer a family of `tree-ring` with the pattern `rand`.
 */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import type { Shape, Tensor } from '../../math/tensor.js'
import type { Secret } from '../secret.js'
import { checked, planesOfLatent, type Reading, refuseMessage, type Scheme } from '../watermark.js'
import { membersAsked, membersAtOnce } from './parts/family.js'
import { mostSigns, signedSumTail } from './parts/signs.js'
import {
  type Bin,
  coordinatesOf,
  framesOfChannels,
  halfDisc,
  placesOf,
  planeOf,
  withCoordinates,
  withPlane,
} from './parts/spectrum.js'

interface Layout {
  readonly bins: readonly Bin[]
  /** Of each channel that is marked its planes: one, or all frames of a clip. */
  readonly channels: readonly (readonly number[])[]
  readonly rings: number
  readonly inner: number
  /** rings × channels. */
  readonly signs: number
}

/** As published on noise 64 numbers wide: rings 3 to 14. */
const publishedRadius = 14
const defaultSigns = 24

/**
 * Writes ±1 into every ring inner < |u| ≤ radius of the last `channels` channels.
 *
 * F(u) = s·(1 + i)/√2 on the upper half of the spectrum for the sign s of the ring's channel, F(−u) its conjugate; F
 * orthonormal, so a mark has the energy of the noise it replaces. Every frame of a clip carries the same word. A key is a word of rings × channels signs; members of
 * a family are different words, a permutation that follows from the secret. Shapes: noise channels × height × width, of
 * a clip channels × frames × height × width; no message. Cost: no network evaluations.
 *
 * p-value: the score is Σ s· (sum of what is read in the ring, over all frames). Its distribution over the draw of the word is counted.
 * It is therefore exact for any picture, one with the mark of another member included. It cannot be smaller than 2⁻ⁿ.
 * Errors: `bad-shape` for noise without the channels or the rings; `bad-option` for more than 40 signs. Source: Ci et
 * al., RingID, ECCV 2024, arXiv 2404.14055. Deviations: Hermitian, so nothing is lost with the imaginary part; signs
 * instead of ±64; no second mark of noise in another channel; the test.
 *
 * @example
 * const mark = ringId().watermark(secretOf(new Uint8Array(32)), [4, 16, 16], 7)
 * mark.read(mark.imprint(torchNoise(0, [4, 16, 16]))).exactGiven // 'any-picture'
 */
export const ringId = define({
  id: 'ring-id',
  title: 'RingID',
  source: 'Ci et al., ECCV 2024',
  fields: {
    radius: {
      type: 'integer',
      minimum: 1,
      unit: 'cycles',
      description: 'Of the largest ring. Default: 14, or of small noise one less than half a side.',
    },
    inner: { type: 'integer', minimum: 0, unit: 'cycles', description: 'Rings begin outside of it. Default: 2, or 1.' },
    channels: { type: 'integer', minimum: 1, description: 'The last ones. Default: as many as make 24 signs.' },
  },
  make: ({ radius: givenRadius, inner: givenInner, channels: givenChannels }): Scheme => {
    function layoutOf(shape: Shape): Layout {
      const { channels, frames, height, width } = planesOfLatent(shape, 'ring-id')
      const side = Math.min(height, width)
      const radius = givenRadius ?? Math.max(1, Math.min(publishedRadius, Math.ceil(side / 2) - 1))
      const inner = givenInner ?? Math.min(radius >= publishedRadius ? 2 : 1, radius - 1)
      const rings = radius - inner
      const count = givenChannels ?? Math.min(channels, Math.max(1, Math.floor(defaultSigns / Math.max(1, rings))))
      if (2 * radius >= side || rings < 1 || count > channels) {
        const got = `radius ${radius}, inner ${inner}, ${count} channels of ${channels}×${height}×${width}`
        const most = `a radius below ${Math.ceil(side / 2)}, outside the inner one, and at most ${channels} channels`
        throw expected('bad-shape', most, '`ring-id`', got, 'Make a key that fits, or use larger noise.')
      }
      if (rings * count > mostSigns) {
        const got = `${rings} rings in ${count} channels`
        throw expected('bad-option', `at most ${mostSigns} signs`, '`ring-id`', got, 'Use fewer `channels`.')
      }
      return {
        bins: halfDisc(radius).filter((bin) => bin.radius > inner),
        channels: Array.from({ length: count }, (_, i) => framesOfChannels([channels - count + i], frames)),
        rings,
        inner,
        signs: rings * count,
      }
    }
    const ringOf = ({ bins, inner }: Layout, coordinate: number) => Math.ceil(bins[coordinate >> 1]!.radius) - 1 - inner

    /** The sum of what is read in each ring of each channel. */
    function sumsIn(noise: Tensor, layout: Layout): Float64Array {
      const sums = new Float64Array(layout.signs)
      layout.channels.forEach((planes, k) => {
        for (const plane of planes) {
          coordinatesOf(planeOf(noise, plane), layout.bins).forEach((value, i) => {
            sums[k * layout.rings + ringOf(layout, i)]! += value
          })
        }
      })
      return sums
    }

    return {
      name: 'ring-id',
      members: (shape) => Math.min(1_000_000, 2 ** layoutOf(shape).signs),
      watermark(secret, shape, member) {
        const layout = layoutOf(shape)
        const word = wordOf(secret, layout.signs, member)
        const { height, width } = planesOfLatent(shape, 'ring-id')
        return checked({
          name: 'ring-id',
          latentShape: shape,
          messageBits: 0,
          smallestPValue: 0.5 ** layout.signs,
          spectralMask: { planes: layout.channels.flat(), places: placesOf(layout.bins, height, width) },
          imprint(noise, message) {
            refuseMessage(message, 'ring-id')
            return layout.channels.reduce((marked, planes, k) => {
              const key = Array.from(
                { length: 2 * layout.bins.length },
                (_, i) => word[k * layout.rings + ringOf(layout, i)]!,
              )
              return planes.reduce(
                (all, plane) => withPlane(all, plane, withCoordinates(planeOf(all, plane), layout.bins, key)),
                marked,
              )
            }, noise)
          },
          read(noise): Reading {
            const sums = sumsIn(noise, layout)
            const total = sums.reduce((all, sum, i) => all + sum * word[i]!, 0)
            const size = sums.reduce((all, sum) => all + Math.abs(sum), 0)
            const pValue = signedSumTail(sums, total)
            return { score: size === 0 ? 0 : total / size, pValue, exactGiven: 'any-picture' }
          },
        })
      },
      *identify(secret, shape, members, noise) {
        const layout = layoutOf(shape)
        const sums = sumsIn(noise, layout)
        const size = sums.reduce((all, sum) => all + Math.abs(sum), 0) || 1
        const next = wordsOf(secret, layout.signs)
        let [best, member, second] = [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY]
        for (let i = 0; i < members; i++) {
          const total = signedSum(sums, next(i))
          if (total > best) [best, member, second] = [total, i, best]
          else if (total > second) second = total
          if ((i + 1) % membersAtOnce === 0) yield membersAsked(i + 1, members)
        }
        const pValue = signedSumTail(sums, best)
        return {
          member,
          score: best / size,
          pValue,
          familyPValue: Math.min(1, members * pValue),
          runnerUpScore: second / size,
        }
      },
    }
  },
})

/** A word of n signs as two numbers: its first ⌊n/2⌋ bits, and the others. */
type Word = readonly [first: number, others: number]

/** Of the Feistel network: each half is changed three times. */
const rounds = 6

/**
 * Members to words of n bits: a permutation of the numbers below 2ⁿ that follows from the secret, so that what one member's
 * word is says nothing of another's but that they differ. A Feistel network, its functions tables of the secret's stream.
 */
function wordsOf(secret: Secret, signs: number): (member: number) => Word {
  const [first, others] = [Math.floor(signs / 2), Math.ceil(signs / 2)]
  const functions = Array.from({ length: rounds }, (_, i) => {
    const [asked, changed] = i % 2 === 0 ? [others, first] : [first, others]
    const bytes = secret.bytes(`ring-id ${i}`, 4 * 2 ** asked)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const lowest = 2 ** changed - 1
    return (k: number) => view.getUint32(4 * k, true) & lowest
  })
  return (member) => {
    let [a, b] = [member % 2 ** first, Math.floor(member / 2 ** first)]
    for (let i = 0; i < rounds; i += 2) {
      a ^= functions[i]!(b)
      b ^= functions[i + 1]!(a)
    }
    return [a, b]
  }
}

const wordOf = (secret: Secret, signs: number, member: number): Float64Array => {
  const word = wordsOf(secret, signs)(member)
  return Float64Array.from({ length: signs }, (_, i) => (bitOf(word, signs, i) ? 1 : -1))
}

function bitOf([a, b]: Word, signs: number, i: number): number {
  const first = Math.floor(signs / 2)
  return i < first ? (a >> i) & 1 : (b >> (i - first)) & 1
}

/** Σ ±sums by the bits of a word. */
function signedSum(sums: Float64Array, word: Word): number {
  let total = 0
  for (let i = 0; i < sums.length; i++) total += bitOf(word, sums.length, i) ? sums[i]! : -sums[i]!
  return total
}
