/**
 * Which values of a forward graph its backward part computes again instead of keeping them: those that cheap operators make
 * of one kept value. A normalisation and its SiLU between two convolutions then keep one tensor, not three.
 */
import { sizeOf } from '../../math/tensor.js'
import type { Builder } from '../builder.js'
import type { Graph, Node, Value } from '../graph.js'

/** Operators that take far less time than what stands between them: one pass over their data, no products of matrices. */
const cheap = new Set(
  [
    'Add Sub Mul Div Neg Abs Sqrt Reciprocal Exp Log Sin Cos Erf Pow Clip Cast Where Sign Identity',
    'Sigmoid Tanh Relu LeakyRelu Elu Softplus HardSigmoid HardSwish Gelu Equal Greater GreaterOrEqual Less LessOrEqual',
    'InstanceNormalization GroupNormalization LayerNormalization BatchNormalization',
    'Reshape Squeeze Unsqueeze Flatten Transpose',
  ].flatMap((names) => names.split(' ')),
)

/**
 * A value as the backward part of a graph reads it: itself where it is kept, else computed again, once.
 *
 * Kept are inputs, weights, results of costly operators, sums of two large values, and what is smaller than the value it is
 * combined with, such as a mean. `build` holds the graph already; nodes are added when a value is first asked for.
 * Cost: each cheap node at most once more. Exact: the same operators on the same numbers.
 * Source: Chen et al., Training Deep Nets with Sublinear Memory Cost (2016), section 4.1.
 *
 * @example
 * const again = recomputed(build, graph)
 * const sigmoid = again(build.value('Sigmoid_value_3'))
 */
export function recomputed(build: Builder, graph: Graph): (value: Value) => Value {
  const makers = new Map<string, Node>()
  for (const node of graph.nodes) for (const name of node.outputs) makers.set(name, node)

  /** The large values that a cheap node combines, weights excepted. */
  const combined = ({ inputs, outputs: [output] }: Node): readonly string[] => {
    const size = sizeOf(build.value(output!).shape)
    return inputs.filter(
      (name) => name !== '' && !graph.initializers.has(name) && sizeOf(build.value(name).shape) >= size,
    )
  }

  /** What a value is computed from: itself where it is kept. */
  const sources = new Map<string, string>()
  for (const node of graph.nodes) {
    const [name] = node.outputs
    const from = new Set(combined(node).map((input) => sources.get(input) ?? input))
    const isCheap = node.domain === '' && node.outputs.length === 1 && cheap.has(node.op)
    if (isCheap && from.size === 1 && !build.known(name!)) sources.set(name!, [...from][0]!)
  }

  const found = new Map<string, Value>()
  function again(value: Value): Value {
    if (!sources.has(value.name)) return value
    const known = found.get(value.name)
    if (known) return known
    const node = makers.get(value.name)!
    const large = new Set(combined(node))
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined
      return large.has(name) ? again(build.value(name)) : build.value(name)
    })
    const result = build.emit(node.op, inputs, node.attributes, { name: `${node.name} again` })
    found.set(value.name, result)
    return result
  }
  return again
}
