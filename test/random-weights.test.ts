/** Autoencoders with random weights: the published shapes, written as folders that open and compute. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { torchNoise } from '../src/math/noise.js'
import { map, norm, type Shape, sizeOf, subtract, type Tensor } from '../src/math/tensor.js'
import { autoencoderShapes, pipelineShapes } from '../src/models/families/index.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { randomAutoencoder, randomWeights } from '../src/models/random/weights.js'
import { nodeFiles } from '../src/node/files.js'
import { makeCheckpoint, writeCheckpoint } from '../src/node/make-checkpoint.js'
import { lastingRuntime } from './lasting-runtime.js'
import { openedAutoencoder } from './opened-autoencoder.js'

const runtime = lastingRuntime()
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-random-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const weightsFile = 'diffusion_pytorch_model.safetensors'
const count = (shapes: Iterable<Shape>) => [...shapes].reduce((total, shape) => total + sizeOf(shape), 0)
const deviation = (x: Tensor) => {
  const mean = x.data.reduce((sum, value) => sum + value, 0) / x.data.length
  return norm(map(x, (value) => value - mean)) / Math.sqrt(x.data.length)
}

describe('published shapes', () => {
  it.each(Object.keys(autoencoderShapes))('%s has as many parameters as the published one', (id) => {
    const { shapes } = randomAutoencoder(id)
    // diffusers: sum(p.numel() for p in AutoencoderKL.from_pretrained(...).parameters())
    const { _class_name: className, latent_channels: channels } = autoencoderShapes[id]!
    if (className === 'AutoencoderKLWan' || className === 'AutoencoderKLQwenImage') {
      expect(count(shapes.values())).toBe(126_892_531)
      return
    }
    if (className === 'AutoencoderKLFlux2') {
      // With the two statistics of 128 channels.
      expect(count(shapes.values())).toBe(84_046_115 + 2 * 128)
      return
    }
    expect(count(shapes.values())).toBe(channels === 16 ? 83_819_683 : 83_653_863)
    expect(shapes.get('decoder.up_blocks.2.resnets.0.conv_shortcut.weight')).toEqual([256, 512, 1, 1])
    expect(shapes.get('encoder.mid_block.attentions.0.to_q.weight')).toEqual([512, 512])
  })

  it.each([
    ['z-image-turbo', 6_154_908_736, 4_022_468_096],
    ['flux.2-klein-4b', 3_875_544_576, 4_022_468_096],
    ['qwen-image', 20_430_401_088, 7_070_619_136],
  ])('%s has a transformer and a text encoder of the published sizes', (id, transformer, text) => {
    const { denoiser, textEncoders } = pipelineShapes[id]!
    // diffusers and transformers: sum(p.numel() for p in model.parameters()), on torch's meta device.
    const counts = [denoiser.config, textEncoders[0]!.config].map((config) =>
      count(randomWeights(config).shapes.values()),
    )
    expect(counts).toEqual([transformer, text])
  })

  it('has weights that keep the variance of what they are applied to', () => {
    const { tensor } = randomAutoencoder('stable-diffusion-2-1')
    const weight = tensor('encoder.down_blocks.0.resnets.0.conv1.weight')
    // 147,456 draws: their deviation is known to 0.2 percent.
    expect(deviation(weight) * Math.sqrt(128 * 9)).toBeCloseTo(1, 2)
    expect(new Set(tensor('decoder.conv_norm_out.weight').data)).toEqual(new Set([1]))
    expect(new Set(tensor('decoder.conv_in.bias').data)).toEqual(new Set([0]))
  })

  it('refuses what it does not know', async () => {
    const wanted = { code: 'bad-option', message: expect.stringMatching(/stable-diffusion-xl.*`stable-diffusion-4`/) }
    expect(() => randomAutoencoder('stable-diffusion-4')).toThrowError(expect.objectContaining(wanted))
    await expect(makeCheckpoint(join(folder, 'none'), 'stable-diffusion-4')).rejects.toMatchObject(wanted)
    expect(() => randomAutoencoder('stable-diffusion-xl').tensor('bias')).toThrowError(/got `bias`/)
  })
})

/** The depth of the published ones at a sixteenth of their width; what happens to variances does not depend on it. */
const narrow = { ...autoencoderShapes['stable-diffusion-2-1'], block_out_channels: [8, 16, 32, 32], norm_num_groups: 4 }

describe('a checkpoint of random weights', () => {
  it('depends on its seed and on nothing else', async () => {
    const paths = ['first', 'second', 'third'].map((name) => join(folder, name))
    for (const [i, path] of paths.entries()) await writeCheckpoint(path, randomWeights(narrow, i === 2 ? 8 : 7))
    const [first, second, third] = await Promise.all(
      paths.map((path) => nodeFiles.read(join(path, weightsFile), 0, 1e9)),
    )
    expect(first!.length).toBeGreaterThan(4 * count(randomWeights(narrow).shapes.values()))
    expect(Buffer.compare(first!, second!)).toBe(0)
    expect(Buffer.compare(first!, third!)).not.toBe(0)
  })

  it.each(['float32', 'float16', 'bfloat16'] as const)(
    'decodes noise to pictures of order one, in %s',
    async (dtype) => {
      const path = join(folder, dtype)
      await writeCheckpoint(path, randomWeights(narrow), { dtype })
      const stored = await readTensors(nodeFiles, join(path, weightsFile))
      const { shapes } = randomWeights(narrow)
      expect(new Set(stored.keys())).toEqual(new Set(shapes.keys()))
      const autoencoder = openedAutoencoder(await openAutoencoderNetworks(nodeFiles, path), runtime)
      const image = await autoencoder.decode(torchNoise(1, [4, 8, 8]))
      const latent = await autoencoder.encode(map(torchNoise(2, [3, 64, 64]), Math.tanh))
      expect(deviation(image)).toBeGreaterThan(0.1)
      expect(deviation(image)).toBeLessThan(3)
      expect(deviation(latent)).toBeGreaterThan(0.01)
      const other = await autoencoder.decode(torchNoise(3, [4, 8, 8]))
      expect(deviation(subtract(image, other))).toBeGreaterThan(0.1)
      await autoencoder.close()
    },
  )

  it('is not written over something', async () => {
    const path = join(folder, 'taken')
    await writeCheckpoint(path, randomWeights(narrow))
    const attempt = writeCheckpoint(path, randomWeights(narrow, 1))
    await expect(attempt).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining('config.json') })
  })

  it('leaves nothing when it is stopped or cannot be written', async () => {
    const path = join(folder, 'stopped')
    const reason = new Error('enough')
    const attempt = writeCheckpoint(path, randomWeights(narrow), { signal: AbortSignal.abort(reason) })
    await expect(attempt).rejects.toBe(reason)
    expect(await readdir(path)).toEqual([])
    await writeFile(join(folder, 'file'), '')
    const inFile = writeCheckpoint(join(folder, 'file', 'below'), randomWeights(narrow))
    await expect(inFile).rejects.toMatchObject({ code: 'unavailable' })
  })
})
