/** Names for new values and nodes that clash with none of a graph's. */
import type { Graph } from './graph.js'

/** The wish itself where it is free, otherwise the wish with a number; each name is given out once. */
export type FreshName = (wish: string) => string

export function freshNames(taken: Iterable<string>): FreshName {
  const used = new Set(taken)
  const counts = new Map<string, number>()
  return (wish) => {
    let name = wish
    let count = counts.get(wish) ?? 0
    while (used.has(name)) name = `${wish}_${++count}`
    counts.set(wish, count)
    used.add(name)
    return name
  }
}

/** Every name of a value in a graph. */
export const valueNames = (graph: Graph): string[] => [
  ...graph.inputs.map(({ name }) => name),
  ...graph.initializers.keys(),
  ...graph.nodes.flatMap(({ outputs }) => outputs),
]
