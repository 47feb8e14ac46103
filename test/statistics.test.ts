/** Distributions against scipy's, tails included. */
import { describe, expect, it } from 'vitest'
import {
  binomialTail,
  kolmogorovSmirnov,
  noncentralChiSquareCdf,
  normalQuantile,
  scaledDistanceCdf,
} from '../src/math/distributions.js'
import { directionPValue } from '../src/watermark/schemes/parts/direction.js'
import golden from './golden/statistics.json' with { type: 'json' }

/** Sums of some hundred terms, and logarithms of the gamma function of arguments up to some thousand. */
const relative = 1e-8
/** Stephens's form of the limit against the exact distribution. */
const limitOfSeries = 5e-3

type Rows = readonly (readonly number[])[]

function agree(rows: Rows, ours: (...row: number[]) => number) {
  for (const row of rows) {
    const wanted = row.at(-1)!
    const got = ours(...row.slice(0, -1))
    expect(Math.abs(got - wanted), `${row}: ${got}`).toBeLessThanOrEqual(relative * Math.abs(wanted))
  }
}

describe('as scipy has them', () => {
  it('the noncentral χ² distribution', () => agree(golden.noncentralChiSquare, noncentralChiSquareCdf))
  it('the F distribution, a distance from zero', () => {
    agree(golden.f, (x, d, m) => scaledDistanceCdf(x!, d!, m!, 0))
  })
  it("Student's distribution of a direction", () => agree(golden.studentDirection, directionPValue))
  it('the binomial distribution', () => agree(golden.binomialTail, binomialTail))
  it('normal quantiles', () => agree(golden.normalQuantile, normalQuantile))
  it("Kolmogorov and Smirnov's test", () => {
    const { values, pValue } = golden.kolmogorovSmirnov
    expect(Math.abs(kolmogorovSmirnov(values) - pValue)).toBeLessThan(limitOfSeries)
  })
})
