/** Weights of 8 and 4 bits: what they cost, that gradients are those of the rounded network, and what they leave behind. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, norm, subtract, type Tensor } from '../src/math/tensor.js'
import { type DiffusionModelOptions, openDiffusionModel } from '../src/models/diffusion-model.js'
import { nodeFiles } from '../src/node/files.js'
import { type MakeCheckpointOptions, makePipeline } from '../src/node/make-checkpoint.js'
import { lastingRuntime } from './lasting-runtime.js'

const runtime = lastingRuntime({ threads: 1 })
let root = ''
let tiny = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-few-bits-'))
  tiny = await made('tiny')
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

async function made(name: string, options: Parameters<typeof makePipeline>[2] & MakeCheckpointOptions = {}) {
  const folder = join(root, name)
  await makePipeline(folder, 'tiny-stable-diffusion-3', options)
  return folder
}

const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)
const x = torchNoise(3, [16, 8, 8])

/** Asks a model that is open as told, and closes it. */
async function asked<T>(
  options: DiffusionModelOptions,
  ask: (model: Awaited<ReturnType<typeof openDiffusionModel>>) => Promise<T>,
  folder = tiny,
): Promise<T> {
  const model = await openDiffusionModel(nodeFiles, folder, runtime, options)
  try {
    return await ask(model)
  } finally {
    await model.close()
  }
}

/** The prediction alone: x itself would hide its error. */
const predicted = (options: DiffusionModelOptions, folder = tiny) =>
  asked(
    options,
    async (model) => {
      const level = model.schedule(x.shape).level(600)
      const [denoised] = await model.ask('denoise', [{ x, level, condition: await model.condition('a red boat') }])
      return subtract(denoised!, x)
    },
    folder,
  )

describe('weights of few bits', () => {
  it('change a prediction by as much as their rounding', async () => {
    const whole = await predicted({})
    const errors = [
      relativeError(await predicted({ weights: 8 }), whole),
      relativeError(await predicted({ weights: 4 }), whole),
    ]
    // Half a step of 127 and of 8 to a side, over the largest of 32 normal numbers, through a few dozen layers.
    expect(errors[0]).toBeGreaterThan(1e-3)
    expect(errors[0]).toBeLessThan(0.02)
    expect(errors[1]).toBeGreaterThan(0.02)
    expect(errors[1]).toBeLessThan(0.3)
  })

  it('have the derivatives of the network with these weights', async () => {
    // 64 bits, so that the rounding of differences does not hide an error; the text encoders stay in 32.
    const [found, quotient] = await asked({ weights: 4, precision: 64 }, async (model) => {
      const ask = { level: model.schedule(x.shape).level(600), condition: await model.condition('a red boat') }
      const [cotangent, tangent] = [torchNoise(4, x.shape), torchNoise(5, x.shape)]
      const [gradient] = await model.ask('pullback', [{ ...ask, x, cotangent }])
      const step = 1e-4
      const [above, below] = await model.ask('denoise', [
        { ...ask, x: combine([1, x], [step, tangent]) },
        { ...ask, x: combine([1, x], [-step, tangent]) },
      ])
      return [dot(gradient!, tangent), dot(subtract(above!, below!), cotangent) / (2 * step)] as const
    })
    expect(Math.abs(found / quotient - 1)).toBeLessThan(1e-6)
  })

  it('take less memory, are other weights, and are gone when the model closes', async () => {
    const ofThisProcess = new RegExp(`^undiffuse-weights-.*-${process.pid}-`)
    const left = async () => (await readdir(tmpdir())).filter((each) => ofThisProcess.test(each))
    const before = await left()
    const told = async (weights?: 8 | 4) =>
      await asked({ weights }, async (model) => {
        const { weightBytes } = model.memoryFor!('denoise', x.shape, 1)!
        await model.condition('a red boat')
        return { weightBytes, identity: await model.identity() }
      })
    const [stored, eight, four] = [await told(), await told(8), await told(4)]
    expect(eight.weightBytes).toBeLessThan(0.6 * stored.weightBytes)
    expect(four.weightBytes).toBeLessThan(0.9 * eight.weightBytes)
    expect([eight.identity, four.identity]).toEqual([`${stored.identity}-8`, `${stored.identity}-4`])
    expect((await left()).filter((each) => !before.includes(each))).toEqual([])
  })
})

describe('a checkpoint with random weights', () => {
  it('in shards is the one in one file', async () => {
    const [one, shards] = [
      await made('one', { dtype: 'bfloat16' }),
      await made('shards', { dtype: 'bfloat16', shardBytes: 60_000 }),
    ]
    const names = await readdir(join(shards, 'transformer'))
    expect(names).toContain('diffusion_pytorch_model.safetensors.index.json')
    expect(names).toContain('diffusion_pytorch_model-00001-of-00004.safetensors')
    const index = JSON.parse(await readFile(join(shards, 'text_encoder_3', 'model.safetensors.index.json'), 'utf8'))
    expect(Object.keys(index.weight_map)).toContain('shared.weight')
    expect(await predicted({}, shards)).toEqual(await predicted({}, one))
    expect(await predicted({ weights: 8 }, shards)).toEqual(await predicted({ weights: 8 }, one))
  })

  it('is as short as asked for', async () => {
    const short = await made('short', { layers: 1, textLayers: 2 })
    const config = JSON.parse(await readFile(join(short, 'transformer', 'config.json'), 'utf8'))
    expect([config.num_layers, config.dual_attention_layers]).toEqual([1, [0]])
    expect((await predicted({}, short)).shape).toEqual(x.shape)
    await expect(makePipeline(join(root, 'unet'), 'tiny', { layers: 1 })).rejects.toThrow(/equal layers/)
  })
})
