/** 16 bits on a CPU as a device computes them: every result rounded, overflow infinite, and nothing of it silent. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gradientFree } from '../src/autoencoder/index.js'
import { Task } from '../src/core/task.js'
import { type Builder, builder } from '../src/graph/builder.js'
import { float } from '../src/graph/emit.js'
import type { Graph, Value } from '../src/graph/graph.js'
import { add, clip, mul, scale, sub } from '../src/graph/ops/common.js'
import { emulatedHalf } from '../src/graph/passes/emulated-half.js'
import { half } from '../src/graph/passes/half.js'
import { vjp } from '../src/graph/passes/vjp.js'
import type { Runtime } from '../src/graph/runtime.js'
import { roundHalf } from '../src/math/half.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, map, norm, subtract, type Tensor, tensor } from '../src/math/tensor.js'
import { autoencoderGraph } from '../src/models/autoencoder/graphs.js'
import { networksOf } from '../src/models/autoencoder/networks.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { ortNode } from '../src/runtimes/onnxruntime-node/index.js'
import { referenceRuntime } from '../src/runtimes/reference/reference.js'
import { openedAutoencoder } from './opened-autoencoder.js'

const cpu = ortNode({ threads: 1 })
// One session that stays open keeps its process, whose start takes longer than any run here.
beforeAll(() => cpu.open(graphOf(1, (b, x) => add(b, x, x))))
afterAll(() => cpu.close())

type Tensors = Readonly<Record<string, Tensor>>

async function run(runtime: Runtime, graph: Graph, feeds: Tensors, roundsHalf = false): Promise<Tensors> {
  const session = await runtime.open(graph, { roundsHalf })
  try {
    return await session.run(feeds)
  } finally {
    await session.close()
  }
}

/** The graph of a function of one float32 vector. */
function graphOf(size: number, write: (b: Builder, x: Value) => Value): Graph {
  const b = builder()
  b.output(write(b, b.input('x', 'float32', [size])), 'y')
  return b.finish('function')
}

const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)

describe('rounding after every operator', () => {
  /** Magnitudes from 2⁻²⁶ to 2¹⁷: below the smallest half number to above the largest. */
  const wide = map(torchNoise(3, [4096]), (value, i) => value * 2 ** ((i % 44) - 26))

  it.each([
    ['Add', (x: number, y: number) => x + y],
    ['Mul', (x: number, y: number) => x * y],
    ['Div', (x: number, y: number) => x / y],
  ] as const)('gives the half number nearest to the exact %s, infinite beyond 65504', async (op, exact) => {
    // float32 has more than 2·11 + 2 bits: rounding to it first changes nothing (Figueroa 1995).
    const shifted = map(wide, (_, i) => wide.data[(i + 1000) % 4096]!)
    const b = builder()
    b.output(b.emit(op, [b.input('x', 'float32', [4096]), b.input('y', 'float32', [4096])]), 'z')
    const { z } = await run(cpu, half(b.finish(op)), { x: wide, y: shifted }, true)
    const wanted = map(wide, (x, i) => roundHalf(exact(roundHalf(x), roundHalf(shifted.data[i]!))))
    expect(z!.data).toEqual(wanted.data)
    expect(wanted.data.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY)).toBe(true)
    expect(wanted.data.some((value) => value !== 0 && Math.abs(value) < 2 ** -14)).toBe(true)
  })

  it('holds between operators too, which the runtime by itself leaves out', async () => {
    // 2048 + 1 needs 12 bits: the sum rounds to 2048.
    const graph = half(graphOf(1, (b, x) => sub(b, add(b, x, b.scalar('float32', 2048)), b.scalar('float32', 2048))))
    const feeds = { x: tensor([1], [1]) }
    expect([...(await run(cpu, graph, feeds, true)).y!.data]).toEqual([0])
    expect([...(await run(referenceRuntime(), graph, feeds)).y!.data]).toEqual([0])
    expect([...(await run(cpu, graph, feeds)).y!.data]).toEqual([1])
  })

  it('survives the optimiser in a chain that it would fuse', async () => {
    const chain = graphOf(4096, (b, x) => {
      let y = x
      for (const factor of [1.1, 0.9, 1.3]) y = b.emit('Relu', [add(b, scale(b, y, factor), x)])
      return clip(b, mul(b, y, y), -1, 500)
    })
    const x = map(torchNoise(4, [4096]), (value) => 5 * value)
    const { y } = await run(cpu, half(chain), { x }, true)
    expect(y!.data).toEqual((await run(referenceRuntime(), half(chain), { x })).y!.data)
  })

  it('leaves a graph without float16 alone', () => {
    const graph = graphOf(2, (b, x) => add(b, x, x))
    expect(emulatedHalf(graph)).toBe(graph)
  })
})

describe.each(['autoencoder-kl', 'autoencoder-tiny'])('%s', async (name) => {
  const golden = join(fileURLToPath(new URL('golden', import.meta.url)), name)
  const networks = await openAutoencoderNetworks(nodeFiles, golden)
  const side = 8
  const size = { batch: 1, height: side, width: side }
  const image = map(torchNoise(1, [1, 3, side, side]), (value) => Math.tanh(value))
  const latent = torchNoise(2, [1, networks.latentChannels, side / networks.downscaling, side / networks.downscaling])
  const feedsOf = {
    'round-trip': { latent },
    pullback: { latent, target: image, scale: tensor([1, 1, 1, 1], [1024]) },
  }

  /** Two computations in half differ by their own error: one flipped last bit changes the roundings of all that follows. */
  const sameError = 2

  it.each(Object.entries(feedsOf))('%s: the emulation is the half graph, every bit', async (kind, feeds) => {
    const graph = autoencoderGraph(networks, kind as keyof typeof feedsOf, size, 16)
    const reference = await run(referenceRuntime(), graph, feeds)
    expect(await run(referenceRuntime(), emulatedHalf(graph), feeds)).toEqual(reference)
    // And as far from 32 bits on the CPU as in exact arithmetic with the same roundings.
    const exact = await run(referenceRuntime(), autoencoderGraph(networks, kind as keyof typeof feedsOf, size), feeds)
    const emulated = await run(cpu, graph, feeds, true)
    for (const name of Object.keys(exact)) {
      const [ours, theirs] = [
        relativeError(emulated[name]!, exact[name]!),
        relativeError(reference[name]!, exact[name]!),
      ]
      expect(ours / theirs).toBeGreaterThan(1 / sameError)
      expect(ours / theirs).toBeLessThan(sameError)
      expect(relativeError(emulated[name]!, reference[name]!)).toBeLessThan(sameError * theirs)
    }
  })
})

it('the gradient of a normalisation is one kernel: its squares do not overflow', async () => {
  const b = builder()
  const x = b.input('x', 'float32', [1, 2, 64])
  const [one, none] = [b.constant('float32', [2], [1, 1]), b.constant('float32', [2], [0, 0])]
  b.output(b.emit('InstanceNormalization', [x, one, none], { epsilon: float(1e-5) }), 'y')
  const gradient = vjp(b.finish('norm'), { wrt: ['x'] })
  // Variances of 10⁶.
  const feeds = {
    x: map(torchNoise(5, [1, 2, 64]), (value) => 1000 * value),
    'cotangent.y': map(torchNoise(6, [1, 2, 64]), (value) => 1000 * value),
  }
  const exact = (await run(referenceRuntime(), gradient, feeds))['gradient.x']!
  const ours = (await run(cpu, half(gradient), feeds, true))['gradient.x']!
  // Half numbers in, half numbers out: a few units of 2⁻¹¹.
  expect(relativeError(ours, exact)).toBeLessThan(4 * 2 ** -11)
})

/** D(z) = gain·z of three channels, one pixel for each entry; E is its inverse. */
function linearNetworks(gain: number) {
  const raw = () => builder().finish('none')
  return networksOf({
    name: 'linear',
    imageChannels: 3,
    latentChannels: 3,
    downscaling: 1,
    latentScale: 1,
    latentShift: 0,
    encode: (b, image) => scale(b, image, 1 / gain),
    decode: (b, latent) => scale(b, latent, gain),
    raw: { encoder: raw, decoder: raw },
  })
}

describe('overflow', () => {
  const latent = map(torchNoise(7, [3, 4, 4]), (value) => 300 * value)

  it('of a decoder is an error in 16 bits and none in 32, where the picture is clipped', async () => {
    const networks = linearNetworks(300)
    const [narrow, wide] = ([16, 32] as const).map((precision) => openedAutoencoder(networks, cpu, { precision }))
    await expect(narrow!.decode(latent)).rejects.toThrow(/finite picture.*precision 32/)
    expect((await wide!.decode(latent)).data.every((pixel) => Math.abs(pixel) <= 1)).toBe(true)
    await narrow!.close()
    await wide!.close()
  })

  it('along an inversion ends it, diverged', async () => {
    const autoencoder = openedAutoencoder(linearNetworks(300), cpu, { precision: 16 })
    const image = map(latent, (value) => Math.tanh(value))
    // The encoder's answer is z, then latents beyond what decodes.
    const wild = { ...autoencoder, encode: async () => latent }
    const { outcome } = await new Task(gradientFree({ iteration: 'picard', iterations: 5 }).invert(image, wild))
    expect(outcome).toBe('diverged')
    await autoencoder.close()
  })
})

describe('a scaled loss', () => {
  it('keeps a gradient that underflows in 16 bits', async () => {
    // J = 2⁻¹⁴ and errors near 2⁻¹³: their product is below half of the smallest half number, 2⁻²⁴.
    const gain = 2 ** -14
    const autoencoder = openedAutoencoder(linearNetworks(gain), cpu, { precision: 16 })
    const [latent, image] = [torchNoise(8, [3, 4, 4]), map(torchNoise(9, [3, 4, 4]), (value) => 1e-4 * value)]
    const exact = combine([
      gain,
      subtract(
        map(latent, (value) => value * gain),
        image,
      ),
    ])
    const plain = await autoencoder.pullback(latent, image)
    const scaled = await autoencoder.pullback(latent, image, 2 ** 16)
    expect(relativeError(plain.gradient, exact)).toBeGreaterThan(0.5)
    // Three roundings of half numbers and one of the target, some of them subnormal.
    expect(relativeError(scaled.gradient, exact)).toBeLessThan(4 * 2 ** -11)
    await autoencoder.close()
  })

  it('is for each picture of a batch by itself, and changes nothing in 32 bits', async () => {
    const autoencoder = openedAutoencoder(linearNetworks(0.5), cpu)
    const latents = [torchNoise(1, [3, 4, 4]), torchNoise(2, [3, 4, 4])]
    const images = latents.map((latent) => map(latent, (value) => value / 4))
    const asks = latents.map((latent, i) => ({ latent, reference: images[i]! }))
    const plain = await autoencoder.model.ask('decodeGradient', asks)
    const scaled = asks.map((ask, i) => ({ ...ask, scale: [2 ** 16, 8][i]! }))
    expect(await autoencoder.model.ask('decodeGradient', scaled)).toEqual(plain)
    await autoencoder.close()
  })
})
