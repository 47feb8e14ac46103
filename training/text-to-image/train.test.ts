import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { norm, readTensors, subtract, type Tensor, tensor, torchNoise, zeros } from 'undiffuse'
import { bundledFile, nodeFiles } from 'undiffuse/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCheckpoint } from '../checkpoint.js'
import { latentSize } from '../scenes/latents.js'
import { type Recipe, recipe, vocabulary } from './recipe.js'
import { startingFrom, train, trainingFeeds } from './train.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-text-to-image-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const { unet, text } = recipe.networks
const blocks = unet.blocks.map((block) => ({ ...block, channels: 16 }))
/** The bundled recipe on networks small enough for a test. */
const small: Recipe = {
  ...recipe,
  batch: 2,
  scenes: 4,
  networks: {
    unet: { ...unet, blockOutChannels: [16, 16, 16], blocks, mid: blocks.at(-1)!, crossAttentionDim: 16 },
    text: { ...text, hiddenSize: 16, intermediateSize: 32, hiddenLayers: 1 },
  },
}
it('starts from the weights of another model where names and shapes agree, left and right told apart', async () => {
  const bundled = bundledFile('models', 'undiffuse-scenes')
  const theirs = await readTensors(nodeFiles, join(bundled, 'text_encoder', 'model.safetensors'))
  const [embeddings, norm] = ['embeddings.token_embedding', 'final_layer_norm'].map(
    (part) => `text_model.${part}.weight`,
  )
  const conv = 'conv_in.weight'
  const fresh = [
    [embeddings!, zeros(theirs.get(embeddings!)!.shape)],
    [norm!, zeros(theirs.get(norm!)!.shape)],
    [conv, zeros([1, 4, 3, 3])],
    ['of no other model', zeros([2])],
  ] as const
  const start = await startingFrom(bundled, new Map(fresh))
  expect([...start.keys()]).toEqual(fresh.map(([each]) => each))
  expect(start.get(norm!)).toEqual(theirs.get(norm!))
  expect(start.get(conv)).toEqual(zeros([1, 4, 3, 3]))

  const width = text.hiddenSize
  const wordOf = (tensors: ReadonlyMap<string, Tensor>, word: string) => {
    const id = vocabulary.tokens.get(`${word}</w>`)!
    return tensors.get(embeddings!)!.data.slice(id * width, (id + 1) * width)
  }
  expect(wordOf(start, 'top')).toEqual(wordOf(theirs, 'top'))
  const [left, right] = ['left', 'right'].map((word) => wordOf(start, word))
  const [theirLeft, theirRight] = ['left', 'right'].map((word) => wordOf(theirs, word))
  left!.forEach((value, i) => {
    expect(value + right![i]!).toBeCloseTo(theirLeft![i]! + theirRight![i]!, 12)
    expect(value - right![i]!).toBeCloseTo(4 * (theirLeft![i]! - theirRight![i]!), 12)
  })
})

it('reaches every weight, and says how well unseen scenes are told from noise', async () => {
  await train(small, { folder, steps: 2, saveEvery: 100, evaluateEvery: 100 }, () => {})
  const { step, state } = (await loadCheckpoint(join(folder, 'checkpoint.safetensors')))!
  expect(step).toBe(2)
  for (const [name, moment] of state.first) expect(norm(moment), name).toBeGreaterThan(0)
  const log = (await readFile(join(folder, 'log.jsonl'), 'utf8')).trim()
  expect(JSON.parse(log)).toMatchObject({ step: 2, unseenLoss: expect.any(Number) })
}, 120_000)

describe('what a step sees', () => {
  const seeds = [...Array(50).keys()]
  const latents = { seeds, latents: torchNoise(1, [50, 4, latentSize, latentSize]) }
  const feeds = trainingFeeds(latents, { ...recipe, batch: 16 }, 3)

  it('is the same for the same step and another for the next', () => {
    expect(trainingFeeds(latents, { ...recipe, batch: 16 }, 3)).toEqual(feeds)
    expect(trainingFeeds(latents, { ...recipe, batch: 16 }, 4).sample).not.toEqual(feeds.sample)
  })

  it('is one of the latents under noise, by the schedule of Stable Diffusion', () => {
    const entries = 4 * latentSize ** 2
    const part = (x: Float64Array, n: number) => x.slice(n * entries, (n + 1) * entries)
    const root = (t: number) => Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * t) / 999
    const logAlpha = (t: number): number =>
      Array.from({ length: t + 1 }, (_, k) => Math.log1p(-(root(k) ** 2))).reduce((sum, value) => sum + value, 0) / 2
    // papers.md, section 1: alpha_999 of Stable Diffusion.
    expect(Math.exp(logAlpha(999))).toBeCloseTo(0.06826, 5)
    for (let n = 0; n < 16; n++) {
      const alpha = Math.exp(logAlpha(feeds.timestep!.data[n]!))
      const sigma = Math.sqrt(1 - alpha ** 2)
      const noise = part(feeds.noise!.data, n)
      const clean = part(feeds.sample!.data, n).map((value, i) => (value - sigma * noise[i]!) / alpha)
      const nearest = seeds.map((_, i) =>
        norm(subtract(tensor([entries], clean), tensor([entries], part(latents.latents.data, i)))),
      )
      expect(Math.min(...nearest)).toBeLessThan(1e-9)
    }
  })

  it('spreads its times over the whole schedule, and a share of them over its noisy end', () => {
    const times = [...feeds.timestep!.data]
    const others = 16 * (1 - recipe.noisy.share)
    times.slice(0, others).forEach((t, n) => {
      expect(t).toBeGreaterThanOrEqual(Math.floor(1000 * (n / others) ** recipe.timeExponent))
      expect(t).toBeLessThan(1000 * ((n + 1) / others) ** recipe.timeExponent)
    })
    const width = (1000 - recipe.noisy.from) / (16 - others)
    times.slice(others).forEach((t, n) => {
      expect(t).toBeGreaterThanOrEqual(recipe.noisy.from + n * width)
      expect(t).toBeLessThan(recipe.noisy.from + (n + 1) * width)
    })
  })
})
