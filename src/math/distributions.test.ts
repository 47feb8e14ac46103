import { describe, expect, it } from 'vitest'
import {
  binomialInterval,
  binomialTail,
  chiSquareCdf,
  kolmogorovSmirnov,
  noncentralChiSquareCdf,
  normalCdf,
  normalQuantile,
  scaledDistanceCdf,
} from './distributions.js'
import { torchGenerator } from './noise.js'
import { incompleteBeta, incompleteGamma } from './special.js'

/** Of special functions that add up some hundred terms. */
const digits = 1e-12
const near = (got: number, wanted: number, relative = digits) =>
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted))

describe('the normal distribution', () => {
  // Abramowitz and Stegun, tables 26.1 and 26.2, and Wichura's own check values.
  it.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [-2, 0.02275013194817921],
    [-6, 9.86587645037698e-10],
    [-10, 7.61985302416052e-24],
  ])('has a share below %d', (z, share) => near(normalCdf(z), share, 1e-11))

  it.each([
    [0.25, -0.6744897501960817],
    [0.001, -3.090232306167813],
    [1e-20, -9.26234008979841],
  ])('has the quantile of %d', (p, z) => near(normalQuantile(p), z, 1e-14))

  it('undoes itself', () => {
    for (const p of [1e-100, 1e-9, 0.07, 0.5, 0.93, 1 - 1e-9]) near(normalCdf(normalQuantile(p)), p, 1e-10)
  })
})

describe('incompleteGamma', () => {
  it('is the exponential distribution at a = 1, in both tails', () => {
    for (const x of [1e-10, 0.3, 2, 40, 600]) {
      near(incompleteGamma(1, x).lower, -Math.expm1(-x))
      near(incompleteGamma(1, x).upper, Math.exp(-x))
    }
  })

  it('is a sum of Poisson probabilities at whole a', () => {
    const [a, x] = [7, 11.5]
    let term = Math.exp(-x)
    let sum = term
    for (let k = 1; k < a; k++) {
      term *= x / k
      sum += term
    }
    near(incompleteGamma(a, x).upper, sum)
  })
})

describe('the χ² distributions', () => {
  it('are 1 − exp(−x/2) at two degrees', () => near(chiSquareCdf(3, 2), -Math.expm1(-1.5)))

  // χ²(1, λ) is the square of a normal variable of mean √λ.
  it.each([0.5, 4, 30])('are shares of a shifted normal distribution at one degree', (noncentrality) => {
    const mean = Math.sqrt(noncentrality)
    for (const x of [0.1, 2, 25]) {
      const wanted = normalCdf(Math.sqrt(x) - mean) - normalCdf(-Math.sqrt(x) - mean)
      near(noncentralChiSquareCdf(x, 1, noncentrality), wanted, 1e-9)
    }
  })
})

describe('scaledDistanceCdf', () => {
  it('is the F distribution at zero', () => {
    const [x, d, m] = [7, 5, 11]
    near(scaledDistanceCdf(x, d, m, 0), incompleteBeta(x / (x + m), d / 2, m / 2))
  })

  it('becomes the noncentral χ² distribution when sigma is known well', () => {
    near(scaledDistanceCdf(30, 12, 1e9, 20), noncentralChiSquareCdf(30, 12, 20), 1e-5)
  })

  it('is the share of what it says, drawn', () => {
    const random = torchGenerator(3)
    const [d, m, noncentrality, x, draws] = [6, 10, 8, 9, 20000]
    let below = 0
    for (let i = 0; i < draws; i++) {
      const outside = random.noise([m]).data.reduce((sum, z) => sum + z * z, 0) / m
      const apart = random.noise([d]).data.reduce((sum, z, k) => {
        const key = k === 0 ? Math.sqrt(noncentrality) : 0
        return sum + (z / Math.sqrt(outside) - key) ** 2
      }, 0)
      if (apart <= x) below++
    }
    const { low, high } = binomialInterval(draws, scaledDistanceCdf(x, d, m, noncentrality), 0.999)
    expect(below).toBeGreaterThanOrEqual(low)
    expect(below).toBeLessThanOrEqual(high)
  })

  it('keeps digits in the tail', () => {
    const [tail, ten] = [scaledDistanceCdf(0.01, 100, 150, 100), scaledDistanceCdf(0.1, 100, 150, 100)]
    // Of d dimensions a ball of √10 times the radius holds 10^{d/2} times as much, near its centre.
    near(ten / tail, 1e50, 0.1)
  })
})

describe('a large noncentrality', () => {
  /** Of the central limit: the skewness of these sums falls with the root of their noncentrality. */
  const normal = 1e-3

  it('is a normal distribution of its mean and variance, to a million', () => {
    for (const lambda of [1e8, 1e12]) {
      for (const z of [-3, -1, 0, 2]) {
        const x = 300 + lambda + z * Math.sqrt(2 * (300 + 2 * lambda))
        expect(Math.abs(noncentralChiSquareCdf(x, 300, lambda) - normalCdf(z))).toBeLessThan(normal)
      }
    }
  })

  it("is Student's distribution of the part along the pattern, whose square is all that is left", () => {
    // |t − κ|² ≤ (κ − z)² where t ≥ z, but for what the other parts add, 300 of 10¹² here.
    const [m, kappa] = [5, 1e6]
    for (const [z, above] of [
      [0, 0.5],
      [2.015048, 0.05],
      [-0.726687, 0.75],
    ] as const) {
      expect(Math.abs(scaledDistanceCdf((kappa - z) ** 2, 2, m, kappa ** 2) - above)).toBeLessThan(normal)
    }
  })

  it('is known at once, whatever is asked', () => {
    const begin = performance.now()
    const huge = [1e-300, 1, 1e155, 1e300, Number.POSITIVE_INFINITY, Number.NaN]
    for (const x of huge) {
      for (const lambda of huge) {
        for (const p of [noncentralChiSquareCdf(x, 312, lambda), scaledDistanceCdf(x, 312, 700, lambda)]) {
          if (Number.isNaN(x) || Number.isNaN(lambda)) expect(p).toBeNaN()
          else {
            expect(p).toBeGreaterThanOrEqual(0)
            expect(p).toBeLessThanOrEqual(1)
          }
        }
      }
    }
    expect(incompleteBeta(Number.NaN, 3, 4)).toBeNaN()
    expect(incompleteGamma(3, Number.NaN).lower).toBeNaN()
    expect(performance.now() - begin).toBeLessThan(5000)
  })
})

describe('binomial counts', () => {
  it('are 2⁻ⁿ for n of n, far below rounding', () => near(binomialTail(1000, 1000), 0.5 ** 1000, 1e-9))

  it('add up', () => {
    // (10 choose 8 + 10 choose 9 + 1)/1024
    near(binomialTail(8, 10), 56 / 1024)
    near(binomialTail(2, 3, 0.1), 3 * 0.01 * 0.9 + 0.001)
    expect([binomialTail(0, 5), binomialTail(6, 5)]).toEqual([1, 0])
  })

  it('have an interval with at most half of the rest in either tail, and no smaller one', () => {
    const { low, high } = binomialInterval(1000, 0.01, 0.99)
    expect(1 - binomialTail(low, 1000, 0.01)).toBeLessThanOrEqual(0.005)
    expect(1 - binomialTail(low + 1, 1000, 0.01)).toBeGreaterThan(0.005)
    expect(binomialTail(high + 1, 1000, 0.01)).toBeLessThanOrEqual(0.005)
    expect(binomialTail(high, 1000, 0.01)).toBeGreaterThan(0.005)
  })
})

describe('kolmogorovSmirnov', () => {
  it('gives uniform p-values of uniform numbers, and small ones of others', () => {
    const random = torchGenerator(11)
    const sample = () => Array.from({ length: 200 }, () => random.uniform())
    const small = Array.from({ length: 400 }, () => kolmogorovSmirnov(sample())).filter((p) => p < 0.1).length
    const { low, high } = binomialInterval(400, 0.1, 0.999)
    expect(small).toBeGreaterThanOrEqual(low)
    expect(small).toBeLessThanOrEqual(high)
    expect(kolmogorovSmirnov(sample().map((x) => x * x))).toBeLessThan(1e-6)
  })

  // The 5 % point of D√n for large n is 1.3581 (Smirnov, 1948).
  it('has the tabled point', () => {
    const n = 1e6
    const shift = 1.3581 / Math.sqrt(n)
    const values = Float64Array.from({ length: n }, (_, i) => Math.min(1, (i + 0.5) / n + shift))
    expect(kolmogorovSmirnov(values)).toBeCloseTo(0.05, 3)
  })
})
