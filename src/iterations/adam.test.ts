import { describe, expect, it } from 'vitest'
import { roundHalf } from '../math/half.js'
import { map, tensor } from '../math/tensor.js'
import { adam } from './adam.js'
import type { Updater } from './parts/solve.js'

/** Feeds one gradient to an updater, again and again. */
function steps(update: Updater, gradient: number, count: number, from = 0): number[] {
  let x = tensor([1], [from])
  return Array.from({ length: count }, () => {
    x = update(x, tensor([1], [gradient]), 0)
    return x.data[0]!
  })
}

describe('adam', () => {
  it.each([1e-6, -0.3, 1e5])('moves by the rate under a constant gradient of %f, as bias correction makes it', (g) => {
    // m̂ = g and v̂ = g² exactly, so each step is rate·g/(|g| + ε).
    const update = adam({ rate: 0.1 }).start(tensor([1], [0]))
    const each = (0.1 * g) / (Math.abs(g) + 1e-8)
    steps(update, g, 5).forEach((x, k) => {
      expect(x).toBeCloseTo(-(k + 1) * each, 10)
    })
  })

  it('follows Kingma and Ba on changing gradients', () => {
    // Their algorithm 1, written out with the sums that the recursions stand for.
    const gradients = [0.5, -0.2, 0.1, 0.4]
    const update = adam({ rate: 0.01 }).start(tensor([1], [1]))
    let x = tensor([1], [1])
    let expected = 1
    gradients.forEach((g, index) => {
      x = update(x, tensor([1], [g]), 0)
      const t = index + 1
      const past = gradients.slice(0, t)
      const mean = past.reduce((sum, gi, i) => sum + 0.1 * 0.9 ** (t - 1 - i) * gi, 0) / (1 - 0.9 ** t)
      const square = past.reduce((sum, gi, i) => sum + 0.001 * 0.999 ** (t - 1 - i) * gi ** 2, 0) / (1 - 0.999 ** t)
      expected -= (0.01 * mean) / (Math.sqrt(square) + 1e-8)
      expect(x.data[0]).toBeCloseTo(expected, 14)
    })
  })

  it('holds only half-precision numbers in 16 bits', () => {
    const update = adam({ rate: 0.01, precision: 16 }).start(tensor([3], [0, 0, 0]))
    let x = tensor([3], [0.1, -2.3, 0.7])
    for (let k = 0; k < 10; k++) {
      x = update(
        x,
        map(x, (value) => Math.sin(value)),
        0,
      )
      expect(x).toEqual(roundHalf(x))
    }
  })

  it('in 16 bits needs epsilon 1e-4: with 1e-8 a small gradient divides by zero', () => {
    // 0.001·g² rounds to zero below |g| = 5.5e-3, and so does 1e-8.
    for (const g of [5e-3, 1e-3, 1e-4]) {
      const start = tensor([1], [0])
      const bounded = steps(adam({ rate: 0.01, precision: 16 }).start(start), g, 50)
      // |m̂|/(√0 + 1e-4) ≤ 50.
      expect(bounded.every((x) => Math.abs(x) <= 50 * 0.01 * 50)).toBe(true)
      const unbounded = steps(adam({ rate: 0.01, precision: 16, epsilon: 1e-8 }).start(start), g, 50)
      expect(Number.isFinite(unbounded[0])).toBe(false)
    }
    const above = steps(adam({ rate: 0.01, precision: 16, epsilon: 1e-8 }).start(tensor([1], [0])), 6e-3, 1)
    expect(Number.isFinite(above[0])).toBe(true)
  })
})
