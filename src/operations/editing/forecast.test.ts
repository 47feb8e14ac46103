/** How long the parts of an edit are expected to take. */
import { expect, it } from 'vitest'
import type { Steps } from '../../core/progress.js'
import type { Told } from '../operation.js'
import { type Forecast, inParts, pacesAt } from './forecast.js'

it('counts more seconds a pixel for larger pictures, as networks with attention take', () => {
  // Of the bundled model, in seconds, at 128×128 and 600×400.
  const large = pacesAt({ decode: 0.036, evaluation: 0.023 }, { from: 1, to: (600 * 400) / 128 ** 2 })
  expect(large.decode / 0.8).toBeCloseTo(1, 0)
  expect(large.evaluation / 1.5).toBeCloseTo(1, 0)
  expect(large.evaluation / 0.023).toBeGreaterThan(2 * ((600 * 400) / 128 ** 2))
  const back = pacesAt(large, { from: (600 * 400) / 128 ** 2, to: 1 })
  expect(back.decode).toBeCloseTo(0.036)
  expect(back.evaluation).toBeCloseTo(0.023)
})

it('expects what is to come in the pace of the parts that are over', async () => {
  const forecast: Forecast = [
    { name: 'search', seconds: 0.1 },
    { name: 'gradients', seconds: 4 },
    { name: 'back', seconds: 3 },
    { name: 'drawing', seconds: 1 },
  ]
  let clock = 0
  async function* work(): Steps<void, Told> {
    clock = 5
    yield { stage: 'automatic', done: 0, total: 2 }
    // A part as short as this says nothing.
    clock = 8
    yield { stage: 'gradient steps', done: 0, total: 9 }
    clock = 20
    yield { stage: 'naive', done: 0, total: 9 }
    clock = 21
    yield { stage: 'ddim', done: 0, total: 9 }
  }
  const steps = inParts(work(), { method: 'naive', solver: 'ddim' }, () => (clock > 0 ? forecast : undefined), {
    now: () => clock,
  })
  const seen: (readonly number[])[] = []
  for await (const { parts } of steps) seen.push(parts!.seconds!)
  expect(seen[1]).toEqual([0.1, 4, 3, 1])
  expect(seen[2]![2]).toBeCloseTo(9)
  expect(seen[3]![3]).toBeCloseTo(13 / 7)
})
