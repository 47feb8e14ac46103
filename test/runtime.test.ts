import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Attribute, DataType, Graph, Initializer, Node, Value } from '../src/graph/graph.js'
import { type Held, type Runtime, tensorOf } from '../src/graph/runtime.js'
import { type Tensor, tensor } from '../src/math/tensor.js'
import { type OrtNodeOptions, ortNode } from '../src/runtimes/onnxruntime-node/index.js'

/** How soon an abort must be felt. */
const ABORT_MILLISECONDS = 1000

const value = (name: string, shape: readonly number[], dtype: DataType = 'float32'): Value => ({ name, shape, dtype })

const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): Node => ({ op, domain: '', name: output, inputs, outputs: [output], attributes })

const graphOf = (
  inputs: readonly Value[],
  nodes: readonly Node[],
  outputs: readonly Value[],
  initializers: Readonly<Record<string, Initializer>> = {},
): Graph => ({
  name: 'small',
  inputs,
  outputs,
  nodes,
  initializers: new Map(Object.entries(initializers)),
  types: new Map(),
})

const floats = (shape: readonly number[], values: readonly number[]): Initializer => ({
  dtype: 'float32',
  shape,
  storage: { bytes: new Uint8Array(Float32Array.from(values).buffer) },
})

/** y = x·w + b. */
const affine = graphOf(
  [value('x', [1, 2])],
  [node('MatMul', ['x', 'w'], 'product'), node('Add', ['product', 'b'], 'y')],
  [value('y', [1, 3])],
  { w: floats([2, 3], [1, 2, 3, 4, 5, 6]), b: floats([3], [10, 20, 30]) },
)
const x = tensor([1, 2], [1, -1])
const y = tensor([1, 3], [7, 17, 27])

/** One small input spread to size × size and multiplied with itself; 1/size everywhere is a fixed point. */
const products = (count: number, size: number): Graph =>
  graphOf(
    [value('x', [1, 1])],
    [
      node('Expand', ['x', 'shape'], 'power0'),
      ...Array.from({ length: count }, (_, i) => node('MatMul', [`power${i}`, 'power0'], `power${i + 1}`)),
      node('ReduceMax', [`power${count}`], 'y'),
    ],
    [value('y', [1, 1])],
    {
      shape: {
        dtype: 'int64',
        shape: [2],
        storage: { bytes: new Uint8Array(BigInt64Array.of(BigInt(size), BigInt(size)).buffer) },
      },
    },
  )
const SIZE = 1024
const fixedPoint = { x: tensor([1, 1], [1 / SIZE]) }
/** Minutes on two cores: nothing waits for its end. Few large products, since each new process opens it anew. */
const endless = products(375, 2 * SIZE)
/** A fifth of a second or so. */
const short = products(10, SIZE)

/** Shared by the tests that do not close it; its temporary folder must be empty again after each opening. */
let runtime: Runtime
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-test-'))
  await mkdir(join(folder, 'temporary'))
  runtime = ortNode({ temporaryFolder: join(folder, 'temporary') })
})

afterAll(async () => {
  await runtime.close()
  await rm(folder, { recursive: true })
})

/** Does something with a runtime of its own. */
async function withRuntime<T>(job: (own: Runtime) => Promise<T>, options: OrtNodeOptions = {}): Promise<T> {
  const own = ortNode(options)
  try {
    return await job(own)
  } finally {
    await own.close()
  }
}

const open = (graph: Graph) => runtime.open(graph)

async function expectAffine(session: { run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> }) {
  expect(await session.run({ x })).toEqual({ y })
}

async function milliseconds(work: Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work
  return performance.now() - start
}

const wait = (duration: number) => new Promise((resolve) => setTimeout(resolve, duration))

/**
 * After an abort, until its process has gone. Whoever asks at once is waited for, up to five seconds in which the aborted run
 * goes on: that is a test of its own.
 */
const interrupted = () => wait(100)

describe('a run', () => {
  it('computes the graph', async () => {
    await expectAffine(await open(affine))
  })

  it('gives the same bits twice, in another process and in a lean session too', async () => {
    const values = Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i * i))
    const graph = graphOf(
      [value('x', [64, 64])],
      [node('MatMul', ['x', 'w'], 'product'), node('Softmax', ['product'], 'y')],
      [value('y', [64, 64])],
      { w: floats([64, 64], values) },
    )
    const feeds = { x: tensor([64, 64], values.map(Math.cos)) }
    const session = await open(graph)
    const first = await session.run(feeds)
    expect(await session.run(feeds)).toEqual(first)
    expect(await (await runtime.open(graph, { lean: true })).run(feeds)).toEqual(first)
    await withRuntime(async (other) => expect(await (await other.open(graph)).run(feeds)).toEqual(first))
  })

  it.each([
    ['float32', [0.5, -2, 2 ** -140, 2 ** 127]],
    ['float64', [0.1, -1e300, 5e-324, 3]],
    ['float16', [0.5, -65504, 2 ** -24, 3]],
    ['int64', [0, -(2 ** 53), 2 ** 53, 3]],
    ['uint64', [0, 1, 2 ** 53, 3]],
    ['int32', [0, -(2 ** 31), 2 ** 31 - 1, 3]],
    ['uint32', [0, 1, 2 ** 32 - 1, 3]],
    ['int16', [0, -32768, 32767, 3]],
    ['uint16', [0, 1, 65535, 3]],
    ['int8', [0, -128, 127, 3]],
    ['uint8', [0, 1, 255, 3]],
    ['bool', [0, 1, 1, 0]],
  ] as const)('carries %s over the border and back', async (dtype, values) => {
    // Reversed, so that what comes back has been through the runtime.
    const bytes = new Uint8Array(BigInt64Array.of(3n, 2n, 1n, 0n).buffer)
    const graph = graphOf([value('x', [4], dtype)], [node('Gather', ['x', 'order'], 'y')], [value('y', [4], dtype)], {
      order: { dtype: 'int64', shape: [4], storage: { bytes } },
    })
    const session = await open(graph)
    expect(await session.run({ x: tensor([4], values) })).toEqual({ y: tensor([4], values.toReversed()) })
  })

  it('rounds once where a graph takes half precision', async () => {
    const cast = node('Cast', ['x'], 'y', { to: { type: 'int', value: 1 } })
    const session = await open(graphOf([value('x', [3], 'float16')], [cast], [value('y', [3])]))
    // The first lies just above the middle of two halves, where float32 cannot tell; 65520 is the first that overflows.
    const feeds = { x: tensor([3], [1 + 2 ** -11 + 2 ** -40, 1 + 2 ** -11, 65520]) }
    expect(await session.run(feeds)).toEqual({ y: tensor([3], [1 + 2 ** -10, 1, Infinity]) })
  })

  it('passes numbers that are not finite', async () => {
    const session = await open(graphOf([value('x', [3])], [node('Neg', ['x'], 'y')], [value('y', [3])]))
    const { y } = await session.run({ x: tensor([3], [NaN, Infinity, -Infinity]) })
    expect([...(y?.data ?? [])]).toEqual([NaN, -Infinity, Infinity])
  })

  it('refuses feeds of another shape, naming the input', async () => {
    const session = await open(affine)
    await expect(session.run({ x: tensor([2, 1], [1, -1]) })).rejects.toMatchObject({
      code: 'bad-shape',
      message: expect.stringContaining('Expected a tensor of shape 1×2 for input `x` of `small`, got 2×1.'),
    })
    await expectAffine(session)
  })

  it('that fails says what ONNX Runtime says, and leaves the session usable', async () => {
    const session = await open(
      graphOf([value('x', [3]), value('i', [1], 'int64')], [node('Gather', ['x', 'i'], 'y')], [value('y', [1])]),
    )
    const feeds = (i: number) => ({ x: tensor([3], [5, 6, 7]), i: tensor([1], [i]) })
    await expect(session.run(feeds(9))).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringMatching(/^Expected a result for `small`, got .*idx=9 must be within.*\.$/),
    })
    expect(await session.run(feeds(2))).toEqual({ y: tensor([1], [7]) })
  })

  it('leaves the event loop of the host free', async () => {
    const session = await open(short)
    let ticks = 0
    let largestGap = 0
    let last = performance.now()
    const timer = setInterval(() => {
      ticks++
      largestGap = Math.max(largestGap, performance.now() - last)
      last = performance.now()
    }, 5)
    const elapsed = await milliseconds(session.run(fixedPoint))
    clearInterval(timer)
    expect(elapsed).toBeGreaterThan(50)
    expect(ticks).toBeGreaterThan(5)
    // A blocked loop would show one gap as long as the run.
    expect(largestGap).toBeLessThan(elapsed / 2)
  })

  it('is counted, with the time and memory it took', () =>
    withRuntime(async (own) => {
      expect(await own.usage()).toEqual({ peakMemoryBytes: 0, networkSeconds: 0, processorSeconds: 0, runs: 0 })
      const session = await own.open(short)
      const { processorSeconds: opening } = await own.usage()
      const elapsed = await milliseconds(session.run(fixedPoint))
      const { peakMemoryBytes, networkSeconds, processorSeconds, runs } = await own.usage()
      expect(runs).toBe(1)
      expect(opening).toBeGreaterThan(0)
      expect(processorSeconds).toBeGreaterThan(opening!)
      expect(networkSeconds).toBeLessThan(elapsed / 1000)
      expect(networkSeconds).toBeGreaterThan(elapsed / 2000)
      // Three 4 MB buffers, ONNX Runtime and Node itself.
      expect(peakMemoryBytes).toBeGreaterThan(30e6)
      expect(peakMemoryBytes).toBeLessThan(1e9)
    }))
})

describe('weights in a file', () => {
  /** Like a safetensors file: a header of any length, then numbers at an offset that nothing is aligned to. */
  async function writeWeights(path: string): Promise<Graph> {
    const header = 13
    const bytes = new Uint8Array(header + 24 + 12)
    bytes.set(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), header)
    bytes.set(new Uint8Array(Float32Array.of(10, 20, 30).buffer), header + 24)
    await writeFile(path, bytes)
    const at = (shape: readonly number[], offset: number, length: number): Initializer => ({
      dtype: 'float32',
      shape,
      storage: { file: path, offset, length },
    })
    return graphOf(affine.inputs, affine.nodes, affine.outputs, {
      w: at([2, 3], header, 24),
      b: at([3], header + 24, 12),
    })
  }

  let models: string
  let weights: string

  beforeEach(async () => {
    models = await mkdtemp(join(folder, 'models-'))
    weights = join(models, 'w.safetensors')
  })

  it('are read at any offset; the folder that held the model is gone when the session is open', async () => {
    const session = await open(await writeWeights(weights))
    expect(await readdir(join(folder, 'temporary'))).toEqual([])
    await expectAffine(session)
  })

  it('are linked beside themselves when there is no temporary folder', () =>
    withRuntime(
      async (own) => {
        const session = await own.open(await writeWeights(weights))
        expect(await readdir(models)).toEqual(['w.safetensors'])
        await expectAffine(session)
      },
      { temporaryFolder: join(folder, 'nowhere') },
    ))

  it('that end too early are refused, and leave nothing behind', async () => {
    const graph = await writeWeights(weights)
    await writeFile(weights, new Uint8Array(40))
    await expect(open(graph)).rejects.toMatchObject({ code: 'bad-model', message: expect.stringContaining('40 bytes') })
    expect(await readdir(models)).toEqual(['w.safetensors'])
    expect(await readdir(join(folder, 'temporary'))).toEqual([])
  })
})

describe('an abort', () => {
  it('in the middle of a run is felt within a second; the session and its neighbour work again', async () => {
    const neighbour = await open(affine)
    const session = await open(endless)
    const again = await open(short)
    const controller = new AbortController()
    const run = session.run(fixedPoint, controller.signal)
    const rejected = expect(run).rejects.toBe('enough')
    await wait(300)
    controller.abort('enough')
    expect(await milliseconds(rejected)).toBeLessThan(ABORT_MILLISECONDS)
    await interrupted()
    await expectAffine(neighbour)
    expect(await again.run(fixedPoint)).toEqual({ y: fixedPoint.x })
    expect(await readdir(join(folder, 'temporary'))).toEqual([])
  })

  it('is seen on a signal without events', async () => {
    const session = await open(endless)
    const signal = { aborted: false, reason: new Error('by poll'), throwIfAborted: () => {} }
    const rejected = expect(session.run(fixedPoint, signal)).rejects.toBe(signal.reason)
    await wait(100)
    signal.aborted = true
    expect(await milliseconds(rejected)).toBeLessThan(ABORT_MILLISECONDS)
    await interrupted()
  })

  it('before a run or while it waits disturbs no other run', async () => {
    const session = await open(short)
    const waiting = await open(affine)
    const { runs } = await runtime.usage()
    const first = session.run(fixedPoint)
    await expect(waiting.run({ x }, AbortSignal.abort('before'))).rejects.toBe('before')
    const controller = new AbortController()
    const second = expect(waiting.run({ x }, controller.signal)).rejects.toBe('waiting')
    controller.abort('waiting')
    await second
    expect(await first).toEqual({ y: fixedPoint.x })
    // Had the process been replaced, the run that was under way would not have been counted.
    expect((await runtime.usage()).runs).toBe(runs + 1)
  })

  it('of one run lets those that wait go on in the same process', async () => {
    const session = await open(short)
    const waiting = await open(affine)
    const { runs } = await runtime.usage()
    const controller = new AbortController()
    const rejected = expect(session.run(fixedPoint, controller.signal)).rejects.toBe('enough')
    const second = waiting.run({ x })
    await wait(50)
    controller.abort('enough')
    await rejected
    expect(await second).toEqual({ y })
    // Had the process been replaced, the run that was under way would not have been counted.
    expect((await runtime.usage()).runs).toBe(runs + 2)
  })

  it('of a run that takes too long lets those that wait go on in a new process', async () => {
    const session = await open(endless)
    const waiting = await open(affine)
    const controller = new AbortController()
    const rejected = expect(session.run(fixedPoint, controller.signal)).rejects.toBe('enough')
    const second = waiting.run({ x })
    await wait(100)
    controller.abort('enough')
    await rejected
    expect(await second).toEqual({ y })
  })
})

describe('a held value', () => {
  it('is fed as the tensor is, to inputs of several types', () =>
    withRuntime(async (own) => {
      const held = own.hold(x)
      const single = await own.open(affine)
      const double = await own.open(
        graphOf([value('x', [1, 2], 'float64')], [node('Neg', ['x'], 'y')], [value('y', [1, 2], 'float64')]),
      )
      expect(await single.run({ x: held })).toEqual({ y })
      expect(await double.run({ x: held })).toEqual({ y: tensor([1, 2], [-1, 1]) })
      expect(await single.run({ x: held })).toEqual({ y })
      await expect(single.run({ x: own.hold(tensor([2], [1, 2])) })).rejects.toMatchObject({ code: 'bad-shape' })
    }))

  it('crosses the border once, and again only where the process was lost', () =>
    withRuntime(async (own) => {
      const numbers = tensor([1, 2], [1, -1])
      const held = own.hold(numbers)
      const session = await own.open(affine)
      await session.run({ x: held })
      // What shows that nothing is sent: a change on this side is not seen on the other.
      numbers.data.fill(0)
      expect(await session.run({ x: held })).toEqual({ y })
      const lost = await own.open(endless)
      const controller = new AbortController()
      const rejected = expect(lost.run(fixedPoint, controller.signal)).rejects.toBe('enough')
      await wait(100)
      controller.abort('enough')
      await rejected
      await interrupted()
      expect(await session.run({ x: held })).toEqual({ y: tensor([1, 3], [10, 20, 30]) })
    }))

  it('may be another one in each run, beside tensors and beside sessions that are fed the same', () =>
    withRuntime(async (own) => {
      const difference = graphOf([value('a', [2]), value('b', [2])], [node('Sub', ['a', 'b'], 'y')], [value('y', [2])])
      const sessions = [await own.open(difference), await own.open(difference)]
      const [p, q] = [tensor([2], [1, 2]), tensor([2], [10, 30])]
      const [heldP, heldQ] = [own.hold(p), own.hold(q)]
      const runs = [
        [heldP, heldQ],
        [heldP, heldQ],
        [heldQ, heldP],
        [heldP, q],
        [heldP, p],
        [p, heldP],
        [p, q],
        [heldP, heldQ],
      ] as const
      const numbers = (fed: Tensor | Held) => tensorOf(fed).data
      for (const [a, b] of runs) {
        const wanted = tensor(
          [2],
          numbers(a).map((one, i) => one - numbers(b)[i]!),
        )
        for (const session of sessions) expect(await session.run({ a, b })).toEqual({ y: wanted })
      }
      // What the last run was fed is released: the next one, without it, goes on.
      heldP.release()
      for (const session of sessions) expect(await session.run({ a: q, b: heldQ })).toEqual({ y: tensor([2], [0, 0]) })
    }))

  it('is refused when it was released, or is held by another runtime', () =>
    withRuntime(async (own) => {
      const session = await own.open(affine)
      const held = own.hold(x)
      await session.run({ x: held })
      held.release()
      held.release()
      await expect(session.run({ x: held })).rejects.toMatchObject({ code: 'runtime-failed' })
      await expect(session.run({ x: runtime.hold(x) })).rejects.toMatchObject({ code: 'runtime-failed' })
      await expectAffine(session)
    }))

  it('that is released while a run waits with it is still fed to it', () =>
    withRuntime(async (own) => {
      const session = await own.open(affine)
      const before = await own.open(short)
      const held = own.hold(x)
      await session.run({ x: held })
      const first = before.run(fixedPoint)
      const second = session.run({ x: held })
      held.release()
      await first
      expect(await second).toEqual({ y })
    }))
})

describe('closing', () => {
  it('twice is as good as once; what is closed refuses to work', () =>
    withRuntime(async (own) => {
      const session = await own.open(affine)
      const kept = await own.open(affine)
      await session.close()
      await session.close()
      await expect(session.run({ x })).rejects.toMatchObject({ code: 'runtime-failed' })
      await expectAffine(kept)
      await own.close()
      await own.close()
      await expect(kept.run({ x })).rejects.toMatchObject({ code: 'runtime-failed' })
      await expect(own.open(affine)).rejects.toMatchObject({ code: 'runtime-failed' })
    }))

  it('ends runs that are under way or wait, and openings', () =>
    withRuntime(async (own) => {
      const session = await own.open(endless)
      const refused = { code: 'runtime-failed', message: expect.stringContaining('got a closed one') }
      const calls = [
        expect(session.run(fixedPoint)).rejects.toMatchObject(refused),
        expect(session.run(fixedPoint)).rejects.toMatchObject(refused),
        expect(own.open(affine)).rejects.toMatchObject(refused),
      ]
      await wait(100)
      expect(await milliseconds(own.close())).toBeLessThan(ABORT_MILLISECONDS)
      await Promise.all(calls)
    }))

  it('a session in the middle of its run leaves others open', async () => {
    const session = await open(endless)
    const kept = await open(affine)
    const rejected = expect(session.run(fixedPoint)).rejects.toMatchObject({ code: 'runtime-failed' })
    await wait(100)
    await session.close()
    await rejected
    await expectAffine(kept)
  })

  it('the last session leaves a runtime that opens again', () =>
    withRuntime(async (own) => {
      const session = await own.open(affine)
      await session.close()
      await expectAffine(await own.open(affine))
    }))
})

describe('opening', () => {
  it('refuses a device that ONNX Runtime does not know, and names those it does', async () => {
    await expect(runtime.open(affine, { device: 'abacus' })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^Expected one of cpu, .* for `device`, got abacus\./),
    })
    await expectAffine(await open(affine))
  })

  it('refuses a graph that ONNX Runtime refuses, in its words', async () => {
    const graph = graphOf([value('x', [1])], [node('Abracadabra', ['x'], 'y')], [value('y', [1])])
    await expect(open(graph)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/^Expected a graph that ONNX Runtime accepts for `small`, got .*Abracadabra/),
    })
  })

  it('refuses a number of threads that is none', () => {
    expect(() => ortNode({ threads: 0 })).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })
})
