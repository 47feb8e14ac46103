/** Removes what no output needs. Inputs stay: they are the graph's interface, used or not. */
import type { Graph, Node } from '../graph.js'

/**
 * The same graph without the nodes, weights and types that no output depends on.
 *
 * @example
 * const decoderOnly = prune({ ...autoencoder, outputs: [image] })
 */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue
    nodes.push(node)
    for (const name of node.inputs) needed.add(name)
  }
  nodes.reverse()
  const present = new Set([
    ...needed,
    ...graph.inputs.map(({ name }) => name),
    ...nodes.flatMap(({ outputs }) => outputs),
  ])
  return {
    ...graph,
    nodes,
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    types: new Map([...graph.types].filter(([name]) => present.has(name))),
  }
}
