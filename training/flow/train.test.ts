import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { norm, openDiffusionModel, subtract, type Tensor, tensor, torchNoise } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshState } from '../adamw.js'
import { loadCheckpoint, saveCheckpoint } from '../checkpoint.js'
import { initialWeights } from '../initialize.js'
import { latentSize } from '../scenes/latents.js'
import { caption, describeScene } from '../scenes/scene.js'
import { encodeWords } from '../text/vocabulary.js'
import { vocabulary } from '../text-to-image/recipe.js'
import { exportModel } from './export.js'
import { lossGraphs } from './loss.js'
import { promptTokens, type Recipe, recipe } from './recipe.js'
import { bundledText, train, trainingFeeds } from './train.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-flow-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const entries = 4 * latentSize ** 2
const part = ({ data }: Tensor, n: number) => tensor([entries], data.slice(n * entries, (n + 1) * entries))

describe('what a step sees', () => {
  const seeds = [...Array(50).keys()]
  const latents = { seeds, latents: torchNoise(1, [50, 4, latentSize, latentSize]) }
  const feeds = trainingFeeds(latents, { ...recipe, batch: 16 }, 3)
  const shares = [...feeds.timestep!.data].map((t) => t / 1000)

  it('is the same for the same step and another for the next', () => {
    expect(trainingFeeds(latents, { ...recipe, batch: 16 }, 3)).toEqual(feeds)
    expect(trainingFeeds(latents, { ...recipe, batch: 16 }, 4).sample).not.toEqual(feeds.sample)
  })

  it('lies on the straight line from one of the latents to noise, whose direction is the velocity', () => {
    const ends = shares.map((share, n) => {
      const [x, v] = [part(feeds.sample!, n), part(feeds.velocity!, n)]
      const at = (by: number) =>
        tensor(
          [entries],
          Float64Array.from(x.data, (value, i) => value + by * v.data[i]!),
        )
      return { clean: at(-share), noise: at(1 - share) }
    })
    for (const { clean } of ends) {
      const nearest = seeds.map((i) => norm(subtract(clean, part(latents.latents, i))))
      expect(Math.min(...nearest)).toBeLessThan(1e-9)
    }
    // 16,384 standard normal numbers: their variance is known to 1 percent.
    const variance = ends.reduce((sum, { noise }) => sum + norm(noise) ** 2, 0) / (16 * entries)
    expect(Math.abs(variance - 1)).toBeLessThan(0.05)
  })

  it("spreads its noise shares over the scheduler's grid, the noisiest last", () => {
    // u of σ = 1.5u/(1 + 0.5u).
    const even = shares.map((share) => share / (1.5 - 0.5 * share))
    even.forEach((u, n) => {
      expect(u).toBeGreaterThanOrEqual(n / 16 - 1e-12)
      expect(u).toBeLessThan((n + 1) / 16)
    })
  })
})

it('moves every weight, also those that gates of zero hide at first', async () => {
  const { transformer } = recipe.networks
  const small: Recipe = {
    ...recipe,
    batch: 4,
    scenes: 16,
    learningRate: 1e-2,
    warmUpSteps: 1,
    networks: { ...recipe.networks, transformer: { ...transformer, layers: 2, heads: 2, width: 16 } },
  }
  const run = join(folder, 'small')
  const at = async (steps: number) => {
    await train(
      small,
      { folder: run, steps: 8, until: steps, saveEvery: 100, evaluateEvery: 100, threads: 1 },
      () => {},
    )
    return (await loadCheckpoint(join(run, 'checkpoint.safetensors')))!
  }
  const start = await at(1)
  const end = await at(8)
  // The last block's answer to the text is not used: nothing depends on what the text asks there.
  const unused = /^transformer_blocks\.1\.attn\.(add_q_proj|norm_added_q)\./
  for (const [name, weight] of end.state.weights) {
    if (!unused.test(name)) expect(norm(subtract(weight, start.state.weights.get(name)!)), name).toBeGreaterThan(0)
  }
  const log = (await readFile(join(run, 'log.jsonl'), 'utf8')).trim().split('\n')
  expect(log.map((line) => JSON.parse(line) as unknown)).toEqual(
    [1, 8].map((step) => expect.objectContaining({ step, 'unseenErrorTo0.25': expect.any(Number) })),
  )
}, 120_000)

/** Weights are rounded to 16 bits on their way, seven blocks deep. */
const halfTolerance = 1e-2

it('exports a folder whose network answers as the one that was trained', async () => {
  const runtime = ortNode({ threads: 1 })
  const size = { batch: 1, size: latentSize, tokens: promptTokens }
  const { forward, parameters } = lossGraphs(recipe.networks, await bundledText(), size)
  const state = freshState(initialWeights(parameters, 5))
  await saveCheckpoint(join(folder, 'checkpoint.safetensors'), state, 7)
  await writeFile(join(folder, 'log.jsonl'), '{"step":7,"unseenErrorTo1":0.5}\n')
  await exportModel(folder, join(folder, 'model'), () => {})
  const model = await openDiffusionModel(nodeFiles, join(folder, 'model'), runtime)

  const [share, text] = [0.7, caption(describeScene(3))]
  const x = torchNoise(1, [4, latentSize, latentSize])
  const condition = await model.condition(text)
  expect(condition.unread).toBeUndefined()
  const level = model.schedule(x.shape).level(1000 * share)
  const [denoised] = await model.ask('denoise', [{ x, level, condition }])
  // D = x − σ·v̂, so that v̂ = (x − D)/σ; the graph of training squares its distance from the velocity that it is fed.
  const velocity = x.data.map((value, i) => (value - denoised!.data[i]!) / share)
  const power = velocity.reduce((sum, each) => sum + each ** 2, 0) / entries
  const session = await runtime.open(forward)
  const shape = [1, 4, latentSize, latentSize]
  const { squared } = await session.run({
    ...Object.fromEntries(state.weights),
    sample: tensor(shape, x.data),
    velocity: tensor(shape, velocity),
    timestep: tensor([1], [level.t]),
    weight: tensor([1, 1, latentSize, latentSize], new Float64Array(latentSize ** 2)),
    input_ids: tensor([1, promptTokens], encodeWords(vocabulary, text, promptTokens)),
  })
  expect(power).toBeGreaterThan(0.01)
  expect(Math.sqrt(squared!.data[0]! / power)).toBeLessThan(halfTolerance)
  await runtime.close()
}, 120_000)
