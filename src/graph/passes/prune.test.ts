import { describe, expect, it } from 'vitest'
import type { Graph, Initializer, Node } from '../graph.js'
import { prune } from './prune.js'

const type = { dtype: 'float32', shape: [2] } as const
const weight: Initializer = { ...type, storage: { bytes: new Uint8Array(8) } }
const node = (op: string, inputs: string[], outputs: string[]): Node => ({
  op,
  domain: '',
  name: outputs[0]!,
  inputs,
  outputs,
  attributes: {},
})

const graph: Graph = {
  name: 'g',
  inputs: [
    { name: 'x', ...type },
    { name: 'unused', ...type },
  ],
  outputs: [{ name: 'y', ...type }],
  nodes: [
    node('Mul', ['x', 'w'], ['a']),
    node('Mul', ['x', 'v'], ['dead']),
    node('Split', ['a'], ['b', 'side']),
    node('Neg', ['dead'], ['dead2']),
    node('Clip', ['b', '', 'top'], ['y']),
  ],
  initializers: new Map([
    ['w', weight],
    ['v', weight],
    ['top', weight],
  ]),
  types: new Map(['x', 'unused', 'w', 'v', 'top', 'a', 'dead', 'dead2', 'b', 'side', 'y'].map((name) => [name, type])),
}

describe('prune', () => {
  it('keeps what outputs need, in order, and nothing else', () => {
    const pruned = prune(graph)
    expect(pruned.nodes.map(({ op }) => op)).toEqual(['Mul', 'Split', 'Clip'])
    expect([...pruned.initializers.keys()]).toEqual(['w', 'top'])
    expect([...pruned.types.keys()]).toEqual(['x', 'unused', 'w', 'top', 'a', 'b', 'side', 'y'])
  })

  it('keeps the interface, unused inputs too', () => {
    expect(prune(graph).inputs).toEqual(graph.inputs)
    expect(prune(graph).outputs).toEqual(graph.outputs)
  })

  it('keeps a weight that is an output itself', () => {
    const pruned = prune({ ...graph, outputs: [{ name: 'v', ...type }] })
    expect(pruned.nodes).toEqual([])
    expect([...pruned.initializers.keys()]).toEqual(['v'])
  })
})
