/** A run that was stopped goes on as if it had not been: the same steps, the same weights up to float32 storage. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { combine, norm, subtract, torchNoise } from 'undiffuse'
import { afterAll, expect, it } from 'vitest'
import { loadCheckpoint } from './checkpoint.js'
import { learningRateAt, type Training, trainingLoop } from './loop.js'

const folder = await mkdtemp(join(tmpdir(), 'undiffuse-training-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const optimisation = {
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.998,
  learningRate: 1e-2,
  warmUpSteps: 3,
  decay: 0.3,
} as const
const goal = torchNoise(1, [3, 5])
/** Gradients of half the squared distance to a goal that is seen under noise; the step's number draws it. */
const training: Training = {
  initialWeights: () => new Map([['w', torchNoise(2, [3, 5])]]),
  async step(step, weights) {
    const seen = combine([1, goal], [0.1, torchNoise(100 + step, [3, 5])])
    const gradient = subtract(weights.get('w')!, seen)
    return { gradients: new Map([['w', gradient]]), numbers: { loss: norm(gradient) ** 2 / 2 } }
  },
  evaluate: async (average) => ({ distance: norm(subtract(average.get('w')!, goal)) }),
}
const options = { steps: 40, saveEvery: 8, evaluateEvery: 20 }
const inFolder = (name: string) => join(folder, name)
const checkpointOf = async (name: string) => (await loadCheckpoint(join(inFolder(name), 'checkpoint.safetensors')))!
/** Of float32 for each time that the weights were stored. */
const storageTolerance = 1e-6

it('resumes where it was stopped', async () => {
  const lines: string[] = []
  await trainingLoop(training, optimisation, { ...options, folder: inFolder('straight') }, () => {})
  const stopped = { ...options, folder: inFolder('stopped') }
  await trainingLoop(training, optimisation, { ...stopped, until: 20 }, () => {})
  const half = await checkpointOf('stopped')
  expect(half.step).toBe(20)
  await trainingLoop(training, optimisation, stopped, (line) => lines.push(line))
  expect(lines[0]).toContain('resuming after step 20')

  const [one, other] = await Promise.all(['straight', 'stopped'].map(checkpointOf))
  expect(other!.step).toBe(options.steps)
  for (const part of ['weights', 'first', 'second', 'average'] as const) {
    const [there, here] = [one!.state[part].get('w')!, other!.state[part].get('w')!]
    expect(norm(subtract(there, here)), part).toBeLessThanOrEqual(storageTolerance * (1 + norm(there)))
    expect(norm(subtract(here, half.state[part].get('w')!)), part).toBeGreaterThan(1e-3 * norm(here))
  }
  const log = (await readFile(join(inFolder('stopped'), 'log.jsonl'), 'utf8')).trim().split('\n')
  const evaluated = log.map((line) => JSON.parse(line) as { step: number; distance: number })
  expect(evaluated.map(({ step }) => step)).toEqual([20, 40])
  expect(evaluated[1]!.distance).toBeLessThan(evaluated[0]!.distance)
})

it('warms up, holds, and falls to zero', () => {
  const longer = { ...optimisation, warmUpSteps: 200 }
  const rate = (step: number) => learningRateAt(longer, step, 1000) / longer.learningRate
  expect([rate(0), rate(99), rate(500), rate(700)]).toEqual([1 / 200, 0.5, 1, 1])
  expect(rate(850)).toBeCloseTo(0.5)
  expect(rate(999)).toBeLessThan(0.01)
})
