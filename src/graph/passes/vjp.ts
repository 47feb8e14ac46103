/**
 * Reverse-mode gradients, graph to graph: the vector-Jacobian product of a graph is another graph, so whatever runs
 * the one runs the other. Not a tape and not a runtime: nothing is evaluated here.
 */
import { expected } from '../../core/errors.js'
import { builder, copyInto } from '../builder.js'
import type { Builder } from '../emit.js'
import type { DataType, Graph, Node, Value } from '../graph.js'
import { type GradientView, nodeView, toldOf } from '../operator.js'
import { operatorOf } from '../ops/index.js'
import { prune } from './prune.js'
import { recomputed } from './recompute.js'

export interface VjpOptions {
  /** Outputs whose cotangents are fed, as inputs named `cotangent.<output>`. Default: all outputs. */
  readonly outputs?: readonly string[]
  /** Inputs or initializers whose gradients are wanted; they come out as `gradient.<name>`. */
  readonly wrt: readonly string[]
  /** Outputs of the forward graph to yield as well. Default none. */
  readonly keep?: readonly string[]
  /** Computes an output's cotangent in the graph, from what the forward part holds, instead of taking it as an input. */
  readonly cotangent?: (build: Builder, output: Value) => Value
}

const isFloat = (dtype: DataType) =>
  dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16'

/**
 * The graph of Σᵢ (∂yᵢ/∂w)ᵀ·cᵢ for outputs yᵢ with cotangents cᵢ and each w in `wrt` (inputs and weights alike).
 *
 * Cost: one forward run and about one to two more. Memory: of the forward values that the rules read, those that are not
 * cheap to compute again (recompute.ts) stay alive.
 * Errors: `unsupported` names the operator and node without a gradient rule on a path from `wrt` to `outputs`;
 * `bad-option` a name that the graph does not have.
 * Source: reverse accumulation, Griewank and Walther, Evaluating Derivatives (2008), section 3.2.
 *
 * @example
 * const gradient = vjp(decoder, { outputs: ['image'], wrt: ['latent'] })  // inputs: latent, cotangent.image
 */
export function vjp(graph: Graph, options: VjpOptions): Graph {
  const build = builder()
  const results = copyInto(build, graph)
  const outputs = options.outputs ?? graph.outputs.map(({ name }) => name)
  for (const name of [...outputs, ...(options.keep ?? [])]) {
    if (!graph.outputs.some((output) => output.name === name)) {
      throw expected(
        'bad-option',
        `one of the outputs ${graph.outputs.map((o) => o.name).join(', ')}`,
        'vjp',
        `\`${name}\``,
        'Name an output of the graph.',
      )
    }
  }
  const active = activeValues(graph, options.wrt)
  const again = recomputed(build, graph)
  const cotangents = new Map<string, Value[]>()
  const add = (name: string, value: Value) => {
    const terms = cotangents.get(name)
    if (terms) terms.push(value)
    else cotangents.set(name, [value])
  }
  const total = (name: string): Value | undefined => {
    const terms = cotangents.get(name)
    if (!terms) return undefined
    const sum = terms.reduce((a, b) => build.emit('Add', [a, b]))
    cotangents.set(name, [sum])
    return sum
  }

  for (const name of outputs) {
    const output = build.value(name)
    const { dtype, shape } = output
    if (!isFloat(dtype))
      throw expected(
        'bad-option',
        'a floating-point output',
        'vjp',
        `\`${name}\` of type ${dtype}`,
        'Only real outputs have gradients.',
      )
    add(name, options.cotangent?.(build, output) ?? build.input(`cotangent.${name}`, dtype, shape))
  }

  for (const [index, node] of [...graph.nodes.entries()].reverse()) {
    if (!node.outputs.some((name) => cotangents.has(name)) || !node.outputs.some((name) => active.has(name))) continue
    const operator = operatorOf(node.op, node.domain)
    const rule = operator?.gradient
    if (rule === 'none') continue
    if (rule === undefined) {
      throw expected(
        'unsupported',
        'operators with a gradient rule',
        'vjp',
        describe(node),
        'Write the rule in src/graph/ops, or use a method without gradients.',
      )
    }
    const inputs = node.inputs.map((name) => (name === '' ? undefined : again(build.value(name))))
    const found = node.outputs.map((name) => (name === '' ? undefined : total(name)))
    const view: GradientView = {
      ...nodeView({ ...node, outputCount: node.outputs.length }, inputs, build.known),
      builder: build,
      outputs: results[index]!.map(again),
      cotangents: found,
      needs: node.inputs.map((name, i) => active.has(name) && isFloat(inputs[i]!.dtype)),
      get cotangent() {
        return found.find((value) => value !== undefined)!
      },
    }
    const partials = toldOf(view.op, view.name, () => rule(view))
    node.inputs.forEach((name, i) => {
      if (view.needs[i]) add(name, checked(partials[i], inputs[i]!, i, node))
    })
  }

  for (const name of options.wrt) {
    const { dtype, shape } = build.value(name)
    const gradient = total(name) ?? build.emit('Expand', [build.scalar(dtype, 0), build.indices(shape)])
    build.output(gradient, `gradient.${name}`)
  }
  for (const name of options.keep ?? []) build.output(build.value(name))
  return prune(build.finish(`${graph.name} gradient`))
}

const describe = (node: Node) => `${node.domain && `${node.domain}.`}${node.op} (node \`${node.name}\`)`

function checked(gradient: Value | undefined, input: Value, i: number, node: Node): Value {
  if (!gradient) {
    throw expected(
      'unsupported',
      'a gradient rule',
      `input ${i} of ${describe(node)}`,
      'one for other inputs',
      'Keep that input constant, or use a method without gradients.',
    )
  }
  if (
    gradient.shape.length !== input.shape.length ||
    gradient.shape.some((size, i) => size !== input.shape[i]) ||
    gradient.dtype !== input.dtype
  ) {
    throw expected(
      'unsupported',
      `a gradient of type ${input.dtype}[${input.shape}]`,
      `input ${i} of ${describe(node)}`,
      `${gradient.dtype}[${gradient.shape}]`,
      'This is a defect of the rule in src/graph/ops.',
    )
  }
  return gradient
}

/** Names of the values that depend on `wrt`. */
function activeValues(graph: Graph, wrt: readonly string[]): Set<string> {
  const sources = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()])
  for (const name of wrt) {
    if (!sources.has(name))
      throw expected(
        'bad-option',
        'an input or a weight of the graph',
        'wrt',
        `\`${name}\``,
        `Inputs are ${graph.inputs.map((i) => i.name).join(', ')}.`,
      )
  }
  const active = new Set(wrt)
  for (const node of graph.nodes) {
    if (node.inputs.some((name) => active.has(name))) for (const name of node.outputs) active.add(name)
  }
  return active
}
