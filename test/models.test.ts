/** From a checkpoint's folder to an autoencoder that runs: what diffusers computes, times the scale factor. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { vjp } from '../src/graph/passes/vjp.js'
import type { Runtime } from '../src/graph/runtime.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, map, norm, subtract, type Tensor, zeros } from '../src/math/tensor.js'
import type { AutoencoderOptions } from '../src/models/autoencoder/sessions.js'
import { openAutoencoderNetworks, openNetwork } from '../src/models/open.js'
import { stack, unstack } from '../src/models/sessions/stack.js'
import { nodeFiles } from '../src/node/files.js'
import { lastingRuntime } from './lasting-runtime.js'
import { openedAutoencoder } from './opened-autoencoder.js'

/** Both sides compute in float32; what is left is the order of their sums. */
const float32 = 1e-4
/** Gradients add up more terms than outputs. */
const gradientTolerance = 1e-3
/** Half precision has 11 bits; some hundred operators one after the other lose a few more. */
const float16 = 2e-2
/**
 * A rounding that moves a number over a kink (of ReLU, of the clip) changes the gradient there by all of it. That this is as
 * it is in exact arithmetic with the same roundings is held in half-precision.test.ts.
 */
const float16Gradient = 1e-1
/** A batch may be computed with other kernels than one picture, so with other roundings. */
const batching = 1e-5

const runtime = lastingRuntime()

const golden = (name: string) => join(fileURLToPath(new URL('golden', import.meta.url)), name)
const clipped = (picture: Tensor) => map(picture, (pixel) => Math.min(Math.max(pixel, -1), 1))
const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)

interface Reference {
  readonly name: string
  /** diffusers' scaling_factor of the configuration. */
  readonly scale: number
  readonly encoded: string
}

const references: readonly Reference[] = [
  { name: 'autoencoder-kl', scale: 0.18215, encoded: 'mean' },
  { name: 'autoencoder-tiny', scale: 1, encoded: 'encoded' },
]

describe.each(references)('$name', async ({ name, scale, encoded }) => {
  const networks = await openAutoencoderNetworks(nodeFiles, golden(name))
  const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
  const images = unstack(io.get('image')!)
  const [image] = images as [Tensor]
  const scaled = (key: string, by: number) => unstack(io.get(key)!).map((tensor) => combine([by, tensor]))
  const latents = scaled('latent', scale)
  const [latent] = latents as [Tensor]

  const decoded = clipped(scaled('decoded', 1)[0]!)

  /** J_D(z)ᵀ·cotangent of the network without its clip, which is held against PyTorch's below. */
  async function pulledBack(z: Tensor, cotangent: Tensor): Promise<Tensor> {
    const [, height, width] = image.shape as [number, number, number]
    const graph = vjp(networks.raw.decoder({ batch: 1, height, width }), {
      wrt: ['latent'],
      cotangent: (b, output) => b.input('cotangent', output.dtype, output.shape),
    })
    const session = await runtime.open(graph)
    const feeds = { latent: stack([combine([1 / scale, z])], 'latent'), cotangent: stack([cotangent], 'image') }
    const { 'gradient.latent': gradient } = await session.run(feeds)
    await session.close()
    return combine([1 / scale, unstack(gradient!)[0]!])
  }

  /** ∇_z ½‖clip(D(z)) − x‖² = J_Dᵀ·m(clip(D(z)) − x), m zero where D(z) is outside [−1, 1]. */
  async function clippedGradient(z: Tensor, x: Tensor): Promise<Tensor> {
    const plain = scaled('decoded', 1)[0]!
    const difference = map(subtract(clipped(plain), x), (value, i) => (Math.abs(plain.data[i]!) > 1 ? 0 : value))
    return await pulledBack(z, difference)
  }

  const open = (options: AutoencoderOptions = {}) => openedAutoencoder(networks, runtime, options)
  const shared = open()
  afterAll(() => shared.close())

  it('encodes to the posterior mean in model units', async () => {
    expect(relativeError(await shared.encode(image), scaled(encoded, scale)[0]!)).toBeLessThan(float32)
  })

  it('decodes latents in model units to what a picture file can hold', async () => {
    expect(scaled('decoded', 1)[0]!.data.some((pixel) => Math.abs(pixel) > 1)).toBe(true)
    expect(relativeError(await shared.decode(latent), decoded)).toBeLessThan(float32)
  })

  it('decodes and encodes again in one run', async () => {
    const both = await shared.roundTrip(latent)
    expect(relativeError(both.image, await shared.decode(latent))).toBeLessThan(batching)
    expect(relativeError(both.latent, await shared.encode(both.image))).toBeLessThan(float32)
  })

  it('pulls back half of the gradient of the squared distance', async () => {
    const pulled = await shared.pullback(latent, image)
    expect(relativeError(pulled.gradient, await clippedGradient(latent, image))).toBeLessThan(gradientTolerance)
    expect(relativeError(pulled.image, decoded)).toBeLessThan(float32)
  })

  it('has PyTorch’s gradient where nothing is clipped', async () => {
    // ∂/∂z ½‖D(z) − x‖² = ∂/∂(z/s) Σ(D − x)² · 1/(2s)
    const unclipped = await pulledBack(latent, subtract(scaled('decoded', 1)[0]!, image))
    expect(relativeError(unclipped, scaled('grad_latent', 1 / (2 * scale))[0]!)).toBeLessThan(gradientTolerance)
  })

  it('runs several at once as one after the other', async () => {
    const others = [image, map(image, (value) => -value)]
    const places = [latent, map(latent, (value, i) => value * Math.cos(i))]
    const { model } = shared
    const asks = places.map((place, i) => ({ latent: place, reference: others[i]! }))
    /** Compares results in a batch with results one by one. */
    const expectSame = async (
      together: readonly Tensor[],
      alone: (i: number) => Promise<Tensor>,
      tolerance: number,
    ) => {
      expect(together.length).toBe(2)
      expect(relativeError(together[0]!, together[1]!)).toBeGreaterThan(100 * tolerance)
      for (const [i, result] of together.entries()) {
        expect(relativeError(result, await alone(i))).toBeLessThan(tolerance)
      }
    }
    await expectSame(await model.ask('encode', others), (i) => shared.encode(others[i]!), batching)
    await expectSame(await model.ask('decode', places), (i) => shared.decode(places[i]!), batching)
    const trips = (await model.ask('roundTrip', places)).map((trip) => trip.latent)
    await expectSame(trips, async (i) => (await shared.roundTrip(places[i]!)).latent, float32)
    const gradients = (await model.ask('decodeGradient', asks)).map(({ gradient }) => gradient)
    await expectSame(gradients, async (i) => (await shared.pullback(places[i]!, others[i]!)).gradient, float32)
  })

  it('is close in 16 bits', async () => {
    const small = open({ precision: 16 })
    const { gradient } = await small.pullback(latent, image)
    expect(relativeError(await small.encode(image), scaled(encoded, scale)[0]!)).toBeLessThan(float16)
    expect(relativeError(await small.decode(latent), decoded)).toBeLessThan(float16)
    expect(relativeError(gradient, await clippedGradient(latent, image))).toBeLessThan(float16Gradient)
    await small.close()
  })

  it('opens the raw networks as diffusers names and scales them', async () => {
    const encoder = await openNetwork(nodeFiles, golden(name), { shapes: { image: io.get('image')!.shape } })
    const decoder = await openNetwork(nodeFiles, golden(name), { part: 'decoder', shapes: { latent: [1, 4, 3, 5] } })
    expect(encoder.outputs.map((output) => output.name)).toContain(encoded)
    expect(encoder.inputs.map(({ shape }) => shape)).toEqual([io.get('image')!.shape])
    expect(decoder.outputs).toMatchObject([{ name: 'decoded', shape: [1, 3, 24, 40] }])
    const session = await runtime.open(encoder)
    const results = await session.run({ image: io.get('image')! })
    await session.close()
    expect(relativeError(results[encoded]!, io.get(encoded)!)).toBeLessThan(float32)
  })
})

/** A runtime that computes nothing: every output is full of one number. Counts its sessions. */
function standIn(value = 0) {
  const counts = { open: 0, most: 0, opened: 0 }
  const runtime: Runtime = {
    name: 'stand-in',
    async open(graph) {
      counts.open++
      counts.opened++
      counts.most = Math.max(counts.most, counts.open)
      await setImmediate()
      return {
        async run(_feeds, signal) {
          await setImmediate()
          signal?.throwIfAborted()
          return Object.fromEntries(graph.outputs.map(({ name, shape }) => [name, map(zeros(shape), () => value)]))
        },
        async close() {
          await setImmediate()
          counts.open--
        },
      }
    },
    hold: (tensor) => ({ tensor, release() {} }),
    usage: async () => ({ peakMemoryBytes: 0, networkSeconds: 0, runs: 0 }),
    close: async () => {},
  }
  return { runtime, counts }
}

describe('sessions', async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, golden('autoencoder-tiny'))
  const image = torchNoise(1, [3, 16, 24])
  const latent = torchNoise(2, [4, 2, 3])

  it('opens each network once', async () => {
    const { runtime, counts } = standIn()
    const autoencoder = openedAutoencoder(networks, runtime)
    await autoencoder.decode(latent)
    await autoencoder.decode(latent)
    await autoencoder.encode(image)
    expect(counts).toEqual({ open: 2, most: 2, opened: 2 })
    await autoencoder.close()
    expect(counts.open).toBe(0)
  })

  it('keeps those used last when sizes change', async () => {
    const { runtime, counts } = standIn()
    const autoencoder = openedAutoencoder(networks, runtime)
    for (const width of [1, 2, 3, 4, 1, 5, 6]) await autoencoder.decode(zeros([4, 1, width]))
    expect(counts).toEqual({ open: 4, most: 4, opened: 6 })
    for (const width of [1, 4, 5, 6]) await autoencoder.decode(zeros([4, 1, width]))
    expect(counts.opened).toBe(6)
    await autoencoder.close()
  })

  it('keeps one open when lean, also when called all at once', async () => {
    const { runtime, counts } = standIn()
    const autoencoder = openedAutoencoder(networks, runtime, { lean: true })
    await Promise.all([
      autoencoder.encode(image),
      autoencoder.decode(latent),
      autoencoder.roundTrip(latent),
      autoencoder.pullback(latent, image),
    ])
    expect(counts).toEqual({ open: 1, most: 1, opened: 4 })
    await autoencoder.close()
  })

  it('passes on how sessions are to be opened', async () => {
    const { runtime } = standIn()
    const seen: unknown[] = []
    const open: Runtime['open'] = (graph, options) => {
      seen.push(options)
      return runtime.open(graph, options)
    }
    const autoencoder = openedAutoencoder(networks, { ...runtime, open }, { lean: true, device: 'webgpu' })
    await autoencoder.decode(latent)
    expect(seen).toEqual([{ lean: true, device: 'webgpu' }])
    await autoencoder.close()
  })

  it('goes on after a call that failed', async () => {
    const autoencoder = openedAutoencoder(networks, standIn().runtime)
    const reason = new Error('enough')
    const failed = autoencoder.model.ask('encode', [image], AbortSignal.abort(reason))
    const next = autoencoder.encode(image)
    await expect(failed).rejects.toBe(reason)
    expect((await next).shape).toEqual([4, 2, 3])
    await autoencoder.close()
  })

  it('refuses calls when closed and leaves nothing open', async () => {
    const { runtime, counts } = standIn()
    const autoencoder = openedAutoencoder(networks, runtime)
    const ended = Promise.allSettled([autoencoder.encode(image), autoencoder.decode(latent)])
    await setImmediate()
    await autoencoder.close()
    expect((await ended)[1]).toMatchObject({ status: 'rejected', reason: { code: 'runtime-failed' } })
    await expect(autoencoder.encode(image)).rejects.toThrowError(/Expected an open model/)
    expect(counts).toMatchObject({ open: 0, opened: 1 })
  })

  it('says so when numbers overflow', async () => {
    const message = expect.stringContaining('precision 32')
    const autoencoder = openedAutoencoder(networks, standIn(Number.NaN).runtime, { precision: 16 })
    await expect(autoencoder.encode(image)).rejects.toMatchObject({ code: 'not-finite', message })
    await expect(autoencoder.decode(latent)).rejects.toMatchObject({ code: 'not-finite', message })
    // Iterations judge by themselves what they make of it.
    expect((await autoencoder.roundTrip(latent)).latent.data[0]).toBeNaN()
  })

  const autoencoder = openedAutoencoder(networks, standIn().runtime)
  it.each([
    ['sides', () => autoencoder.encode(zeros([3, 16, 20])), /multiples of 8 for `autoencoder-tiny`, got 20×16/],
    ['channels', () => autoencoder.encode(zeros([1, 16, 16])), /3 channels .* got 1×16×16/],
    ['axes', () => autoencoder.encode(zeros([1, 3, 16, 16])), /got 1×3×16×16/],
    ['latent channels', () => autoencoder.decode(zeros([3, 2, 2])), /4 channels × height × width .* got 3×2×2/],
    ['latent axes', () => autoencoder.roundTrip(zeros([4, 4])), /got 4×4/],
    ['reference', () => autoencoder.pullback(zeros([4, 2, 2]), zeros([3, 16, 24])), /3×16×16 .* got 3×16×24/],
    [
      'shapes',
      () => autoencoder.model.ask('decode', [zeros([4, 2, 2]), zeros([4, 2, 3])]),
      /one shape .* got 4×2×2 and 4×2×3/,
    ],
  ])('refuses wrong %s', async (_, attempt, message) => {
    await expect(attempt()).rejects.toMatchObject({ code: 'bad-shape', message: expect.stringMatching(message) })
  })

  it('answers no questions without a run', async () => {
    const { runtime, counts } = standIn()
    expect(await openedAutoencoder(networks, runtime).model.ask('encode', [])).toEqual([])
    expect(counts.opened).toBe(0)
  })

  it('refuses a kind of question that it does not answer, by name', async () => {
    const asked = autoencoder.model.ask('looks', [])
    await expect(asked).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('`looks`') })
  })

  it('puts tensors into a batch and takes them out', () => {
    const tensors = [torchNoise(4, [2, 3]), torchNoise(5, [2, 3])]
    expect(stack(tensors, 'x').shape).toEqual([2, 2, 3])
    expect(unstack(stack(tensors, 'x'))).toEqual(tensors)
  })
})
