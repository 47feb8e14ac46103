import { expect, it } from 'vitest'
import { zeros } from '../../math/tensor.js'
import type { Host, ScatterPlot } from '../host.js'
import { type ComparisonRow, chartOf, gainFor, shortNames } from './reports.js'

it.each([
  [
    ['ddim:spacing=lambda,steps=20', 'heun:spacing=lambda,spread=levels,end=cleanest,steps=20'],
    ['ddim', 'heun'],
  ],
  [
    ['ddim:spacing=lambda,steps=20', 'ddim:spacing=lambda,steps=50'],
    ['ddim:steps=20', 'ddim:steps=50'],
  ],
  [
    ['ddim:spacing=lambda,steps=20', 'ddim:steps=20', 'scheduler'],
    ['ddim:spacing=lambda', 'ddim', 'scheduler'],
  ],
])('solvers are told apart by as little as does: %j', (solvers, names) => {
  expect(shortNames(solvers)).toEqual(names)
})

it.each([
  [0, undefined],
  [2 / 255, 128],
  [0.3, 4],
  [2, 1],
])('an error of %d is drawn with a gain of %j', (error, gain) => {
  const black = zeros([3, 1, 1])
  expect(gainFor(black, { ...black, data: Float64Array.of(0, error, 0) })).toBe(gain)
})

const leg = { evaluations: 40, noiseNmseDb: -200 } as ComparisonRow['fromLatent']
const row = (solver: string): ComparisonRow =>
  ({ solver, inverter: 'naive', fromLatent: leg, fromPicture: { ...leg, noiseNmseDb: -20 } }) as ComparisonRow

it('a chart names its series shortly, shows both ways at one place, and says what it draws at its floor', async () => {
  let plot: ScatterPlot | undefined
  const chart = async (drawn: ScatterPlot) => {
    plot = drawn
    return '<svg/>'
  }
  const host = { pictures: { chart } } as unknown as Host
  await chartOf([row('ddim:steps=20'), row('heun:steps=20')], 'model', host)
  expect(plot!.series.map(({ name, hollow }) => [name, hollow])).toEqual([
    ['ddim, given the latent', false],
    ['ddim, given the picture', true],
    ['heun, given the latent', false],
    ['heun, given the picture', true],
  ])
  expect(plot!.subtitle).toBe('model, ddim:steps=20; heun:steps=20. Errors below -150 dB are drawn there.')
  await chartOf([{ ...row('ddim:steps=20'), fromLatent: null }], 'model', host)
  expect(plot!.subtitle).toBe('model, ddim:steps=20')
  // Names of many points would lie on each other: their numbers stand there, and the subtitle explains them.
  const inverters = ['naive', 'implicit', 'sweep', 'branching', 'automatic', 'algorithm-1']
  await chartOf(
    inverters.map((inverter) => ({ ...row('ddim:steps=20'), inverter })),
    'model',
    host,
  )
  expect(plot!.series.map(({ points }) => points.map(({ label }) => label))).toEqual(
    Array(2).fill(['1', '2', '3', '4', '5', '6']),
  )
  for (const [i, inverter] of inverters.entries()) expect(plot!.subtitle).toContain(`${i + 1}:\u00a0${inverter}`)
  const fromMemory = { ...leg, exact: 'given-memory' } as ComparisonRow['fromLatent']
  await chartOf([{ ...row('bdia:steps=20'), fromLatent: fromMemory }], 'model', host)
  expect(plot!.series.map(({ name }) => name)).toContain('given the latent and its memory')
})
