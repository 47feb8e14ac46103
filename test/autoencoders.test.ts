/** The networks against diffusers 0.27.2 on PyTorch 1.13.1: outputs and gradients of miniature checkpoints. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { openFolder } from '../src/checkpoints/folder.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { vjp } from '../src/graph/vjp.js'
import { combine, norm, subtract, type Tensor } from '../src/math/tensor.js'
import { autoencoderKlConfig, decoderGraph, encoderGraph } from '../src/nn/autoencoder-kl.js'
import { nodeFiles } from '../src/node/files.js'
import { ortNode } from '../src/runtimes/index.js'

const golden = (name: string) => join(fileURLToPath(new URL('golden', import.meta.url)), name)
const runtime = ortNode()
afterAll(() => runtime.close())

/** Both sides compute in float32; what is left is the order of their sums. */
const outputTolerance = 1e-4
const gradientTolerance = 1e-3
const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract({ ...ours, shape: theirs.shape }, theirs)) / norm(theirs)
const largestError = (ours: Tensor, theirs: Tensor) => Math.max(...subtract({ ...ours, shape: theirs.shape }, theirs).data.map(Math.abs))

describe('AutoencoderKL', async () => {
  const folder = golden('autoencoder-kl')
  const part = await (await openFolder(nodeFiles, folder)).part('vae', ['AutoencoderKL'])
  if (part.kind !== 'network') throw new Error('expected a network part')
  const config = autoencoderKlConfig(part.config)
  const weights = await part.openWeights()
  const io = await readTensors(nodeFiles, join(folder, 'io.safetensors'))
  const get = (name: string) => io.get(name)!
  const [batch, , height, width] = get('image').shape as [number, number, number, number]

  it('encodes to the same posterior', async () => {
    const session = await runtime.open(encoderGraph(config, weights, batch, height, width))
    const { mean, logvar } = await session.run({ image: get('image') })
    expect(largestError(mean!, get('mean'))).toBeLessThan(outputTolerance)
    expect(largestError(logvar!, get('logvar'))).toBeLessThan(outputTolerance)
  })

  it('decodes to the same picture, with the same gradient', async () => {
    const graph = vjp(decoderGraph(config, weights, batch, height, width), { wrt: ['latent'], keep: ['decoded'] })
    const session = await runtime.open(graph)
    const cotangent = combine([2, get('decoded')], [-2, get('image')])
    const results = await session.run({ latent: get('latent'), 'cotangent.decoded': cotangent })
    expect(largestError(results.decoded!, get('decoded'))).toBeLessThan(outputTolerance)
    expect(relativeError(results['gradient.latent']!, get('grad_latent'))).toBeLessThan(gradientTolerance)
  })
})
