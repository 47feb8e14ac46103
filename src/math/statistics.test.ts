import { describe, expect, it } from 'vitest'
import { torchGenerator } from './noise.js'
import { incompleteBeta, logGamma } from './special.js'
import {
  confidenceInterval,
  fitLine,
  mean,
  median,
  quantile,
  studentTCdf,
  studentTQuantile,
  variance,
  wilsonInterval,
} from './statistics.js'

describe('samples', () => {
  it('have mean, variance, median and quantiles', () => {
    const values = [4, 1, 3, 2]
    expect(mean(values)).toBe(2.5)
    expect(variance(values)).toBeCloseTo(5 / 3, 15)
    expect(median(values)).toBe(2.5)
    expect(median([9, 1, 5])).toBe(5)
    // numpy.quantile([4, 1, 3, 2], [0, 0.1, 0.75, 1])
    expect([0, 0.1, 0.75, 1].map((share) => quantile(values, share))).toEqual([1, 1.3, 3.25, 4])
    expect(values).toEqual([4, 1, 3, 2])
    expect(median([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 1])).toBe(Number.NEGATIVE_INFINITY)
  })

  it('that are too small are refused', () => {
    expect(() => mean([])).toThrow('at least 1 values for mean, got 0')
    expect(() => variance([1])).toThrow('at least 2')
    expect(() => median([])).toThrow('at least 1')
    expect(() => confidenceInterval([1])).toThrow('at least 2')
    expect(() => quantile([1], 1.5)).toThrow('from 0 to 1')
  })
})

describe('Student’s distribution', () => {
  // Published tables of t at 97.5 %.
  it.each([
    [1, 12.706],
    [2, 4.303],
    [5, 2.571],
    [9, 2.262],
    [30, 2.042],
    [99, 1.984],
    [1e6, 1.96],
  ])('has the tabulated quantile for %i degrees', (degrees, t) => {
    expect(studentTQuantile(0.975, degrees)).toBeCloseTo(t, 3)
    expect(studentTQuantile(0.025, degrees)).toBeCloseTo(-t, 3)
  })

  it('has closed forms for one and two degrees', () => {
    for (const t of [-3, -0.5, 0, 0.1, 2, 40]) {
      expect(studentTCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 13)
      expect(studentTCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 13)
    }
    expect(studentTQuantile(0.5, 3)).toBeCloseTo(0, 12)
  })

  it('makes intervals that hold the mean 95 times in 100', () => {
    const random = torchGenerator(5)
    const trials = 1000
    let held = 0
    for (let i = 0; i < trials; i++) {
      const { mean: centre, halfWidth } = confidenceInterval(random.noise([6]).data)
      if (Math.abs(centre) < halfWidth) held++
    }
    // Five standard errors of a share of 0.95.
    expect(Math.abs(held / trials - 0.95)).toBeLessThan(5 * Math.sqrt((0.95 * 0.05) / trials))
  })
})

describe('fitLine', () => {
  it('recovers a line, and the least squares of points off it', () => {
    const { slope, intercept } = fitLine([0, 1, 2, 5], [3, 1, -1, -7])
    expect(slope).toBeCloseTo(-2, 14)
    expect(intercept).toBeCloseTo(3, 14)
    // Anscombe's first set: y = 3.00 + 0.500 x, correlation 0.816.
    const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    const line = fitLine(x, y)
    expect(line.slope).toBeCloseTo(0.5, 3)
    expect(line.intercept).toBeCloseTo(3, 3)
    expect(line.correlation).toBeCloseTo(0.816, 3)
    expect(fitLine([1, 2], [5, 5])).toEqual({ slope: 0, intercept: 5, correlation: 0 })
  })

  it('refuses what has no line', () => {
    expect(() => fitLine([1, 1], [1, 2])).toThrow('x values that differ')
    expect(() => fitLine([1, 2], [1])).toThrow('as many y as x')
  })
})

describe('special functions', () => {
  it('ln Γ is the factorial and Γ(½) = √π', () => {
    let factorial = 1
    for (let n = 1; n < 20; n++) {
      expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 12)
      factorial *= n
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 13)
  })

  it('the incomplete beta function is the binomial tail', () => {
    // I_p(k, n − k + 1) = P(at least k of n).
    const [n, p] = [7, 0.3]
    const choose = (k: number) => Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1))
    for (let k = 1; k <= n; k++) {
      let tail = 0
      for (let j = k; j <= n; j++) tail += choose(j) * p ** j * (1 - p) ** (n - j)
      expect(incompleteBeta(p, k, n - k + 1)).toBeCloseTo(tail, 12)
    }
    expect([incompleteBeta(0, 2, 3), incompleteBeta(1, 2, 3)]).toEqual([0, 1])
  })
})

describe('a probability', () => {
  // Newcombe, 1998, Statistics in Medicine 17, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i lies in Wilson’s interval', (successes, count, low, high) => {
    const interval = wilsonInterval(successes, count)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
    const other = wilsonInterval(count - successes, count)
    expect(other.low).toBeCloseTo(1 - interval.high, 12)
  })

  it('needs counts', () => {
    expect(() => wilsonInterval(3, 2)).toThrow('3 of 2')
    expect(() => wilsonInterval(0, 0)).toThrow('0 of 0')
    expect(() => wilsonInterval(0.5, 2)).toThrow('0.5 of 2')
  })
})
