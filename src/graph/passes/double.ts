/**
 * The 64-bit version of a graph, for where the rounding of 32 bits is what limits an inversion. ONNX Runtime has no
 * double-precision kernels for some operators: those are written in terms of others (double-operators.ts).
 */
import { expected } from '../../core/errors.js'
import { builder } from '../builder.js'
import type { Builder } from '../emit.js'
import type { Graph, Node, Value } from '../graph.js'
import { nodeView } from '../operator.js'
import { cast } from '../ops/common.js'
import { lowered, withoutDouble } from './double-operators.js'
import { prune } from './prune.js'

const isFloat = (dtype: string): boolean => /float/.test(dtype)

/**
 * The same function in double precision.
 *
 * Floating-point inputs and outputs become float64, and so does every operator that depends on them. What depends on
 * weights and integers alone stays as it is until it meets such a value; a weight of 16 or 32 bits is widened without
 * loss. Relative rounding 2⁻⁵³ per operator. Twice the memory of float32 or more, and about five times its time on a CPU.
 *
 * Errors: `unsupported` for operators that ONNX Runtime cannot compute in double precision, naming the node.
 *
 * @example
 * const exact = double(network)
 */
export function double(graph: Graph): Graph {
  const b = builder()
  /** Values of the graph that do not depend on floating-point inputs, under their own names. */
  const fixed = new Map<string, Value>()
  /** Values in double precision. */
  const wide = new Map<string, Value>()
  for (const { name, dtype, shape } of graph.inputs) {
    if (isFloat(dtype)) wide.set(name, b.input(name, 'float64', shape))
    else fixed.set(name, b.input(name, dtype, shape))
  }
  for (const [name, initializer] of graph.initializers) fixed.set(name, b.initializer(name, initializer))

  function widened(name: string): Value {
    const found = wide.get(name)
    if (found) return found
    const value = fixed.get(name)!
    const result = isFloat(value.dtype) ? cast(b, value, 'float64') : value
    wide.set(name, result)
    return result
  }

  for (const node of graph.nodes) {
    const dependent = node.inputs.some((name) => wide.has(name) && !fixed.has(name))
    const [known, read] = dependent ? [wide, widened] : [fixed, (name: string) => fixed.get(name)!]
    const inputs = node.inputs.map((name) => (name === '' ? undefined : read(name)))
    const outputs = dependent ? emitDouble(b, node, inputs) : emitAgain(b, node, inputs)
    outputs.forEach((value, i) => {
      known.set(node.outputs[i]!, value)
    })
  }
  for (const { name } of graph.outputs) b.output(widened(name), name)
  return prune(b.finish(graph.name))
}

type Inputs = readonly (Value | undefined)[]

const emitAgain = (b: Builder, { op, domain, attributes, outputs }: Node, inputs: Inputs): readonly Value[] =>
  b.emitAll(op, inputs, attributes, { domain, outputs: outputs.length })

function emitDouble(b: Builder, node: Node, inputs: Inputs): readonly Value[] {
  const { op, domain, name, attributes, outputs } = node
  const id = domain === '' ? op : `${domain}.${op}`
  if (withoutDouble.has(id)) {
    const remedy = 'Open it with a precision of 32.'
    throw expected('unsupported', 'an operator with a double-precision form', `node \`${name}\``, id, remedy)
  }
  const view = nodeView({ op, name, attributes, outputCount: outputs.length }, inputs, b.known)
  const write = lowered.get(id)
  return write ? [write(b, view)] : emitAgain(b, node, inputs)
}
