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

  it('keeps numbers finite where hundreds are certain, and one of the opposite', () => {
    const checks = Array.from({ length: 400 }, (_, i): readonly number[] => [0, 2 * i + 1, 2 * i + 2])
    for (const sign of [1, -1]) {
      // All checks but the first say the same to bit 0: they never hold all.
      const channel = Float64Array.from({ length: 801 }, (_, at) => (at === 0 ? -sign : at % 2 === 0 ? sign : 1) * 1000)
      channel[2] = -channel[2]!
      const found = decodeParity(channel, checks)
      expect(found.every(Number.isFinite)).toBe(true)
      expect(Math.sign(found[0]!)).toBe(sign)
    }
  })
})
