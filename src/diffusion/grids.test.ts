/** Spacings that the reference trajectories of test/schedulers.test.ts do not have, and what is refused. */
import { expect, it } from 'vitest'
import { type GridOptions, gridOf } from './grids.js'
import { betas, edmSchedule, rectifiedFlow, variancePreserving } from './schedules.js'

const schedule = variancePreserving(betas('scaled-linear'))
const options: GridOptions = {
  steps: 10,
  spacing: 'linspace',
  spread: 'levels',
  offset: 0,
  wholeTimes: true,
  end: 'cleanest',
}
const times = (changes: Partial<GridOptions>) => gridOf(schedule, { ...options, ...changes }).map(({ t }) => t)

it('linspace rounds halves to even, as numpy does', () => {
  // numpy.linspace(0, 999, 19).round(): 55.5 k, so 166.5 → 166, 277.5 → 278, 832.5 → 832.
  expect(times({ steps: 18 })).toEqual([
    999, 944, 888, 832, 777, 722, 666, 610, 555, 500, 444, 388, 333, 278, 222, 166, 111, 56, 0,
  ])
})

it('the grid of the papers on Stable Diffusion ends at training time 0', () => {
  const grid = gridOf(schedule, { ...options, steps: 50 })
  expect([grid.length, grid[0]!.t, grid[50]!.t]).toEqual([51, 999, 0])
  expect(grid[50]!.sigma).toBeCloseTo(0.02915, 5)
})

it('lambda and karras are even in what they say, and meet both ends', () => {
  for (const [spacing, scale] of [
    ['lambda', (lambda: number) => lambda],
    ['karras', (lambda: number) => Math.exp(-lambda / 7)],
  ] as const) {
    for (const each of [schedule, edmSchedule()]) {
      const grid = gridOf(each, { ...options, spacing, wholeTimes: false })
      expect([grid[0]!.t, grid[10]!.t]).toEqual([each.noisiest, each.cleanest])
      const values = grid.map(({ lambda }) => scale(lambda))
      const step = (values[10]! - values[0]!) / 10
      for (const [k, value] of values.entries()) expect(value).toBeCloseTo(values[0]! + k * step, 9)
    }
  }
})

it('an end without noise has all of the image', () => {
  for (const each of [schedule, edmSchedule(), rectifiedFlow()]) {
    expect(gridOf(each, { ...options, end: 'zero' }).at(-1)).toMatchObject({ alpha: 1, sigma: 0 })
  }
})

it('refuses grids that stand still, run out of times or are infinite', () => {
  expect(() => times({ spread: 'steps' })).toThrow(/spread=levels/)
  expect(() => times({ steps: 1001 })).toThrow(/lose noise at every step/)
  expect(() => times({ spacing: 'leading', spread: 'steps', steps: 1000, offset: 1 })).toThrow(/from 0 to 999/)
  expect(() => gridOf(rectifiedFlow(), { ...options, spacing: 'lambda' })).toThrow(/spacing=linspace/)
  expect(() => gridOf(edmSchedule(), { ...options, spacing: 'leading' })).toThrow(/whole training times/)
})
