/** Flows told one CLIP, on a miniature of random weights: what is told, pictures and their noise, and what is refused. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { bundledFile } from '../src/node/bundled.js'
import { nodeFiles } from '../src/node/files.js'
import { makePipeline } from '../src/node/make-checkpoint.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime } from './lasting-runtime.js'

/** What "exact" is in 32 bits. */
const exactDb = -90

const runtime = lastingRuntime({ threads: 1 })
let root = ''
let tiny = ''
let model: OpenDiffusionModel
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-clip-flow-'))
  tiny = join(root, 'tiny')
  await makePipeline(tiny, 'tiny-clip-flow')
  model = await openDiffusionModel(nodeFiles, tiny, runtime)
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

it('tells the network the states of the tokens, and their mean', async () => {
  const { values } = await model.condition('a red boat')
  const [states, pooled] = [values.encoder_hidden_states!, values.pooled_projections!]
  const [tokens, width] = states.shape as [number, number]
  expect(pooled.shape).toEqual([width])
  for (let i = 0; i < width; i++) {
    const column = Array.from({ length: tokens }, (_, token) => states.data[token * width + i]!)
    expect(pooled.data[i]).toBeCloseTo(column.reduce((sum, value) => sum + value) / tokens, 12)
  }
})

it('makes pictures in its steps, and finds their noise exactly', async () => {
  expect([model.defaultSteps, model.layout.picture]).toEqual([30, [3, 16, 16]])
  const noise = torchNoise(3, [4, 8, 12])
  const made = { model, prompt: 'a red boat', guidance: 1, solver: model.schedulerSolver }
  const { latent, image, grid } = await generate({ ...made, noise })
  // sigma = 3u/(1 + 2u), which the scheduler applies to the ends of its table and again to what lies between.
  expect([image.shape, grid.length, grid[0]!.sigma, grid.at(-1)!.sigma]).toEqual([[3, 16, 24], 31, 1, 0])
  const found = await invert({ latent }, made)
  expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
  expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
})

const refusals = [
  [
    'a text encoder of another width',
    'transformer/config.json',
    { joint_attention_dim: 48 },
    { code: 'bad-model', message: expect.stringContaining('context_embedder') },
  ],
  [
    'a scheduler of noise predictions',
    'scheduler/scheduler_config.json',
    { _class_name: 'DDIMScheduler', shift: undefined },
    { code: 'unsupported', message: expect.stringContaining('a scheduler of flows') },
  ],
  [
    'a field that it does not know',
    'model_index.json',
    { pooled: 'last' },
    { code: 'unsupported', message: expect.stringContaining('pooled') },
  ],
] as const

it.each(refusals)('refuses %s', async (_, file, fields, error) => {
  const path = await mkdtemp(join(root, 'model-'))
  await cp(tiny, path, { recursive: true })
  const stated = JSON.parse(await readFile(join(path, file), 'utf8')) as object
  await writeFile(join(path, file), JSON.stringify({ ...stated, ...fields }))
  await expect(openDiffusionModel(nodeFiles, path, runtime)).rejects.toMatchObject(error)
})

it('says that pictures end where its table of positions ends', async () => {
  const made = { model, prompt: 'a red boat', noise: torchNoise(3, [4, 18, 16]), guidance: 1 }
  await expect(generate(made)).rejects.toMatchObject({ code: 'bad-shape' })
})

/** Its cleanest level has a noise share of 0.002: what is wrong with the latent is 53 dB larger in the noise, and grows in the steps after. */
const foundDb = -50

describe('the bundled one', () => {
  const folderOf = (id: string) => bundledFile('models', id)
  const flow = folderOf('undiffuse-scenes-flow')

  it.each(['vae/diffusion_pytorch_model.safetensors', 'vae/config.json', 'text_encoder/model.safetensors'])(
    'has of the first bundled model, bit for bit: %s',
    async (file) => {
      const [own, first] = await Promise.all(
        [flow, folderOf('undiffuse-scenes')].map((folder) => readFile(join(folder, file))),
      )
      expect(own!.equals(first!)).toBe(true)
    },
  )

  it('knows its words and makes pictures by default in 30 steps', async () => {
    const bundled = await openDiffusionModel(nodeFiles, flow, runtime)
    expect([bundled.defaultSteps, bundled.guidance, bundled.layout.picture]).toEqual([30, 3, [3, 128, 128]])
    expect((await bundled.condition(bundled.vocabulary!.examples[0]!)).unread).toBeUndefined()
    expect(bundled.profile).toBeDefined()
    await bundled.close()
  })

  it.each([1, 3])('finds its noise again, at guidance %i', async (guidance) => {
    const bundled = await openDiffusionModel(nodeFiles, flow, runtime)
    const noise = torchNoise(7, [4, 16, 16])
    const made = { model: bundled, prompt: bundled.vocabulary!.examples[1]!, guidance }
    const { latent } = await generate({ ...made, noise })
    const found = await invert({ latent }, made)
    expect(nmseDb(found.noise, noise)).toBeLessThan(foundDb)
    await bundled.close()
  })
})
