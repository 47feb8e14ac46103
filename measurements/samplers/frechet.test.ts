import { type Tensor, tensor, torchNoise } from 'undiffuse'
import { expect, test } from 'vitest'
import { frechetDistance, type Moments, momentsOf } from './frechet.js'

/** Rounding of float64, and of roots of numbers near it. */
const rounding = 1e-12

const gaussian = (mean: readonly number[], covariance: readonly number[]): Moments => ({
  count: 100,
  mean: Float64Array.from(mean),
  covariance: tensor([mean.length, mean.length], covariance),
})

/** Q·diag·Qᵀ with Q = I − 2uuᵀ, a reflection. */
function reflected(diagonal: readonly number[], u: readonly number[]): number[] {
  const length = Math.hypot(...u)
  const q = (i: number, j: number) => (i === j ? 1 : 0) - (2 * u[i]! * u[j]!) / length ** 2
  return diagonal.flatMap((_, i) =>
    diagonal.map((_, j) => diagonal.reduce((sum, value, k) => sum + q(i, k) * value * q(j, k), 0)),
  )
}

test('of Gaussians with the same axes it is ‖μ₁ − μ₂‖² + Σ (√λ₁ − √λ₂)²', () => {
  const [first, second] = [
    [4, 1, 9, 0.25],
    [1, 16, 9, 0],
  ]
  const expected = 1 + 4 + (2 - 1) ** 2 + (1 - 4) ** 2 + 0 + 0.25
  const axes = [0.3, -1.2, 0.7, 2]
  const a = gaussian([1, 0, 0, 0], reflected(first!, axes))
  const b = gaussian([0, 0, 2, 0], reflected(second!, axes))
  // The root of an eigenvalue that is zero up to rounding.
  expect(Math.abs(frechetDistance(a, b) - expected)).toBeLessThan(1e-6)
  expect(Math.abs(frechetDistance(a, a))).toBeLessThan(rounding * 100)
})

test('of 2 × 2 covariances that do not commute it has the closed form of their root', () => {
  // tr (Σ₁Σ₂)^½ = √(tr Σ₁Σ₂ + 2·√det Σ₁Σ₂)
  const [first, second] = [
    [5, 2, 2, 1],
    [2, -1, -1, 3],
  ]
  const product = 5 * 2 + 2 * -1 + 2 * -1 + 1 * 3
  const expected = 6 + 5 - 2 * Math.sqrt(product + 2 * Math.sqrt(1 * 5))
  const [a, b] = [gaussian([0, 0], first!), gaussian([0, 0], second!)]
  expect(Math.abs(frechetDistance(a, b) - expected)).toBeLessThan(rounding)
  expect(Math.abs(frechetDistance(b, a) - expected)).toBeLessThan(rounding)
})

test('moments are those of the sample, and equal Gaussians are apart by what the sample is short of', () => {
  const { mean, covariance } = momentsOf([Float64Array.of(1, 0), Float64Array.of(3, 4)])
  expect([...mean]).toEqual([2, 2])
  expect([...covariance.data]).toEqual([2, 4, 4, 8])
  expect(() => momentsOf([Float64Array.of(1)])).toThrow('at least 2')

  const dimensions = 8
  const sample = (seed: number, count: number) => {
    const noise: Tensor = torchNoise(seed, [count, dimensions])
    return momentsOf(Array.from({ length: count }, (_, i) => noise.data.slice(i * dimensions, (i + 1) * dimensions)))
  }
  const between = (count: number) => frechetDistance(sample(1, count), sample(2, count))
  // Means alone are apart by 2n/N on average; covariances add about n(n + 1)/4N.
  const expected = (count: number) => (2 * dimensions + (dimensions * (dimensions + 1)) / 4) / count
  expect(between(250) / expected(250)).toBeGreaterThan(0.5)
  expect(between(250) / expected(250)).toBeLessThan(2)
  expect(between(4000)).toBeLessThan(between(250) / 8)
})
