import { type Signal, Task, type Tensor } from 'undiffuse'
import { expect, test } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { attributes } from '../../training/scenes/reader/network.js'
import type { Reading, SceneReader } from '../../training/scenes/reader/reader.js'
import { noCells } from '../shared/cells.js'
import { benchFaithfulness } from './prompt-faithfulness.js'
import { sampledScenes } from './sampled-scenes.js'
import { benchSamplers, observedOrder, smoothGrid } from './samplers.js'
import { samplersPlot, samplersText, scenesPlot, scenesText } from './text.js'

/** Orders are fitted over three doublings, not in the limit. */
const orderTolerance = 0.3

const rowsOf = (solver: string, errorDb: (steps: number) => number) =>
  [5, 10, 20, 40, 80].map((steps) => ({ solver, steps, evaluations: steps, nmseDb: errorDb(steps) }))

test('the observed order is the exponent, fitted where the error is neither everything nor the reference’s own', () => {
  // 100·steps⁻²: above a tenth of the signal at 5 and 10 steps, near the reference's −60 dB at 80.
  const errorDb = (steps: number) => 20 * Math.log10(100 * steps ** -2)
  const saturated = rowsOf('a', (steps) => (steps === 5 ? -3 : Math.max(errorDb(steps), steps === 80 ? -34 : -99)))
  expect(observedOrder('a', rowsOf('a', errorDb), -99)).toMatchObject({ order: expect.closeTo(2), steps: [40, 80] })
  expect(observedOrder('a', saturated, -45)).toBeUndefined()
  expect(observedOrder('b', rowsOf('a', errorDb), -99)).toBeUndefined()
})

test('on the analytic world solvers show their orders', async () => {
  const { model } = analyticModel()
  const result = await new Task(
    benchSamplers(model, {
      solvers: ['ddim', 'bdia:gamma=1', 'dpm-solver-2m', 'edict'],
      steps: [20, 40, 80],
      guidance: 1,
      count: 2,
      chunk: 2,
      grid: smoothGrid,
      cells: noCells,
      modelVersion: 'v',
    }),
  )
  expect(result.reference.nmseDb).toBeLessThan(-100)
  const [ddim, , secondOrder] = result.orders
  expect(Math.abs(ddim!.order - 1)).toBeLessThan(orderTolerance)
  expect(Math.abs(secondOrder!.order - 2)).toBeLessThan(orderTolerance)
  expect(result.rows.filter(({ steps }) => steps === 40).map(({ evaluations }) => evaluations)).toEqual([
    40, 40, 40, 80,
  ])
  expect(samplersText(result)).toContain('dpm-solver-2m')
  expect(await samplersPlot(result, 'gamma')).toContain('bdia:gamma=1')
})

/** Reads everything right but the colour of every other picture; features are the first numbers of the picture. */
function fakeReader(): SceneReader {
  let read = 0
  const scenes = heldOutPrompts(100).map(({ scene }) => scene)
  const readScene = async ({ data }: Tensor, _?: Signal): Promise<Reading> => {
    const { variation: _variation, ...words } = scenes[read % 6]!
    const wrong = read++ % 2 === 1 ? { colour: words.colour === 'red' ? 'blue' : 'red' } : {}
    const probability = Object.fromEntries(attributes.map((name) => [name, 1])) as Reading['probability']
    return { ...words, ...(wrong as object), probability, features: data.slice(0, 3) }
  }
  return { readScene, sceneFeatures: async (image) => (await readScene(image)).features, close: async () => {} }
}

test('Fréchet distances of the same samples are the same; differences come with their uncertainty', async () => {
  const { model } = analyticModel()
  const scenes = await new Task(
    sampledScenes(model, fakeReader(), {
      solvers: ['ddim', 'dpm-solver-1', 'bdia:gamma=1'],
      against: 'ddim',
      steps: [5],
      guidance: 1,
      count: 6,
      referenceCount: 8,
      chunk: 3,
      cells: noCells,
      modelVersion: 'v',
    }),
  )
  expect(scenes.rows.map(({ frechet }) => frechet > 0)).toEqual([true, true, true])
  const [same, other] = scenes.differences
  // DPM-Solver++ of first order is DDIM, up to rounding.
  expect(Math.abs(same!.difference)).toBeLessThan(1e-9)
  expect(other!.low).toBeLessThanOrEqual(other!.high)
  expect(other!.difference).not.toBe(0)
  expect(scenesText(scenes)).toContain('bdia:gamma=1 against ddim, 5 steps')
  expect(await scenesPlot(scenes)).toContain('other rendered scenes')
})

test('faithfulness counts what is read otherwise than asked, and draws a sheet', async () => {
  const { model } = analyticModel()
  const options = { solver: 'ddim', steps: 2, guidance: 1, count: 6, chunk: 4 }
  const { result, sheet } = await new Task(benchFaithfulness(model, fakeReader(), options))
  expect(result.faithfulness.attributes.shape.right).toBe(6)
  expect(result.faithfulness.shapeAndColour.right).toBe(3)
  expect(result.scenes.map(({ mistakes }) => mistakes.length)).toEqual([0, 1, 0, 1, 0, 1])
  expect(result.solver).toBe('ddim')
  const own = await new Task(benchFaithfulness(model, fakeReader(), { ...options, solver: undefined }))
  expect(own.result.solver).toBe(model.solver.name)
  expect([...sheet.slice(1, 4)].map((code) => String.fromCharCode(code)).join('')).toBe('PNG')
})
