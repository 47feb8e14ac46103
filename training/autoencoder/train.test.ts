/** A run that was stopped goes on as if it had not been: same pictures, same noise, same weights up to float32 storage. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { norm, subtract } from 'undiffuse'
import { afterAll, expect, it } from 'vitest'
import { loadCheckpoint } from '../checkpoint.js'
import { learningRateAt } from '../loop.js'
import { type Recipe, recipe } from './recipe.js'
import { train } from './train.js'

const folder = await mkdtemp(join(tmpdir(), 'undiffuse-training-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The bundled recipe on pictures small enough for a test. */
const small: Recipe = { ...recipe, small: { batch: 1, size: 32 }, large: { batch: 1, size: 64 }, largeEvery: 3 }
const steps = 4
const options = { steps, saveEvery: 100, evaluateEvery: 100 }
/** Checkpoints hold float32, so that a resumed run starts from rounded weights; a step moves them by 1e-5 and more. */
const storageTolerance = 1e-6

it('resumes where it was stopped', async () => {
  const lines: string[] = []
  const [straight, stopped] = [join(folder, 'straight'), join(folder, 'stopped')]
  await train(small, { ...options, folder: straight }, () => {})
  await train(small, { ...options, folder: stopped, until: 2 }, () => {})
  expect((await loadCheckpoint(join(stopped, 'checkpoint.safetensors')))?.step).toBe(2)
  await train(small, { ...options, folder: stopped }, (line) => lines.push(line))
  expect(lines[0]).toContain('resuming after step 2')

  const [one, other] = await Promise.all(
    [straight, stopped].map(async (run) => (await loadCheckpoint(join(run, 'checkpoint.safetensors')))!),
  )
  expect(other!.step).toBe(steps)
  for (const [name, weight] of one!.state.weights) {
    const again = other!.state.weights.get(name)!
    expect(norm(subtract(weight, again)), name).toBeLessThanOrEqual(storageTolerance * (1 + norm(weight)))
  }
  const log = (await readFile(join(stopped, 'log.jsonl'), 'utf8')).trim().split('\n')
  expect(log.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([2, 4])
}, 300_000)

it('warms up, holds, and falls to zero', () => {
  const rate = (step: number) => learningRateAt(recipe, step, 1000) / recipe.learningRate
  expect([rate(0), rate(99), rate(500), rate(700)]).toEqual([1 / 200, 0.5, 1, 1])
  expect(rate(850)).toBeCloseTo(0.5)
  expect(rate(999)).toBeLessThan(0.01)
})
