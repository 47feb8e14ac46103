/** The reference runtime against ONNX Runtime, operator by operator. */
import { describe, expect, it } from 'vitest'
import { forwardOnly } from '../../src/graph/ops/forward-only.js'
import { operators } from '../../src/graph/ops/index.js'
import { referenceRuntime } from '../../src/runtimes/reference/reference.js'
import { kernels } from '../../src/runtimes/reference/table.js'
import { caseGraph } from './case.js'
import { cases } from './cases/index.js'
import { expectAgreement, onnxRuntime, roundFeeds } from './onnx-runtime.js'

const graphs = cases.map((each) => caseGraph(each, 'float32'))

describe('the reference runtime agrees with ONNX Runtime', () => {
  it.each(graphs.map((each) => [each.graph.name, each] as const))('%s', async (_, { graph, feeds }) => {
    const rounded = roundFeeds(graph, feeds)
    const session = await referenceRuntime().open(graph)
    expectAgreement(graph, await session.run(rounded), await onnxRuntime(graph, rounded))
  })
})

const idOf = ({ op, domain }: { readonly op: string; readonly domain?: string }) => (domain ? `${domain}.${op}` : op)

describe('completeness', () => {
  it.each([...kernels.keys()])('the kernel of %s is checked', (op) => {
    expect(graphs.flatMap(({ graph }) => graph.nodes.map(idOf))).toContain(op)
  })

  const differentiable = operators.filter((operator) => !forwardOnly.includes(operator))
  it.each(differentiable.map(idOf))('the operator %s has a kernel', (op) => {
    expect([...kernels.keys()]).toContain(op)
  })
})
