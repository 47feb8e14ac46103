/** The gradient of a graph against central finite differences of the reference runtime. */
import { expect } from 'vitest'
import type { Graph } from '../../src/graph/graph.js'
import { vjp } from '../../src/graph/passes/vjp.js'
import { combine, dot, map, type Tensor, zeros } from '../../src/math/tensor.js'
import { referenceRuntime } from '../../src/runtimes/reference/reference.js'
import { randomNumbers } from './case.js'

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

export const run = async (graph: Graph, feeds: Feeds) => (await runtime.open(graph)).run(feeds)

/** Names of the outputs that have gradients. */
export const realOutputs = (graph: Graph) =>
  graph.outputs.filter(({ dtype }) => dtype === 'float64' || dtype === 'float32').map(({ name }) => name)

/** Random numbers for the cotangent inputs of a gradient's graph. */
export function randomCotangents(gradient: Graph, seed: number): Feeds {
  const random = randomNumbers(seed)
  const inputs = gradient.inputs.filter(({ name }) => name.startsWith('cotangent.'))
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, randomTensor(shape, random)]))
}

const randomTensor = (shape: readonly number[], random: () => number): Tensor =>
  map(zeros(shape), () => 2 * random() - 1)

/** ⟨vjp(c), d⟩ is the difference quotient of ⟨f, c⟩ along random directions d in all the named inputs at once. */
export async function expectGradient(graph: Graph, feeds: Feeds, wrt: readonly string[]): Promise<void> {
  const outputs = realOutputs(graph)
  const gradient = vjp(graph, { outputs, wrt })
  const cotangents = randomCotangents(gradient, 1)
  // A graph that is a gradient has cotangents among its own feeds.
  const gradients = await run(gradient, { ...cotangents, ...feeds })
  const forward = await runtime.open(graph)
  const random = randomNumbers(2)
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    const moves = wrt.map((name) => ({ name, move: randomTensor(feeds[name]!.shape, random) }))
    const objective = async (step: number) => {
      const moved = moves.map(({ name, move }) => [name, combine([1, feeds[name]!], [step, move])])
      const results = await forward.run({ ...feeds, ...Object.fromEntries(moved) })
      return outputs.reduce((sum, name) => sum + dot(results[name]!, cotangents[`cotangent.${name}`]!), 0)
    }
    const quotient = ((await objective(STEP)) - (await objective(-STEP))) / (2 * STEP)
    const derivative = moves.reduce((sum, { name, move }) => sum + dot(gradients[`gradient.${name}`]!, move), 0)
    expect(Math.abs(derivative - quotient), `${derivative}, not ${quotient}`).toBeLessThan(
      AGREEMENT * Math.max(1, Math.abs(quotient)),
    )
  }
}
