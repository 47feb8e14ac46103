import { type Autoencoder, Task, tensor, torchNoise } from 'undiffuse'
import { expect, test } from 'vitest'
import { analyticAutoencoder, latentShape, pictureModel } from '../../test/laws/analytic-autoencoder.js'
import { linearAutoencoder } from '../../test/linear-autoencoder.js'
import { comparedMethods, makeInverter, optimiserAblation, scheduleAblation } from './methods.js'
import type { KnownLatent } from './pictures.js'
import { trace } from './trace.js'

/** float64 arithmetic of a few operations. */
const rounding = 9

const truth = torchNoise(3, latentShape)
const modelOf = (autoencoder: Autoencoder) => pictureModel(autoencoder).model
const bend = 0.5

/** The picture is not rounded: what is tested is arithmetic. */
async function problem(autoencoder: Autoencoder): Promise<KnownLatent> {
  const decoded = await autoencoder.decode(truth)
  return { seed: 0, scene: decoded, latent: truth, decoded, image: decoded }
}

test('the error along a run is what the recurrence says, in dB', async () => {
  const [gain, rate, budget] = [0.8, 0.5, 6]
  const autoencoder = linearAutoencoder(gain)
  const inverter = makeInverter(`gradient-free:iteration=forward-step,rate=${rate}`, budget)
  const { nmseDb, snapshots } = await new Task(
    trace(inverter, modelOf(autoencoder), await problem(autoencoder), [2, budget]),
  )
  expect(nmseDb).toHaveLength(budget)
  for (const [k, value] of nmseDb.entries()) {
    expect(value).toBeCloseTo(20 * Math.log10((1 - gain) * (1 - rate * gain) ** k), rounding)
  }
  const [early, last] = snapshots
  expect(early).toMatchObject({ budget: 2, evaluations: 2, outcome: 'exhausted' })
  expect(early?.networkRuns).toEqual({ encodes: 1, decodes: 0, roundTrips: 2, pullbacks: 0 })
  expect(last?.networkRuns.roundTrips).toBe(budget)
  expect(early!.latent!.data[0]).toBeCloseTo(truth.data[0]! * (1 - (1 - gain) * (1 - rate * gain)), rounding)
})

const anytime = [...comparedMethods, ...optimiserAblation, ...scheduleAblation].filter((method) => method.anytime)

test.each(anytime.map((method) => [method.name, method] as const))(
  '%s: one long run shows what shorter budgets return',
  async (_, { specification }) => {
    const autoencoder = analyticAutoencoder(bend)
    const known = await problem(autoencoder)
    const budgets = specification === 'encoder-only' ? [0] : [1, 3, 8, 20]
    const long = await new Task(trace(makeInverter(specification, 20), modelOf(autoencoder), known, budgets))
    for (const snapshot of long.snapshots) {
      const run = makeInverter(specification, snapshot.budget).invert(known.image, autoencoder)
      const { value, outcome, evaluations } = await new Task(run)
      expect(snapshot.latent).toEqual(value)
      expect([snapshot.outcome, snapshot.evaluations]).toEqual([outcome, evaluations])
    }
  },
)

test('a schedule that depends on the budget is not declared to be anytime', async () => {
  const scheduled = comparedMethods.filter((method) => !method.anytime)
  expect(scheduled.length).toBeGreaterThan(0)
  const autoencoder = analyticAutoencoder(bend)
  const known = await problem(autoencoder)
  for (const { specification } of scheduled) {
    const long = await new Task(trace(makeInverter(specification, 50), modelOf(autoencoder), known, [20, 50]))
    const short = await new Task(makeInverter(specification, 20).invert(known.image, autoencoder))
    expect(long.snapshots[0]!.latent).not.toEqual(short.value)
  }
})

test('numbers that are not finite are an outcome', async () => {
  const broken = { ...linearAutoencoder(1), encode: async () => tensor([1], [Number.NaN]) }
  const known = await problem(linearAutoencoder(1))
  const { snapshots } = await new Task(trace(makeInverter('accelerated', 5), modelOf(broken), known, [5]))
  expect(snapshots).toMatchObject([{ outcome: 'failed', budget: 5 }])
  expect(snapshots[0]!.latent).toBeUndefined()
})
