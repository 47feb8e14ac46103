/** The networks against diffusers 0.27.2 on PyTorch 1.13.1: outputs and gradients of miniature checkpoints. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import type { Graph } from '../src/graph/graph.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { combine, norm, subtract, type Tensor } from '../src/math/tensor.js'
import { openModelFolder } from '../src/models/folder.js'
import * as kl from '../src/nn/autoencoder-kl.js'
import * as tiny from '../src/nn/autoencoder-tiny.js'
import { nodeFiles } from '../src/node/files.js'
import { lastingRuntime } from './lasting-runtime.js'

const golden = (name: string) => join(fileURLToPath(new URL('golden', import.meta.url)), name)
const runtime = lastingRuntime()

/** Both sides compute in float32; what is left is the order of their sums. */
const outputTolerance = 1e-4
const gradientTolerance = 1e-3
const relativeError = (ours: Tensor, theirs: Tensor) =>
  norm(subtract({ ...ours, shape: theirs.shape }, theirs)) / norm(theirs)
const largestError = (ours: Tensor, theirs: Tensor) =>
  Math.max(...subtract({ ...ours, shape: theirs.shape }, theirs).data.map(Math.abs))

/** A miniature checkpoint and the numbers that diffusers made with it. */
async function reference(name: string, className: string) {
  const folder = golden(name)
  const part = await (await openModelFolder(nodeFiles, folder)).part('vae', [className])
  if (part.kind !== 'network') throw new Error('expected a network part')
  const io = await readTensors(nodeFiles, join(folder, 'io.safetensors'))
  const get = (key: string) => io.get(key)!
  const [batch, , height, width] = get('image').shape as [number, number, number, number]
  return { config: part.config, weights: await part.openWeights(), get, batch, height, width }
}

/** The loss of the references is Σ(D(z) − x)², so the cotangent of D(z) is 2(D(z) − x). */
async function expectDecoder(decoder: Graph, get: (key: string) => Tensor) {
  const session = await runtime.open(vjp(decoder, { wrt: ['latent'], keep: ['decoded'] }))
  const cotangent = combine([2, get('decoded')], [-2, get('image')])
  const results = await session.run({ latent: get('latent'), 'cotangent.decoded': cotangent })
  expect(largestError(results.decoded!, get('decoded'))).toBeLessThan(outputTolerance)
  expect(relativeError(results['gradient.latent']!, get('grad_latent'))).toBeLessThan(gradientTolerance)
}

describe('AutoencoderKL', async () => {
  const { config: file, weights, get, batch, height, width } = await reference('autoencoder-kl', 'AutoencoderKL')
  const config = kl.autoencoderKlConfig(file)

  it('encodes to the same posterior', async () => {
    const session = await runtime.open(kl.encoderGraph(config, weights, batch, height, width))
    const { mean, logvar } = await session.run({ image: get('image') })
    expect(largestError(mean!, get('mean'))).toBeLessThan(outputTolerance)
    expect(largestError(logvar!, get('logvar'))).toBeLessThan(outputTolerance)
  })

  it('decodes to the same picture, with the same gradient', async () => {
    await expectDecoder(kl.decoderGraph(config, weights, batch, height, width), get)
  })
})

describe('AutoencoderTiny', async () => {
  const { config: file, weights, get, batch, height, width } = await reference('autoencoder-tiny', 'AutoencoderTiny')
  const config = tiny.autoencoderTinyConfig(file)

  it('encodes to the same latent', async () => {
    const session = await runtime.open(tiny.encoderGraph(config, weights, batch, height, width))
    const { encoded } = await session.run({ image: get('image') })
    expect(largestError(encoded!, get('encoded'))).toBeLessThan(outputTolerance)
  })

  it('decodes to the same picture, with the same gradient', async () => {
    await expectDecoder(tiny.decoderGraph(config, weights, batch, height, width), get)
  })

  it.each([
    [{ act_fn: 'gelu' }, 'unsupported', /Expected relu for `act_fn` in `config.json`, got gelu/],
    [{ num_encoder_blocks: [1, 2] }, 'bad-model', /`encoder_block_out_channels`/],
    [{ decoder_block_out_channels: [64, 64, 64, 32] }, 'bad-model', /\[64,64,64,32\]/],
  ])('refuses the configuration %j', (fields, code, message) => {
    const attempt = () => tiny.autoencoderTinyConfig(configOf('config.json', fields))
    expect(attempt).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})
