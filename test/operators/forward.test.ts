/** The reference runtime against ONNX Runtime, operator by operator. */
import { describe, expect, it } from 'vitest'
import { operators } from '../../src/graph/ops/index.js'
import { kernels } from '../../src/runtimes/reference/table.js'
import { referenceRuntime } from '../../src/runtimes/reference.js'
import { type CaseGraph, caseGraph } from './case.js'
import { cases } from './cases/index.js'
import { expectAgreement, onnxRuntime, roundFeeds } from './onnx-runtime.js'

/** OneHot is none of the operators that graphs are built from: no rules, so no case. */
const oneHot: CaseGraph = {
  graph: {
    name: 'OneHot: axis 1',
    inputs: [
      { name: 'indices', dtype: 'int64', shape: [2, 2] },
      { name: 'depth', dtype: 'int64', shape: [] },
      { name: 'values', dtype: 'float32', shape: [2] },
    ],
    outputs: [{ name: 'y', dtype: 'float32', shape: [2, 3, 2] }],
    nodes: [
      {
        op: 'OneHot',
        domain: '',
        name: 'OneHot',
        inputs: ['indices', 'depth', 'values'],
        outputs: ['y'],
        attributes: { axis: { type: 'int', value: 1 } },
      },
    ],
    initializers: new Map(),
    types: new Map(),
  },
  feeds: {
    indices: { shape: [2, 2], data: Float64Array.of(0, 2, -1, 5) },
    depth: { shape: [], data: Float64Array.of(3) },
    values: { shape: [2], data: Float64Array.of(0.5, 2) },
  },
  reals: ['values'],
  known: () => undefined,
}

const graphs = [...cases.map((each) => caseGraph(each, 'float32')), oneHot]

describe('the reference runtime agrees with ONNX Runtime', () => {
  it.each(graphs.map((each) => [each.graph.name, each] as const))('%s', async (_, { graph, feeds }) => {
    const rounded = roundFeeds(graph, feeds)
    const session = await referenceRuntime().open(graph)
    expectAgreement(graph, await session.run(rounded), await onnxRuntime(graph, rounded))
  })
})

describe('completeness', () => {
  it.each([...kernels.keys()])('the kernel of %s is checked', (op) => {
    expect(graphs.flatMap(({ graph }) => graph.nodes.map((node) => node.op))).toContain(op)
  })

  it.each(operators.map(({ op }) => op))('the operator %s has a kernel', (op) => {
    expect([...kernels.keys()]).toContain(op)
  })
})
