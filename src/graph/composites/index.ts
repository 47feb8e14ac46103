/** The table of composites, and the pass that writes them out. Adding one is an entry in a family's file. */
import { builder } from '../builder.js'
import type { Builder } from '../emit.js'
import type { Graph, Node, Value } from '../graph.js'
import { valueNames } from '../names.js'
import { nodeView, toldOf } from '../operator.js'
import {
  attention,
  microsoftRotaryEmbedding,
  multiHeadAttention,
  packedAttention,
  rotaryEmbedding,
} from './attention.js'
import { type Composite, unsupportedForm } from './composite.js'
import { functions } from './functions.js'
import {
  meanVarianceNormalization,
  microsoftGroupNorm,
  rmsNormalization,
  skipGroupNorm,
  skipLayerNormalization,
  skipRmsNormalization,
} from './normalization.js'
import { biasAdd, biasSplitGelu, channelsLastConv, fusedConv, fusedGemm, fusedMatMul } from './products.js'

/** Operators of com.microsoft stand under that name. */
const composites: ReadonlyMap<string, Composite> = new Map<string, Composite>([
  ...Object.entries(functions),
  ['Attention', attention],
  ['MeanVarianceNormalization', meanVarianceNormalization],
  ['RMSNormalization', rmsNormalization],
  ['RotaryEmbedding', rotaryEmbedding],
  // ONNX Runtime wrote this one into ai.onnx before set 23 had it.
  ['SimplifiedLayerNormalization', rmsNormalization],
  ['com.microsoft.Attention', packedAttention],
  ['com.microsoft.BiasAdd', biasAdd],
  ['com.microsoft.BiasSplitGelu', biasSplitGelu],
  ['com.microsoft.FusedConv', fusedConv],
  ['com.microsoft.FusedGemm', fusedGemm],
  ['com.microsoft.FusedMatMul', fusedMatMul],
  ['com.microsoft.GroupNorm', microsoftGroupNorm],
  ['com.microsoft.MultiHeadAttention', multiHeadAttention],
  ['com.microsoft.NhwcConv', channelsLastConv],
  ['com.microsoft.NhwcFusedConv', channelsLastConv],
  ['com.microsoft.RotaryEmbedding', microsoftRotaryEmbedding],
  ['com.microsoft.SkipGroupNorm', skipGroupNorm],
  ['com.microsoft.SkipLayerNormalization', skipLayerNormalization],
  ['com.microsoft.SkipSimplifiedLayerNormalization', skipRmsNormalization],
  ['com.microsoft.TransposeMatMul', fusedMatMul],
])

/** How the operator is written in terms of others, where it is one of these. */
export const compositeOf = (op: string, domain: string): Composite | undefined =>
  composites.get(domain === '' ? op : `${domain}.${op}`)

function written(b: Builder, write: Composite, node: Node, inputs: readonly (Value | undefined)[]) {
  const { op, domain, name, outputs, attributes } = node
  const id = domain === '' ? op : `${domain}.${op}`
  const view = nodeView(
    { op: id, name: name || (outputs[0] ?? ''), attributes, outputCount: outputs.length },
    inputs,
    b.known,
  )
  const results = write(b, view)
  const missing = outputs.findIndex((output, i) => output !== '' && !results[i])
  if (missing >= 0) throw unsupportedForm(view, 'results that it is written with here', `result ${missing}`)
  return results
}

/**
 * The same function without composites: each is replaced by the operators that it is made of, with the shapes at hand.
 * Values that were between keep their names; a graph without composites is returned as it is.
 *
 * Errors: `unsupported` for forms of a composite that are not written here, naming operator and node; `bad-model` where
 * shapes do not fit.
 *
 * @example const graph = withoutComposites(read, ['last_hidden_state'])
 */
export function withoutComposites(graph: Graph, outputs: readonly string[]): Graph {
  if (!graph.nodes.some(({ op, domain }) => compositeOf(op, domain))) return graph
  const b = builder({ reserved: [...valueNames(graph), ...graph.nodes.map(({ name }) => name)] })
  for (const { name, dtype, shape } of graph.inputs) b.input(name, dtype, shape)
  for (const [name, initializer] of graph.initializers) b.initializer(name, initializer)
  const replaced = new Map<string, Value>()
  const value = (name: string): Value => replaced.get(name) ?? b.value(name)
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : value(name)))
    const write = compositeOf(node.op, node.domain)
    if (!write) {
      const { op, domain, name, outputs: names, attributes } = node
      b.emitAll(op, inputs, attributes, { domain, name, names })
      continue
    }
    const results = toldOf(node.op, node.name, () => written(b, write, node, inputs))
    node.outputs.forEach((name, i) => {
      if (name !== '') replaced.set(name, results[i]!)
    })
  }
  for (const name of outputs) b.output(value(name), name)
  return b.finish(graph.name)
}
