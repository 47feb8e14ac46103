/** How much memory a graph takes while it runs: its values, from their shapes alone, and its weights. Nothing is run. */
import { sizeOf } from '../math/tensor.js'
import { bytesOf, type Graph, type Node, type ValueType } from './graph.js'

/** Operators whose result is their first input under another shape: no memory of its own. */
const views = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])

/** Operators that can write over an input that nobody reads afterwards, where it is as large as what they write. */
const overwriting = new Set(
  [
    'Add Sub Mul Div Neg Abs Sqrt Reciprocal Exp Log Erf Pow Clip Where Sign Sigmoid Tanh Relu LeakyRelu Elu Softplus',
    'HardSigmoid HardSwish Softmax',
  ].flatMap((names) => names.split(' ')),
)

/** Operators that read and write in a layout of their own: while they run, a copy of their input and of their output. */
const copying = new Set(['Conv', 'ConvTranspose'])

/**
 * Where a graph's weights lie, and how many bytes each has, as it is stored; one that several names share is one.
 */
export function weightPlaces({ initializers }: Pick<Graph, 'initializers'>): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [name, { storage }] of initializers) {
    if ('file' in storage) places.set(`${storage.file} ${storage.offset}`, storage.length)
    else places.set(name, storage.bytes.length)
  }
  return places
}

/** Bytes of the weights that a graph refers to, as they are stored. */
export const weightBytes = (graph: Pick<Graph, 'initializers'>): number =>
  [...weightPlaces(graph).values()].reduce((sum, bytes) => sum + bytes, 0)

/** What a product with a matrix of a few bits writes out for its time: the matrix in float32. */
function matrixBytes({ op, attributes: { N: rows, K: columns } }: Node): number {
  if (op !== 'MatMulNBits' || rows?.type !== 'int' || columns?.type !== 'int') return 0
  return rows.value * columns.value * bytesOf.float32
}

/** The bytes of values that share them, and which of these are still to be read. */
interface Block {
  readonly bytes: number
  readonly names: Set<string>
}

/**
 * The most bytes of values that are alive at once, weights left out, each node computed where it is first needed.
 *
 * A value lives from its node to the last node that reads it; inputs and outputs of the graph live throughout. Reshapes
 * share memory with what they reshape, elementwise operators write over an input that ends there, and convolutions copy
 * into their own layout. Values of unknown shape count as nothing. Cost: two walks over the nodes. Exact: no; runtimes take
 * more, by an amount that docs/decisions/0006 tells of ONNX Runtime.
 *
 * @example peakBytes(autoencoderGraph(networks, 'decode', { batch: 1, height: 512, width: 512 }))
 */
export function peakBytes(graph: Graph): number {
  const types = new Map<string, ValueType>(graph.types)
  for (const value of [...graph.inputs, ...graph.outputs]) types.set(value.name, value)
  const bytesAt = (name = ''): number => {
    const type = types.get(name)
    return type ? sizeOf(type.shape) * bytesOf[type.dtype] : 0
  }
  const order = lazyOrder(graph)
  const readers = readersOf(order)
  for (const { name } of [...graph.inputs, ...graph.outputs]) readers.set(name, Number.POSITIVE_INFINITY)
  const inProducts = readersOf(order.filter(({ op }) => op === 'MatMul'))

  const blocks = new Map<string, Block>()
  let total = 0
  function begin(name: string, shared: Block | undefined): void {
    const block = shared ?? { bytes: bytesAt(name), names: new Set() }
    if (!shared) total += block.bytes
    block.names.add(name)
    blocks.set(name, block)
  }
  function end(name: string): void {
    const block = blocks.get(name)
    if (!block?.names.delete(name)) return
    if (block.names.size === 0) total -= block.bytes
  }

  /** The block that a node's result is written to, where it needs none of its own. */
  function sharedBy({ op, inputs, outputs: [output] }: Node): Block | undefined {
    // A product of matrices reads a transposed factor where it lies.
    const isFactor = op === 'Transpose' && inProducts.get(output!) === readers.get(output!)
    if (views.has(op) || isFactor) return blocks.get(inputs[0]!)
    if (!overwriting.has(op)) return undefined
    const over = inputs.find((name) => {
      const isLast = readers.get(name) === inputs.filter((one) => one === name).length
      return isLast && blocks.get(name)?.names.size === 1 && blocks.get(name)?.bytes === bytesAt(output)
    })
    return over === undefined ? undefined : blocks.get(over)
  }

  for (const { name } of graph.inputs) begin(name, undefined)
  let peak = total
  for (const node of order) {
    const { op, inputs, outputs } = node
    const shared = sharedBy(node)
    for (const [i, name] of outputs.entries()) if (name !== '') begin(name, i === 0 ? shared : undefined)
    const copies = copying.has(op) ? bytesAt(inputs[0]) + bytesAt(outputs[0]) : matrixBytes(node)
    peak = Math.max(peak, total + copies)
    for (const name of inputs) {
      const left = (readers.get(name) ?? 0) - 1
      readers.set(name, left)
      if (left === 0) end(name)
    }
    for (const name of outputs) if (!readers.has(name)) end(name)
  }
  return peak
}

/** How many inputs of nodes each value is. */
function readersOf(nodes: readonly Node[]): Map<string, number> {
  const readers = new Map<string, number>()
  for (const { inputs } of nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1)
  return readers
}

/** The nodes that outputs need, each after those of its inputs, and these in the order of the graph. */
function lazyOrder({ nodes, outputs }: Graph): readonly Node[] {
  const makers = new Map<string, number>()
  for (const [i, node] of nodes.entries()) for (const name of node.outputs) makers.set(name, i)
  const order = new Set<number>()
  const missing = (names: readonly string[]) => {
    const found: number[] = []
    for (const name of names) {
      const i = makers.get(name)
      if (i !== undefined && !order.has(i) && !found.includes(i)) found.push(i)
    }
    return found.sort((a, b) => b - a)
  }
  const waiting = missing(outputs.map(({ name }) => name))
  while (waiting.length > 0) {
    const i = waiting.at(-1)!
    const before = missing(nodes[i]!.inputs)
    if (before.length > 0) waiting.push(...before)
    else order.add(waiting.pop()!)
  }
  return [...order].map((i) => nodes[i]!)
}
