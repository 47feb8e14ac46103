/** Graphs in double precision on ONNX Runtime, against the interpreter that computes in double precision by itself. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { builder } from '../src/graph/builder.js'
import type { Graph, Value } from '../src/graph/graph.js'
import { double } from '../src/graph/passes/double.js'
import { vjp } from '../src/graph/passes/vjp.js'
import type { Runtime } from '../src/graph/runtime.js'
import { torchNoise } from '../src/math/noise.js'
import { norm, subtract, type Tensor, tensor } from '../src/math/tensor.js'
import { openModelFolder } from '../src/models/folder.js'
import * as unet from '../src/nn/unet-2d-condition.js'
import { nodeFiles } from '../src/node/files.js'
import { erf } from '../src/runtimes/reference/erf.js'
import { referenceRuntime } from '../src/runtimes/reference/reference.js'
import { row, shaped } from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** 2⁻⁵³, a few hundred operators deep. */
const float64 = 1e-12
/** The sum of 32 terms of a quadrature, in units in the last place of 1. */
const lastDigits = 2e-15
/** What float32 does to the same networks: the comparison means something only if the tolerance above is far below. */
const float32 = 1e-8

/** The rules write constants such as 1/√2π in the graph's own precision: float32 there, float64 here. */
const roundedConstants = 1e-8

const runtime = lastingRuntime()
const oracle = referenceRuntime()

const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)

async function run(where: Runtime, graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const session = await where.open(graph)
  const results = await session.run(feeds)
  await session.close()
  return results
}

describe.each(['unet-sd1', 'unet-sdxl'])('%s in double precision', async (name) => {
  const folder = join(fileURLToPath(new URL('golden', import.meta.url)), name)
  const io = await readTensors(nodeFiles, join(folder, 'io.safetensors'))
  const checkpoint = await openModelFolder(nodeFiles, folder)
  const part = await checkpoint.part(checkpoint.partNames[0]!)
  if (part.kind !== 'network') throw new Error('Expected a diffusers network.')
  const [, , height, width] = io.get('sample')!.shape as [number, number, number, number]
  const size = { batch: 1, height, width, tokens: io.get('encoder_hidden_states')!.shape[1]! }
  const graph = unet.unetGraph(unet.unet2dConditionConfig(part.config), await part.openWeights(), size)
  const keys = ['sample', 'timestep', 'encoder_hidden_states', 'text_embeds', 'time_ids']
  // One of the batch: the interpreter takes its time.
  const first = (key: string) => shaped(row(io.get(key)!, 0), [1, ...io.get(key)!.shape.slice(1)])
  const inputs = Object.fromEntries(keys.filter((key) => io.has(key)).map((key) => [key, first(key)]))

  /** Prediction and gradient in one run. */
  const feeds = { ...inputs, 'cotangent.out': first('cotangent') }
  const exactly = run(oracle, vjp(graph, { wrt: ['sample'], keep: ['out'] }), feeds)

  it('predicts what the interpreter predicts to twelve digits, which float32 does not', async () => {
    const { out: exact } = await exactly
    const { out } = await run(runtime, double(graph), inputs)
    expect(relativeError(out!, exact!)).toBeLessThan(float64)
    const { out: rounded } = await run(runtime, graph, inputs)
    expect(relativeError(rounded!, exact!)).toBeGreaterThan(float32)
  })

  it('has the gradients of the graph in float32, up to the constants of its rules', async () => {
    const exact = await exactly
    const ours = await run(runtime, vjp(double(graph), { wrt: ['sample'] }), feeds)
    expect(relativeError(ours['gradient.sample']!, exact['gradient.sample']!)).toBeLessThan(roundedConstants)
  })
})

/** One operator on an input of this shape, in double precision. */
function operator(shape: readonly number[], emit: (b: ReturnType<typeof builder>, x: Value) => Value): Graph {
  const b = builder()
  b.output(emit(b, b.input('x', 'float32', shape)), 'y')
  return b.finish('operator')
}

describe('double', () => {
  it('has the error function to the last digits, far out too', async () => {
    const x = tensor([9], [-40, -5.9, -2, -1e-9, 0, 0.3, 1, 3.5, 7])
    const { y } = await run(runtime, double(operator([9], (b, value) => b.emit('Erf', [value]))), { x })
    x.data.forEach((value, i) => {
      expect(Math.abs(y!.data[i]! - erf(value)), `erf(${value})`).toBeLessThan(lastDigits)
    })
  })

  it.each(['none', 'tanh'])('has GELU to the last digits, approximate=%s', async (approximate) => {
    const x = tensor([7], [-40, -5.9, -2, -1e-9, 0, 0.3, 3.5])
    const graph = operator([7], (b, value) => b.emit('Gelu', [value], { approximate }))
    const [ours, exact] = [await run(runtime, double(graph), { x }), await run(oracle, graph, { x })]
    expect(relativeError(ours.y!, exact.y!)).toBeLessThan(float64)
  })

  it.each([
    { kernel: 3, strides: [2, 2], pads: [0, 1, 1, 0], dilations: [1, 1] },
    { kernel: 2, strides: [1, 3], pads: [1, 0, 2, 1], dilations: [2, 1] },
    { kernel: 1, strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] },
  ])('convolves: kernel $kernel, strides $strides, pads $pads, dilations $dilations', async ({ kernel, ...window }) => {
    const weights = torchNoise(1, [5, 3, kernel, kernel])
    const graph = operator([2, 3, 7, 8], (b, x) => {
      const weight = b.constant('float32', weights.shape, [...weights.data])
      return b.emit('Conv', [x, weight, b.constant('float32', [5], [1, 2, 3, 4, 5])], window)
    })
    const x = torchNoise(2, [2, 3, 7, 8])
    const [ours, exact] = [await run(runtime, double(graph), { x }), await run(oracle, graph, { x })]
    expect(relativeError(ours.y!, exact.y!)).toBeLessThan(float64)
  })

  it('keeps what does not depend on the inputs, and widens the borders', () => {
    const b = builder()
    const weight = b.constant('float32', [1], [3])
    b.output(b.emit('Mul', [b.input('x', 'float32', [4]), weight]), 'y')
    b.output(b.emit('Neg', [weight]), 'of weights alone')
    const wide = double(b.finish('borders'))
    expect([...wide.inputs, ...wide.outputs].map(({ dtype }) => dtype)).toEqual(['float64', 'float64', 'float64'])
    expect([...wide.initializers.values()].map(({ dtype }) => dtype)).toEqual(['float32'])
  })

  it('refuses by name what it has no form for', () => {
    const pooled = operator([1, 1, 4, 4], (b, x) => b.emit('AveragePool', [x], { kernel_shape: [2, 2] }))
    expect(() => double(pooled)).toThrow(/AveragePool.*precision of 32/)
    const grouped = operator([1, 2, 4, 4], (b, x) => {
      const weight = b.constant('float32', [2, 1, 1, 1], [1, 1])
      return b.emit('Conv', [x, weight], { group: 2 })
    })
    expect(() => double(grouped)).toThrow(/2 groups/)
    const resized = operator([1, 1, 4, 4], (b, x) =>
      b.emit('Resize', [x, undefined, b.constant('float32', [4], [1, 1, 1.5, 1.5])], { mode: 'linear' }),
    )
    expect(() => double(resized)).toThrow(/resize/)
  })
})
