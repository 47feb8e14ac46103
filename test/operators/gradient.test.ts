/** Every gradient rule against central finite differences in float64, once and twice, and in ONNX Runtime. */
import { describe, expect, it } from 'vitest'
import type { Graph } from '../../src/graph/graph.js'
import { operators } from '../../src/graph/ops/index.js'
import { vjp } from '../../src/graph/passes/vjp.js'
import { caseGraph, type OperatorCase } from './case.js'
import { cases } from './cases/index.js'
import { expectGradient, randomCotangents, realOutputs, run } from './finite-differences.js'
import { expectAgreement, onnxRuntime, roundFeeds } from './onnx-runtime.js'

const named = (list: readonly OperatorCase[]) => list.map((each) => [`${each.op}: ${each.label}`, each] as const)

const differentiated = cases.filter((each) => {
  if (each.forwardOnly !== undefined) return false
  const { graph, reals } = caseGraph(each, 'float64')
  return reals.length > 0 && realOutputs(graph).length > 0
})

describe('gradients agree with finite differences', () => {
  it.each(named(differentiated))('%s', async (_, each) => {
    const { graph, feeds, reals } = caseGraph(each, 'float64')
    await expectGradient(graph, feeds, reals)
  })
})

/** The gradient of a gradient would have outputs of the same names. */
function withoutGradientNames(graph: Graph): Graph {
  const rename = (name: string) => name.replace(/^gradient\./, 'first.')
  const renamed = (values: Graph['inputs']) => values.map((value) => ({ ...value, name: rename(value.name) }))
  return {
    ...graph,
    outputs: renamed(graph.outputs),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    types: new Map([...graph.types].map(([name, type]) => [rename(name), type])),
  }
}

describe('second derivatives agree with finite differences of first ones', () => {
  it.each(named(differentiated))('%s', async (_, each) => {
    const { graph, feeds, reals } = caseGraph(each, 'float64')
    const first = withoutGradientNames(vjp(graph, { outputs: realOutputs(graph), wrt: reals }))
    const cotangents = randomCotangents(first, 3)
    await expectGradient(first, { ...feeds, ...cotangents }, [...reals, ...Object.keys(cotangents)])
  })
})

describe('ONNX Runtime computes the same gradients', () => {
  it.each(named(differentiated))('%s', async (_, each) => {
    const { graph, feeds, reals } = caseGraph(each, 'float32')
    const gradient = vjp(graph, { outputs: realOutputs(graph), wrt: reals })
    const rounded = roundFeeds(gradient, { ...feeds, ...randomCotangents(gradient, 4) })
    expectAgreement(gradient, await onnxRuntime(gradient, rounded), await run(gradient, rounded))
  })
})

describe('completeness', () => {
  const rules = operators.filter(({ gradient }) => typeof gradient === 'function')
  it.each(rules.map(({ op }) => op))('the rule of %s is checked', (op) => {
    expect(differentiated.map((each) => each.op)).toContain(op)
  })
})
