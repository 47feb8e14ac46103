import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mersenneTwister } from './mersenne-twister.js'
import { torchGenerator, torchNoise } from './noise.js'

interface Case {
  readonly seed: number
  readonly shape: number[]
  readonly first: number[]
  readonly second: number[]
}
const golden = new URL('../../test/golden/torch-randn.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(golden, 'utf8')) as { cases: Case[] }

/** Two roundings of float32 at |x| < 6: PyTorch's vectorised log, sin and cos are not correctly rounded. */
const torchRounding = 1e-6

function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number) {
  expect(got.length).toBe(want.length)
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - want[i]!)).toBeLessThan(tolerance)
}

describe('mersenneTwister', () => {
  it('has the 10000th value that the C++ standard prescribes', () => {
    const next = mersenneTwister(5489)
    for (let i = 1; i < 10000; i++) next()
    expect(next()).toBe(4123659995)
  })
})

describe('torchGenerator', () => {
  it.each(cases)('draws what torch.randn draws, twice: seed $seed, shape $shape', ({ seed, shape, first, second }) => {
    const generator = torchGenerator(seed)
    for (const want of [first, second]) {
      const got = generator.noise(shape)
      expect(got.shape).toEqual(shape)
      expectClose(got.data, want, torchRounding)
    }
    expectClose(torchNoise(seed, shape).data, first, torchRounding)
  })

  it('keeps the second normal number of a small draw for the next one', () => {
    const whole = torchNoise(3, [4]).data
    const generator = torchGenerator(3)
    const parts = [...generator.noise([3]).data, ...generator.noise([1]).data]
    expect(parts).toEqual([...whole])
  })

  it('has mean 0 and variance 1', () => {
    const { data } = torchNoise(11, [100_000])
    const mean = data.reduce((sum, x) => sum + x, 0) / data.length
    const variance = data.reduce((sum, x) => sum + x * x, 0) / data.length
    // Five standard errors: 1/√n for the mean, √(2/n) for the variance.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(data.length))
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / data.length))
  })

  it('draws integers and uniform numbers in their ranges, evenly', () => {
    const generator = torchGenerator(1)
    const draws = 60_000
    const counts = new Array<number>(6).fill(0)
    for (let i = 0; i < draws; i++) counts[generator.integer(6)]!++
    for (const count of counts) expect(Math.abs(count - draws / 6)).toBeLessThan(5 * Math.sqrt(draws / 6))
    const values = Array.from({ length: draws }, () => generator.uniform(-1, 3))
    expect(values.filter((value) => value < -1 || value >= 3)).toEqual([])
    const mean = values.reduce((sum, value) => sum + value, 0) / draws
    expect(Math.abs(mean - 1)).toBeLessThan((5 * 4) / Math.sqrt(12 * draws))
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => torchGenerator(seed)).toThrow('Expected an integer from 0 to 2^53 - 1 for the seed')
  })

  it.each([0, 1.5, 2 ** 33])('refuses the bound %s', (bound) => {
    expect(() => torchGenerator(0).integer(bound)).toThrow('for the bound')
  })
})
