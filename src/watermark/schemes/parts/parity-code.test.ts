import { describe, expect, it } from 'vitest'
import { decodeParity } from './parity-code.js'

/** ln P(bit = 0)/P(bit = 1) given channel and checks, by all words that pass them. */
function posterior(channel: Float64Array, checks: readonly (readonly number[])[]): number[] {
  const words = Array.from({ length: 2 ** channel.length }, (_, word) =>
    Array.from(channel, (_, bit) => (word >> bit) & 1),
  ).filter((word) => checks.every((check) => check.reduce((sum, bit) => sum + word[bit]!, 0) % 2 === 0))
  const weight = (word: readonly number[]) =>
    Math.exp(word.reduce((sum, bit, at) => sum + (bit === 0 ? channel[at]! : -channel[at]!) / 2, 0))
  return Array.from(channel, (_, at) => {
    const of = (value: number) =>
      words.filter((word) => word[at] === value).reduce((sum, word) => sum + weight(word), 0)
    return Math.log(of(0) / of(1))
  })
}

describe('decodeParity', () => {
  // Where checks form a tree, belief propagation gives the posterior itself, if no word passes all checks before.
  it.each([
    ['one check', [[0, 1, 2]], [-2, -1.7, 0.4]],
    [
      'two checks',
      [
        [0, 1, 2],
        [2, 3, 4],
      ],
      [2, -1.8, -1.4, -1.2, -1.9],
    ],
    [
      'three checks',
      [
        [0, 1, 2],
        [2, 3, 4],
        [4, 5, 6],
      ],
      [-1.2, 1.3, 0, 2, 0.3, -0.4, -0.8],
    ],
  ])('finds the posterior of each bit of a tree: %s', (_, checks, ratios) => {
    const channel = Float64Array.from(ratios)
    const found = decodeParity(channel, checks)
    for (const [at, ratio] of posterior(channel, checks).entries()) expect(found[at]).toBeCloseTo(ratio, 9)
  })

  it('keeps numbers finite where everybody is certain, of one thing or of both', () => {
    const many = Array.from({ length: 60 }, (_, i): readonly number[] => [0, 2 * i + 1, 2 * i + 2])
    for (const sign of [1, -1]) {
      const channel = Float64Array.from({ length: 121 }, (_, at) => (at === 0 ? -1000 : at < 61 ? 1000 : 1000 * sign))
      const found = decodeParity(channel, many)
      expect(found.every(Number.isFinite)).toBe(true)
    }
  })
})
