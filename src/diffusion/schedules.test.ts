import { describe, expect, it } from 'vitest'
import { betas, edmSchedule, rectifiedFlow, variancePreserving } from './schedules.js'

const stableDiffusion = variancePreserving(betas('scaled-linear'))

describe('variance preserving', () => {
  it('has the ends of Stable Diffusion as the papers print them', () => {
    const [clean, noisy] = [stableDiffusion.level(0), stableDiffusion.level(999)]
    expect([clean.alpha, clean.sigma, clean.lambda].map((value) => Number(value.toPrecision(4)))).toEqual([
      0.9996, 0.02915, 3.535,
    ])
    expect([noisy.alpha, noisy.sigma, noisy.lambda].map((value) => Number(value.toPrecision(4)))).toEqual([
      0.06826, 0.9977, -2.682,
    ])
  })

  it('keeps the variance and loses noise towards t = 0, whatever the betas', () => {
    for (const kind of ['scaled-linear', 'linear', 'cosine'] as const) {
      const schedule = variancePreserving(betas(kind))
      let last = Number.NEGATIVE_INFINITY
      for (let t = 999; t >= 0; t -= 0.5) {
        const { alpha, sigma, lambda } = schedule.level(t)
        expect(alpha ** 2 + sigma ** 2).toBeCloseTo(1, 14)
        expect(lambda).toBeGreaterThan(last)
        last = lambda
      }
    }
  })

  it('has the closed form of the cosine where it is not cut', () => {
    const product = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2
    expect(variancePreserving(betas('cosine')).level(499).alpha ** 2).toBeCloseTo(product(0.5) / product(0), 12)
  })

  it('refuses betas and times that are none', () => {
    expect(() => variancePreserving([1, 0.1])).toThrow(/beta 0, got 1/)
    expect(variancePreserving([0.1, 1]).level(1)).toMatchObject({ alpha: 0, sigma: 1 })
    expect(() => stableDiffusion.level(1000)).toThrow(/from 0 to 999/)
    expect(() => stableDiffusion.level(Number.NaN)).toThrow(/from 0 to 999/)
    expect(() => betas('linear', { count: 0 })).toThrow(/at least 1/)
  })
})

it('times are the inverse of levels', () => {
  for (const schedule of [stableDiffusion, edmSchedule(), rectifiedFlow({ scale: 1 }), rectifiedFlow()]) {
    for (const share of [0.001, 0.1, 0.5004, 0.73, 0.999]) {
      const t = schedule.cleanest + share * (schedule.noisiest - schedule.cleanest)
      expect(schedule.time(schedule.level(t).lambda)).toBeCloseTo(t, 9)
    }
    expect(schedule.time(Number.NEGATIVE_INFINITY)).toBe(schedule.noisiest)
    expect(schedule.time(Number.POSITIVE_INFINITY)).toBe(schedule.cleanest)
  }
})

it('edm and flow are what they are defined as', () => {
  expect(edmSchedule().level(2)).toMatchObject({ t: 2, alpha: 1, sigma: 2 })
  expect(rectifiedFlow().level(250)).toMatchObject({ t: 250, alpha: 0.75, sigma: 0.25 })
  expect(rectifiedFlow({ scale: 1 }).level(1)).toMatchObject({ alpha: 0, sigma: 1, lambda: Number.NEGATIVE_INFINITY })
})
