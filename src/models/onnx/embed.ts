/** Puts a whole graph into one that is being built. For one graph after another as a graph of its own: compose.ts. */
import type { Builder } from '../../graph/emit.js'
import type { Graph, Value } from '../../graph/graph.js'

/**
 * Emits the nodes of `graph` with `feeds` in place of its inputs, and returns its values by their names in it. In the
 * builder they are called `prefix/name`.
 */
export function embed(
  b: Builder,
  graph: Graph,
  prefix: string,
  feeds: Readonly<Record<string, Value>>,
): (name: string) => Value {
  const inner = (name: string) => name && `${prefix}/${name}`
  const value = (name: string): Value => feeds[name] ?? b.value(inner(name))
  for (const [name, initializer] of graph.initializers) b.initializer(inner(name), initializer)
  for (const { op, domain, name, inputs, outputs, attributes } of graph.nodes) {
    const sources = inputs.map((input) => (input === '' ? undefined : value(input)))
    b.emitAll(op, sources, attributes, { domain, name: inner(name), names: outputs.map(inner) })
  }
  return value
}
