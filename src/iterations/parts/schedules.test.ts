import { describe, expect, it } from 'vitest'
import { codeSchedule, constantSchedule, cosineSchedule, paperSchedule, stepAt } from './schedules.js'

describe('schedules', () => {
  it.each([
    [20, 0.1786],
    [50, 0.1403],
    [100, 0.1284],
    [200, 0.1284],
  ])('the released schedule of %i updates ends at %f of the peak', (iterations, tail) => {
    const rates = codeSchedule(0.01, iterations)
    // Four digits, as the tail ratios are given.
    expect(stepAt(rates, iterations - 1) / 0.01).toBeCloseTo(tail, 4)
  })

  it('warms up over a tenth, reaches the peak, falls, and is held from eight tenths on', () => {
    const rates = paperSchedule(1, 50)
    expect(rates.slice(0, 6)).toEqual([0.2, 0.4, 0.6, 0.8, 1, 1])
    expect(rates).toHaveLength(40)
    for (let i = 6; i < 40; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!)
    expect(stepAt(rates, 49)).toBe(rates[39])
  })

  it('differ above 100 updates only: the code freezes what the paper stretches', () => {
    expect(paperSchedule(1, 100)).toEqual(codeSchedule(1, 100))
    expect(codeSchedule(1, 300)).toEqual(codeSchedule(1, 100))
    expect(paperSchedule(1, 200)).toHaveLength(160)
  })

  it('the gradient baseline starts at zero and ends near zero', () => {
    const rates = cosineSchedule(0.1, 100)
    expect(rates).toHaveLength(100)
    expect(rates[0]).toBe(0)
    expect(rates[5]).toBeCloseTo(0.05, 15)
    expect(rates[10]).toBe(0.1)
    expect(rates[55]).toBeCloseTo(0.05, 15)
    expect(rates[99]).toBeCloseTo(0.1 * Math.sin(Math.PI / 180) ** 2, 15)
  })

  it('have no warm-up when a tenth is less than one update', () => {
    for (const schedule of [codeSchedule, paperSchedule, cosineSchedule, constantSchedule]) {
      for (let n = 1; n < 10; n++) expect(schedule(3, n)[0]).toBe(3)
    }
  })
})

it('stepAt takes a number for all updates and holds the last of a list', () => {
  expect([0, 1, 9].map((i) => stepAt(0.5, i))).toEqual([0.5, 0.5, 0.5])
  expect([0, 1, 2, 9].map((i) => stepAt([3, 2, 1], i))).toEqual([3, 2, 1, 1])
})
