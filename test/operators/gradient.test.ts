/** Every gradient rule against central finite differences of the reference runtime, in float64. */
import { describe, expect, it } from 'vitest'
import type { DataType, Graph } from '../../src/graph/graph.js'
import { operators } from '../../src/graph/ops/index.js'
import { vjp } from '../../src/graph/vjp.js'
import { combine, dot, type Tensor } from '../../src/math/tensor.js'
import { referenceRuntime } from '../../src/runtimes/reference.js'
import { caseGraph, type OperatorCase, randomNumbers } from './case.js'
import { cases } from './cases/index.js'

type Feeds = Readonly<Record<string, Tensor>>

/** Balances the truncation error of central differences, STEP²·f‴/6, with their rounding error, 10⁻¹⁶·f/STEP. */
const STEP = 1e-5
/**
 * Both errors are near 1e-10 for numbers of order one; sums of some hundred products and third derivatives of Pow and
 * Softmax raise them to 1e-8. A wrong rule is wrong by far more.
 */
const AGREEMENT = 1e-7
/** Random directions along which a gradient is compared: a wrong entry shows in each with probability one. */
const DIRECTIONS = 3

const runtime = referenceRuntime()

const run = async (graph: Graph, feeds: Feeds) => (await runtime.open(graph)).run(feeds)

const isReal = (dtype: DataType) => dtype === 'float64' || dtype === 'float32'
const realOutputs = (graph: Graph) => graph.outputs.filter(({ dtype }) => isReal(dtype)).map(({ name }) => name)

const randomLike = ({ shape, data }: Tensor, random: () => number): Tensor => ({
  shape,
  data: data.map(() => 2 * random() - 1),
})

/**
 * Compares ⟨vjp(c), d⟩ with the difference quotient of ⟨f, c⟩ along random directions d in all the named inputs at once.
 */
async function expectGradient(graph: Graph, feeds: Feeds, wrt: readonly string[]): Promise<void> {
  const random = randomNumbers(1)
  const values = await run(graph, feeds)
  const outputs = realOutputs(graph)
  const cotangents = outputs.map((name) => [name, randomLike(values[name]!, random)] as const)
  const gradients = await run(vjp(graph, { outputs, wrt }), {
    ...feeds,
    ...Object.fromEntries(cotangents.map(([name, cotangent]) => [`cotangent.${name}`, cotangent])),
  })
  const forward = await runtime.open(graph)
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    const moves = wrt.map((name) => [name, randomLike(feeds[name]!, random)] as const)
    const objective = async (step: number) => {
      const moved = moves.map(([name, move]) => [name, combine([1, feeds[name]!], [step, move])])
      const results = await forward.run({ ...feeds, ...Object.fromEntries(moved) })
      return cotangents.reduce((sum, [name, cotangent]) => sum + dot(results[name]!, cotangent), 0)
    }
    const quotient = ((await objective(STEP)) - (await objective(-STEP))) / (2 * STEP)
    const derivative = moves.reduce((sum, [name, move]) => sum + dot(gradients[`gradient.${name}`]!, move), 0)
    expect(Math.abs(derivative - quotient), `${derivative}, not ${quotient}`).toBeLessThan(
      AGREEMENT * Math.max(1, Math.abs(quotient)),
    )
  }
}

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
    const values = await run(graph, feeds)
    const outputs = realOutputs(graph)
    const random = randomNumbers(2)
    const cotangents = outputs.map((name) => [`cotangent.${name}`, randomLike(values[name]!, random)] as const)
    await expectGradient(
      withoutGradientNames(vjp(graph, { outputs, wrt: reals })),
      { ...feeds, ...Object.fromEntries(cotangents) },
      [...reals, ...cotangents.map(([name]) => name)],
    )
  })
})

describe('completeness', () => {
  const rules = operators.filter(({ gradient }) => typeof gradient === 'function')
  it.each(rules.map(({ op }) => op))('the rule of %s is checked', (op) => {
    expect(differentiated.map((each) => each.op)).toContain(op)
  })
})
