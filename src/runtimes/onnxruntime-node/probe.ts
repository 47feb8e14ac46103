/** Whether a device works here, by running the smallest graph on it: y = x + x. */
import type { Graph } from '../../graph/graph.js'
import { encodeOnnx } from '../../graph/onnx/write.js'
import { tensor } from '../../math/tensor.js'
import { unpackResults } from '../shared/conversion.js'
import type { NetworkProcess } from './network-process.js'

const x = tensor([4], [0, 1, 2, 3])

const value = (name: string) => ({ name, dtype: 'float32', shape: x.shape }) as const

const graph: Graph = {
  name: 'probe',
  inputs: [value('x')],
  outputs: [value('y')],
  nodes: [{ op: 'Add', domain: '', name: 'double', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
  initializers: new Map(),
  types: new Map(),
}

/** Sessions of graphs that people open are counted from 1. */
const session = 0

/** Rejects with the reason when the device does not run a graph, or runs it wrong. */
export async function probeDevice(child: NetworkProcess, device: string): Promise<void> {
  const source = { bytes: encodeOnnx(graph), weights: [] }
  await child.request('open', { session, source, device, threads: 1, lean: false, mapped: false, widening: false })
  const feeds = { x: { dtype: 'float32', shape: x.shape, data: new Float32Array(x.data) } } as const
  const { outputs } = await child.request('run', { session, feeds })
  await child.request('release', { session })
  const { y } = unpackResults(outputs)
  if (!y?.data.every((result, i) => result === 2 * x.data[i]!)) throw new Error('it gave wrong numbers')
}
