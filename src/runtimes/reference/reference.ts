/**
 * Runs graphs in plain TypeScript and double precision, straight from the ONNX specification: the oracle that other
 * runtimes and gradient rules are checked against. Nothing here is fast; use ortNode for work.
 */
import { setImmediate } from 'node:timers/promises'
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import type { DataType, Graph, Node } from '../../graph/graph.js'
import { nodeView } from '../../graph/operator.js'
import type { Feeds, OpenOptions, Runtime, Session } from '../../graph/runtime.js'
import { fromBfloat16Bits, fromHalfBits, toBfloat16Bits, toHalfBits } from '../../math/half.js'
import { formatShape, sameShape } from '../../math/tensor.js'
import { matchFeeds } from '../shared/feeds.js'
import type { NumericArray } from './array.js'
import { readInitializer } from './initializer.js'
import { kernels } from './table.js'

/** What a dtype can hold: half precision is rounded to, float32 stays in double precision. */
function rounded(dtype: DataType, data: Float64Array): Float64Array {
  if (dtype === 'float16') return fromHalfBits(toHalfBits(data))
  return dtype === 'bfloat16' ? fromBfloat16Bits(toBfloat16Bits(data)) : data
}

function runNode(graph: Graph, node: Node, values: Map<string, NumericArray>): void {
  const id = node.domain === '' ? node.op : `${node.domain}.${node.op}`
  const where = `${id} (node \`${node.name}\`)`
  const kernel = kernels.get(id)
  if (!kernel)
    throw expected(
      'unsupported',
      'an operator the reference runtime knows',
      `\`${graph.name}\``,
      where,
      'Use another runtime.',
    )
  const inputs = node.inputs.map((name) => {
    const value = values.get(name)
    if (name !== '' && !value) {
      throw expected('bad-model', `a value \`${name}\``, where, 'none', 'Nodes must come after what they read.')
    }
    return value
  })
  const attributes = nodeView({ ...node, outputCount: node.outputs.length }, [], () => undefined)
  const results = kernel(inputs, attributes)
  node.outputs.forEach((name, i) => {
    const result = results[i]
    if (name === '') return
    if (!result) throw expected('unsupported', `output ${i}`, where, 'none', 'Use another runtime.')
    const { dtype, shape } = result
    const declared = graph.types.get(name)
    if (declared && (declared.dtype !== dtype || !sameShape(declared.shape, shape))) {
      const want = `${declared.dtype} ${formatShape(declared.shape)}`
      throw expected(
        'bad-model',
        `${want} as the graph says`,
        where,
        `${dtype} ${formatShape(shape)}`,
        'Correct its types.',
      )
    }
    values.set(name, { ...result, data: rounded(dtype, result.data) })
  })
}

/** How long nodes run before an abort is listened for. */
const SLICE_MILLISECONDS = 50

/**
 * A runtime in float64: float32 values keep all digits of double precision, integers are exact up to 2⁵³, float16
 * values are rounded after each operator. Checks on the way that every value has the type that the graph says.
 *
 * Aborts are heard between operators, not within one. Cost: about 10⁸ multiply-adds per second.
 *
 * Errors: `unsupported` names an operator or a form that it does not know; `bad-shape` feeds that do not fit;
 * `bad-model` a graph that contradicts itself. Source: https://onnx.ai/onnx/operators (operator set 21).
 *
 * @example
 * const session = await referenceRuntime().open(graph)
 * const { image } = await session.run({ latent })
 */
export function referenceRuntime(): Runtime {
  let runs = 0
  let networkSeconds = 0

  async function run(graph: Graph, weights: ReadonlyMap<string, NumericArray>, feeds: Feeds, signal?: Signal) {
    const started = performance.now()
    const values = new Map(weights)
    for (const { input, feed } of matchFeeds(graph, feeds)) {
      const { name, dtype, shape } = input
      values.set(name, { dtype, shape, data: rounded(dtype, feed.data) })
    }
    let heard = started
    for (const node of graph.nodes) {
      if (performance.now() - heard > SLICE_MILLISECONDS) {
        await setImmediate()
        heard = performance.now()
      }
      signal?.throwIfAborted()
      runNode(graph, node, values)
    }
    runs++
    networkSeconds += (performance.now() - started) / 1000
    return Object.fromEntries(
      graph.outputs.map(({ name }) => {
        const value = values.get(name)
        if (!value)
          throw expected(
            'bad-model',
            'a node that computes it',
            `output \`${name}\``,
            'none',
            'The graph is not valid ONNX.',
          )
        return [name, { shape: value.shape, data: value.data.slice() }]
      }),
    )
  }

  return {
    name: 'reference',
    async open(graph: Graph, { device = 'cpu' }: OpenOptions = {}): Promise<Session> {
      if (device !== 'cpu')
        throw expected('unavailable', 'device cpu', 'the reference runtime', `\`${device}\``, 'Leave it out.')
      for (const { storage } of graph.initializers.values()) if ('file' in storage) await storage.ready?.()
      const weights = new Map(
        [...graph.initializers].map(([name, initializer]) => [name, readInitializer(initializer)]),
      )
      return {
        run: (feeds, signal) => run(graph, weights, feeds, signal),
        close: async () => {},
      }
    },
    hold: (tensor) => ({ tensor, release() {} }),
    usage: async () => ({ peakMemoryBytes: process.resourceUsage().maxRSS * 1024, networkSeconds, runs }),
    close: async () => {},
  }
}
