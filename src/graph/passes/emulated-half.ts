/**
 * Half precision on a device that has none: the same numbers out of float32 kernels. What is computed in 16 bits says the
 * graph (half.ts); this pass says how.
 */
import { inferTypes } from '../builder.js'
import type { DataType, Graph, Node, ValueType } from '../graph.js'
import { freshNames, valueNames } from '../names.js'
import { dataTypeCode } from '../ops/common.js'
import { prune } from './prune.js'

/** Operators whose results are numbers of their inputs, their negatives or zero: of half numbers half numbers, exactly. */
const exact = new Set([
  ...['Abs', 'Clip', 'Max', 'Min', 'Neg', 'Relu', 'Sign', 'Where'],
  ...['MaxPool', 'ReduceMax', 'ReduceMin'],
  ...['Concat', 'DepthToSpace', 'Expand', 'Flatten', 'Gather', 'GatherElements', 'GatherND', 'Identity', 'Pad'],
  ...['Reshape', 'Slice', 'SpaceToDepth', 'Split', 'Squeeze', 'Tile', 'Transpose', 'Unsqueeze'],
])

const isExact = ({ op, domain, attributes: { mode } }: Node): boolean =>
  domain === '' && (exact.has(op) || (op === 'Resize' && (mode?.type !== 'string' || mode.value === 'nearest')))

/**
 * The same graph with float32 kernels in place of float16 ones, and every result rounded to float16.
 *
 * y = fl₁₆(f(x)) for each operator f with float16 results: an operator on float32 copies of its inputs, then a pair of casts,
 * float32 → float16 → float32, which ONNX Runtime's optimiser keeps because it loses digits. It would drop the rounding of
 * a float16 graph, whose casts it adds itself. Within an operator sums are kept in float32, as matrix products,
 * convolutions, softmax and normalisations of real devices keep them; what is written to memory has 11 bits. Numbers
 * beyond ±65504 become infinite, those below 6·10⁻⁸ zero. Operators that only move or compare numbers need no rounding.
 *
 * Inputs, outputs, weights and their types stay: 16-bit weights are widened where they are used. Cost: no smaller and slower than
 * float32; it shows what half precision does, it does not save anything. Exact up to the order of a device's sums.
 *
 * @example
 * const session = await cpu.open(emulatedHalf(half(decoder)))
 */
export function emulatedHalf(graph: Graph): Graph {
  const { types } = inferTypes(graph)
  if (![...types.values()].some(({ dtype }) => dtype === 'float16')) return graph
  const fresh = freshNames([...valueNames(graph), ...graph.nodes.map(({ name }) => name)])
  const nodes: Node[] = []
  const known = new Map<string, ValueType>(types)
  const isHalf = (name: string) => types.get(name)?.dtype === 'float16'

  /** Float16 values that exist as such, and the names of those that exist in float32. */
  const halves = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()].filter(isHalf))
  const singles = new Map<string, string>()

  const cast = (from: string, to: string, dtype: DataType): void => {
    const attributes = { to: { type: 'int', value: dataTypeCode[dtype] } } as const
    nodes.push({ op: 'Cast', domain: '', name: fresh(`Cast/${to}`), inputs: [from], outputs: [to], attributes })
  }
  const newSingle = (name: string, suffix: string): string => {
    const single = fresh(`${name}/${suffix}`)
    known.set(single, { dtype: 'float32', shape: types.get(name)!.shape })
    return single
  }
  const asSingle = (name: string): string => {
    const found = singles.get(name)
    if (found !== undefined) return found
    const single = newSingle(name, 'single')
    cast(name, single, 'float32')
    singles.set(name, single)
    return single
  }
  const asHalf = (name: string): string => {
    if (!halves.has(name)) cast(singles.get(name)!, name, 'float16')
    halves.add(name)
    return name
  }

  for (const node of graph.nodes) {
    if (!node.inputs.some(isHalf) || node.op === 'Cast') {
      for (const name of node.inputs.filter(isHalf)) asHalf(name)
      for (const name of node.outputs.filter(isHalf)) halves.add(name)
      nodes.push(node)
      continue
    }
    const outputs = node.outputs.map((name) => {
      if (!isHalf(name)) return name
      const computed = newSingle(name, isExact(node) ? 'single' : 'computed')
      if (isExact(node)) singles.set(name, computed)
      return computed
    })
    nodes.push({ ...node, inputs: node.inputs.map((name) => (isHalf(name) ? asSingle(name) : name)), outputs })
    node.outputs.forEach((name, i) => {
      if (!isHalf(name) || singles.has(name)) return
      cast(outputs[i]!, name, 'float16')
      halves.add(name)
    })
  }
  for (const { name } of graph.outputs) if (isHalf(name)) asHalf(name)
  const present = [...known].filter(([name]) => !isHalf(name) || halves.has(name))
  return prune({ ...graph, nodes, types: new Map(present) })
}
