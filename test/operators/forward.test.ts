/** The reference runtime against ONNX Runtime, operator by operator. */
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import type { DataType, Graph } from '../../src/graph/graph.js'
import { encodeOnnx } from '../../src/graph/onnx.js'
import { operators } from '../../src/graph/ops/index.js'
import type { Tensor } from '../../src/math/tensor.js'
import { kernels } from '../../src/runtimes/reference/table.js'
import { referenceRuntime } from '../../src/runtimes/reference.js'
import { type CaseGraph, caseGraph } from './case.js'
import { cases } from './cases/index.js'

/**
 * ONNX Runtime computes in float32: 24 bits are 6e-8 of a number. Sums of the sizes here lose a few bits more, and its
 * erf and tanh are approximations to about 1e-6.
 */
const FLOAT32 = 4e-6

/** The types of float and integer inputs that the cases have. */
function pack(dtype: DataType, { shape, data }: Tensor): ort.Tensor {
  switch (dtype) {
    case 'float32':
      return new ort.Tensor(dtype, Float32Array.from(data), shape)
    case 'int64':
      return new ort.Tensor(dtype, BigInt64Array.from(data, BigInt), shape)
    case 'int32':
      return new ort.Tensor(dtype, Int32Array.from(data), shape)
    case 'bool':
      return new ort.Tensor(dtype, Uint8Array.from(data), shape)
    default:
      throw new Error(`Feeding ${dtype} is not written.`)
  }
}

async function onnxRuntime(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(encodeOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  const packed = graph.inputs.map(({ name, dtype }) => [name, pack(dtype, feeds[name]!)])
  const results = await session.run(Object.fromEntries(packed))
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { shape: dims, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) },
    ]),
  )
}

/** OneHot is none of the operators that graphs are built from: no rules, so no case. */
const oneHot: CaseGraph = {
  graph: {
    name: 'OneHot: axis 1',
    inputs: [
      { name: 'indices', dtype: 'int64', shape: [2, 2] },
      { name: 'depth', dtype: 'int64', shape: [] },
      { name: 'values', dtype: 'float32', shape: [2] },
    ],
    outputs: [{ name: 'y', dtype: 'float32', shape: [2, 3, 2] }],
    nodes: [
      {
        op: 'OneHot',
        domain: '',
        name: 'OneHot',
        inputs: ['indices', 'depth', 'values'],
        outputs: ['y'],
        attributes: { axis: { type: 'int', value: 1 } },
      },
    ],
    initializers: new Map(),
    types: new Map(),
  },
  feeds: {
    indices: { shape: [2, 2], data: Float64Array.of(0, 2, -1, 5) },
    depth: { shape: [], data: Float64Array.of(3) },
    values: { shape: [2], data: Float64Array.of(0.5, 2) },
  },
  reals: ['values'],
  known: () => undefined,
}

const graphs = [...cases.map((each) => caseGraph(each, 'float32')), oneHot]

describe('the reference runtime agrees with ONNX Runtime', () => {
  it.each(graphs.map((each) => [each.graph.name, each] as const))('%s', async (_, { graph, feeds }) => {
    const rounded = Object.fromEntries(
      graph.inputs.map(({ name, dtype }) => {
        const { shape, data } = feeds[name]!
        return [name, { shape, data: dtype === 'float32' ? data.map(Math.fround) : data }]
      }),
    )
    const session = await referenceRuntime().open(graph)
    const [ours, theirs] = [await session.run(rounded), await onnxRuntime(graph, rounded)]
    for (const { name, dtype } of graph.outputs) {
      const [found, wanted] = [ours[name]!, theirs[name]!]
      expect(found.shape).toEqual(wanted.shape)
      const tolerance = dtype === 'float32' ? FLOAT32 : 0
      found.data.forEach((value, i) => {
        const right = wanted.data[i]!
        expect(Math.abs(value - right), `${name}[${i}]: ${value}, not ${right}`).toBeLessThanOrEqual(
          tolerance * Math.max(1, Math.abs(right)),
        )
      })
    }
  })
})

describe('completeness', () => {
  it.each([...kernels.keys()])('the kernel of %s is checked', (op) => {
    expect(graphs.flatMap(({ graph }) => graph.nodes.map((node) => node.op))).toContain(op)
  })

  it.each(operators.map(({ op }) => op))('the operator %s has a kernel', (op) => {
    expect([...kernels.keys()]).toContain(op)
  })
})
