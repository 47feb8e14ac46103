/** ONNX Runtime in this process, and how closely it can agree with double precision. */
import * as ort from 'onnxruntime-node'
import { expect } from 'vitest'
import type { DataType, Graph } from '../../src/graph/graph.js'
import { encodeOnnx } from '../../src/graph/onnx/write.js'
import type { Tensor } from '../../src/math/tensor.js'

export type Tensors = Readonly<Record<string, Tensor>>

/**
 * ONNX Runtime computes in float32: 24 bits are 6e-8 of a number. Sums of the sizes here lose a few bits more, and its
 * erf and tanh are approximations to about 1e-6.
 */
const FLOAT32 = 2e-6

/** The types of float and integer inputs that the cases have. */
function pack(dtype: DataType, { shape, data }: Tensor): ort.Tensor {
  switch (dtype) {
    case 'float32':
      return new ort.Tensor(dtype, Float32Array.from(data), shape)
    case 'float64':
      return new ort.Tensor(dtype, data, shape)
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

/** The graph's outputs as ONNX Runtime's CPU kernels compute them, without optimizations. */
export async function onnxRuntime(graph: Graph, feeds: Tensors): Promise<Tensors> {
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

/** Feeds as float32 holds them. */
export const roundFeeds = (graph: Graph, feeds: Tensors): Tensors =>
  Object.fromEntries(
    graph.inputs.map(({ name, dtype }) => {
      const { shape, data } = feeds[name]!
      return [name, { shape, data: dtype === 'float32' ? data.map(Math.fround) : data }]
    }),
  )

/** Integers and booleans must agree exactly; `scale` raises the tolerance for floats. */
export function expectAgreement(graph: Graph, found: Tensors, wanted: Tensors, scale = 1): void {
  for (const { name, dtype } of graph.outputs) {
    expect(found[name]!.shape).toEqual(wanted[name]!.shape)
    const tolerance = dtype === 'float32' ? FLOAT32 * scale : 0
    found[name]!.data.forEach((value, i) => {
      const right = wanted[name]!.data[i]!
      expect(Math.abs(value - right), `${name}[${i}]: ${value}, not ${right}`).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(right)),
      )
    })
  }
}
