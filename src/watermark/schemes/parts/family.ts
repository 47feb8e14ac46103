/** Many keys of one secret, told apart in one pass over its stream. */
import type { Pieces } from '../../../core/progress.js'
import { normalQuantile } from '../../../math/distributions.js'
import { once } from '../../../math/once.js'
import { blocksOf, normals, type Secret } from '../../secret.js'
import type { Identification } from '../../watermark.js'
import { directionPValue } from './direction.js'

const mostMembers = 1_000_000
/** Of the stream of a secret. */
const mostBlocks = 2 ** 32

/** The most members of a family of directions: a million, if the stream of a secret is as long. */
export const membersOf = (dimensions: number): number =>
  Math.min(mostMembers, Math.floor(mostBlocks / blocksOf(dimensions)))

/** The direction of a member: independent standard normal numbers. */
export const directionOf = (secret: Secret, label: string, dimensions: number, member: number): Float64Array =>
  normals(secret, label, dimensions, member * blocksOf(dimensions))

/** Normal quantiles of the upper 16 bits of a number, for passes over millions of numbers. */
const coarseNormals = once(() => Float64Array.from({ length: 2 ** 16 }, (_, i) => normalQuantile((i + 0.5) / 2 ** 16)))
/** Members whose coarse cosine is within this of the best are measured again: quantised normals move it by less. */
const coarseError = 0.01
/** In a piece of the pass: some hundredths of a second. */
export const membersAtOnce = 4096

/** How far a pass over a family is. */
export const membersAsked = (done: number, total: number) => ({ stage: 'members', done, total })

/**
 * The member whose direction is nearest to `read`.
 *
 * A first pass with normal numbers of 16 bits finds the candidates, which are then measured with all digits: a hundred
 * thousand members of a hundred dimensions take less than a second. The family's p-value is Bonferroni's bound,
 * members·p, which holds for any picture. Source: ours.
 */
export function* identifyDirection(
  secret: Secret,
  label: string,
  members: number,
  read: Float64Array,
): Pieces<Identification> {
  const dimensions = read.length
  const blocks = blocksOf(dimensions)
  const halves = blocks * 32
  const length = Math.sqrt(read.reduce((sum, value) => sum + value * value, 0)) || 1
  const coarse = coarseNormals()
  const cosines = new Float64Array(members)
  for (let first = 0; first < members; first += membersAtOnce) {
    const count = Math.min(membersAtOnce, members - first)
    const bytes = secret.bytes(label, count * blocks * 64, first * blocks)
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset, count * halves)
    for (let k = 0; k < count; k++) {
      let [product, square] = [0, 0]
      for (let i = 0, at = k * halves + upperHalf; i < dimensions; i++, at += 2) {
        const value = coarse[words[at]!]!
        product += value * read[i]!
        square += value * value
      }
      cosines[first + k] = product / (length * Math.sqrt(square))
    }
    yield membersAsked(first + count, members)
  }
  const best = cosines.reduce((most, value) => Math.max(most, value), -1)
  const candidates = Array.from(cosines.keys()).filter((k) => cosines[k]! >= best - coarseError)
  const measured = candidates.map((member) => ({
    member,
    score: exactCosine(directionOf(secret, label, dimensions, member), read, length),
  }))
  measured.sort((a, b) => b.score - a.score)
  const { member, score } = measured[0]!
  const others = cosines.reduce((most, value, k) => (k === member ? most : Math.max(most, value)), -1)
  const pValue = directionPValue(score, dimensions)
  return {
    member,
    score,
    pValue,
    familyPValue: Math.min(1, members * pValue),
    runnerUpScore: measured[1]?.score ?? others,
  }
}

/** Where the upper 16 bits of a little-endian number of 32 bits are, in words of the machine. */
const upperHalf = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

function exactCosine(direction: Float64Array, read: Float64Array, length: number): number {
  let [product, square] = [0, 0]
  for (let i = 0; i < read.length; i++) {
    product += direction[i]! * read[i]!
    square += direction[i]! * direction[i]!
  }
  return Math.min(1, product / (length * Math.sqrt(square)))
}
