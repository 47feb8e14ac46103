/** What networks would take of memory is known from their shapes, and refused before anything is computed or decoded. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builder } from '../src/graph/builder.js'
import type { Graph } from '../src/graph/graph.js'
import { concat } from '../src/graph/ops/common.js'
import { peakBytes } from '../src/graph/peak.js'
import type { Runtime, Session } from '../src/graph/runtime.js'
import { type Tensor, zeros } from '../src/math/tensor.js'
import { autoencoderGraph } from '../src/models/autoencoder/graphs.js'
import { openDiffusionModel } from '../src/models/diffusion-model.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { sessionPool } from '../src/models/sessions/pool.js'
import { nodeFiles } from '../src/node/files.js'
import { nodeHost } from '../src/node/host.js'
import { readSettings } from '../src/operations/fields.js'
import {
  calibrateOperation,
  detectOperation,
  editOperation,
  generateOperation,
  invertOperation,
  keygenOperation,
  roundTripOperation,
} from '../src/operations/index.js'
import type { AnyOperation } from '../src/operations/operation.js'
import { ortNode } from '../src/runtimes/onnxruntime-node/index.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { invertDecoder } from '../src/verbs/invert-decoder.js'

const scenes = join(import.meta.dirname, '..', 'models', 'undiffuse-scenes')
const tiny = join(import.meta.dirname, 'golden', 'pipelines', 'sd1')

const float32 = 4
const mebibyte = 2 ** 20

/** One input of so many numbers, written twice. */
function doubled(numbers: number): Graph {
  const b = builder()
  const x = b.input('x', 'float32', [numbers])
  b.output(concat(b, [x, x], 0), 'y')
  return b.finish('doubled')
}

const tooLarge = (said: RegExp) => ({ code: 'bad-shape', message: expect.stringMatching(said) })

describe('a runtime', () => {
  it('refuses a graph that needs more than it may take, and says how much', async () => {
    const runtime = ortNode({ memoryLimit: mebibyte })
    const [small, large] = [doubled(1000), doubled(mebibyte)]
    expect(runtime.memory!(large).allowedBytes).toBe(mebibyte)
    expect(runtime.memory!(large).neededBytes).toBeGreaterThanOrEqual(3 * mebibyte * float32)
    const attempt = runtime.open(large)
    await expect(attempt).rejects.toMatchObject(
      tooLarge(/at most 1 MiB .*`doubled`, got `x` of 1048576, .*about 18 MiB/),
    )
    const session = await runtime.open(small)
    expect((await session.run({ x: zeros([1000]) })).y!.shape).toEqual([2000])
    await runtime.close()
  })

  it('counts weights, and says where they are most of it', async () => {
    const networks = await openAutoencoderNetworks(nodeFiles, scenes)
    const graph = autoencoderGraph(networks, 'decode', { batch: 1, height: 16, width: 16 })
    const runtime = ortNode({ memoryLimit: mebibyte / 8 })
    const { neededBytes, weightBytes } = runtime.memory!(graph)
    expect(weightBytes).toBeGreaterThan(neededBytes / 2)
    await expect(runtime.open(graph)).rejects.toMatchObject(tooLarge(/of them weights\. Use weights of 8 or 4 bits/))
    await runtime.close()
  })

  it('takes a part of the free memory where nothing is said, and knows nothing of other devices', () => {
    const need = ortNode().memory!(doubled(1))
    expect(need.allowedBytes).toBeGreaterThan(mebibyte)
    expect(need.allowedBytes).toBeLessThan(2 ** 50)
    expect(ortNode().memory!(doubled(1), { device: 'cuda' }).allowedBytes).toBe(Number.POSITIVE_INFINITY)
    expect(ortNode({ memoryLimit: 7 }).memory!(doubled(1), { device: 'cuda' }).allowedBytes).toBe(7)
  })

  it.each([0, -1, Number.NaN])('refuses a limit of %d', (memoryLimit) => {
    expect(() => ortNode({ memoryLimit })).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })

  it.skipIf(process.platform !== 'linux')(
    'counts the memory of the networks, not of the program that starts them',
    async () => {
      const large = Buffer.alloc(400e6, 1)
      const runtime = ortNode({ threads: 1 })
      await (await runtime.open(doubled(4))).close()
      const { peakMemoryBytes } = await runtime.usage()
      await runtime.close()
      expect(peakMemoryBytes).toBeGreaterThan(20e6)
      expect(peakMemoryBytes).toBeLessThan(large.length)
    },
  )

  it('estimates what ONNX Runtime takes, up to a factor of three', async () => {
    const networks = await openAutoencoderNetworks(nodeFiles, scenes)
    const graph = autoencoderGraph(networks, 'decode', { batch: 1, height: 512, width: 512 })
    const runtime = ortNode({ threads: 1 })
    const session = await runtime.open(graph)
    const { peakMemoryBytes: opened } = await runtime.usage()
    await session.run({ latent: zeros([1, 4, 64, 64]) })
    const taken = (await runtime.usage()).peakMemoryBytes - opened
    await runtime.close()
    expect(taken).toBeGreaterThan(peakBytes(graph) / 2)
    expect(taken).toBeLessThan(3 * peakBytes(graph))
  })
})

describe('a pool of sessions', () => {
  it('closes those used longest ago, until what is open fits into memory', async () => {
    const opened: string[] = []
    const runtime: Runtime = {
      name: 'counting',
      memory: (graph) => ({ neededBytes: peakBytes(graph), weightBytes: 0, allowedBytes: 100 * float32 }),
      async open(graph): Promise<Session> {
        opened.push(graph.name)
        return { run: async () => ({}), close: async () => void opened.splice(opened.indexOf(graph.name), 1) }
      },
      hold: (held: Tensor) => ({ tensor: held, release() {} }),
      usage: async () => ({ peakMemoryBytes: 0, networkSeconds: 0, runs: 0 }),
      close: async () => {},
    }
    const pool = sessionPool(runtime, 'counted', { sessions: 9 })
    const use = (name: string, numbers: number) => pool.run(name, () => ({ ...doubled(numbers), name }), {})
    await use('a', 10)
    await use('b', 10)
    expect(opened).toEqual(['a', 'b'])
    await use('a', 10)
    // 30 + 30 + 60 numbers are more than 100: b was used longest ago.
    await use('c', 20)
    expect(opened).toEqual(['a', 'c'])
    await use('d', 33)
    expect(opened).toEqual(['d'])
  })
})

describe('verbs', () => {
  const runtime = ortNode({ threads: 1, memoryLimit: 1.4 * mebibyte })
  afterAll(() => runtime.close())

  it('refuse a size before anything is run', async () => {
    const model = await openDiffusionModel(nodeFiles, tiny, runtime)
    const large = { height: 160, width: 320 }
    const refusal = tooLarge(/at most 1 MiB of memory for `sd1`, got 320×160 pixels, which takes about \d+ MiB/)
    await expect(generate({ model, prompt: 'a boat', size: large })).rejects.toMatchObject(refusal)
    const image = zeros([3, 160, 320])
    await expect(invert({ image }, { model })).rejects.toMatchObject(refusal)
    await expect(invert({ latent: zeros([4, 40, 80]) }, { model })).rejects.toMatchObject(refusal)
    await expect(invertDecoder(image, { model })).rejects.toMatchObject(refusal)
    expect((await runtime.usage()).runs).toBe(0)
    // A small one goes through.
    expect((await generate({ model, prompt: 'a boat', size: { height: 16, width: 16 } })).image.shape).toEqual([
      3, 16, 16,
    ])
  })

  it('know of batches: several at once need more', async () => {
    const model = await openDiffusionModel(nodeFiles, tiny, runtime)
    const bytes = (kind: 'denoise' | 'decodeGradient', count: number) => {
      const { neededBytes, weightBytes } = model.memoryFor!(kind, [4, 8, 8], count)!
      return neededBytes - weightBytes
    }
    for (const kind of ['denoise', 'decodeGradient'] as const) {
      expect(bytes(kind, 4) / bytes(kind, 1)).toBeGreaterThan(3)
      // Seven are run as four, two and one.
      expect(bytes(kind, 7)).toBe(bytes(kind, 4))
    }
  })
})

describe('operations look at the header first', () => {
  const host = nodeHost()
  let folder = ''
  const at = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'undiffuse-memory-'))
    // Whole headers, and pixels that cannot be decoded: whoever tries says so.
    for (const side of [64, 128, 2048]) {
      const red = sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
      const whole = await red.png({ compressionLevel: 0 }).toBuffer()
      await writeFile(at(`${side}.png`), whole.subarray(0, 5000))
    }
    await run(keygenOperation, { output: at('key.json') })
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function run(operation: AnyOperation, given: Readonly<Record<string, unknown>>): Promise<unknown> {
    const running = operation.run(readSettings(operation.fields, given, operation.id), host)
    for (;;) {
      const { done, value } = await running.next()
      if (done) return value.result
    }
  }

  it.each([
    ['invert', invertOperation, { sources: ['2048.png'], output: 'x.safetensors' }],
    ['invert to the latent', invertOperation, { sources: ['2048.png'], to: 'latent', output: 'x.safetensors' }],
    ['roundtrip', roundTripOperation, { picture: '2048.png', report: 'out' }],
    ['edit', editOperation, { picture: '2048.png', from: 'a red ball', to: 'a blue ball', output: 'x.png' }],
    ['calibrate', calibrateOperation, { pictures: ['2048.png'], size: '2048', output: 'x.safetensors' }],
  ] as const)('%s: what does not fit into memory is not decoded', async (_, operation, given) => {
    const paths = Object.entries(given).map(([name, value]) => {
      if (Array.isArray(value)) return [name, value.map(at)]
      return [name, /^(picture|output|report)$/.test(name) ? at(value as string) : value]
    })
    const refusal = {
      message: expect.stringMatching(/at most 1\.00 GiB of memory for `2048\.png`, got 2048×2048 pixels/),
    }
    await expect(run(operation, { ...Object.fromEntries(paths), memoryLimit: 1 })).rejects.toMatchObject(refusal)
  })

  it('generate: nothing is made of a size that does not fit', async () => {
    const given = { prompt: 'a star', size: '2048', output: at('x.png'), memoryLimit: 1 }
    await expect(run(generateOperation, given)).rejects.toMatchObject(tooLarge(/got 2048×2048 pixels/))
  })

  const detected = (name: string, more: Readonly<Record<string, unknown>> = {}) =>
    run(detectOperation, { sources: [at(name)], key: [at('key.json')], ...more })

  it('detect: a picture of another size than the key is not decoded, unless something brings it there', async () => {
    const refusal = tooLarge(/a picture of 128×128 for `2048\.png`, got 2048×2048\. .*undo resize` undoes it/)
    await expect(detected('2048.png')).rejects.toMatchObject(refusal)
    await expect(detected('64.png')).rejects.toMatchObject(tooLarge(/got 64×64\. .*undo crop` undoes it/))
    const damaged = { code: 'bad-image', message: expect.stringMatching(/does not decode/) }
    await expect(detected('2048.png', { undo: ['resize'] })).rejects.toMatchObject(damaged)
    await expect(detected('64.png', { undo: ['crop'] })).rejects.toMatchObject(damaged)
    await expect(detected('128.png')).rejects.toMatchObject(damaged)
  })

  it('detect: six pictures of 64 Mi pixels are told in a moment', async () => {
    const sources: string[] = []
    for (let i = 0; i < 6; i++) {
      sources.push(at(`flat-${i}.avif`))
      await cp(join(import.meta.dirname, 'golden', 'pictures', 'flat.avif'), sources[i]!)
    }
    const begin = performance.now()
    const result = await run(detectOperation, { sources, key: [at('key.json')] })
    expect(result).toMatchObject({ pictures: 6, failed: 6 })
    const { results } = result as { results: readonly { error: { message: string } }[] }
    for (const { error } of results) expect(error.message).toMatch(/128×128 .* got 8192×8192/)
    // Decoding one of them takes seconds.
    expect((performance.now() - begin) / 1000).toBeLessThan(10)
  })
})
