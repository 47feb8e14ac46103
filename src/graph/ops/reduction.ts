/** Reductions over axes, which are an input since operator set 18. */
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type GradientView, type NodeView, type Operator } from '../operator.js'
import { div, expand, indicator, mul, reshape, scale, sum } from './common.js'

function axesOf(node: NodeView): number[] {
  const { shape } = node.input(0)
  const axes = node.inputs[1] ? node.constant(1) : []
  if (axes.length > 0) return axes.map((axis) => fromFront(axis, shape.length))
  return node.integer('noop_with_empty_axes', 0) ? [] : [...shape.keys()]
}

const keptShape = (node: NodeView) => {
  const axes = axesOf(node)
  return node.input(0).shape.map((size, i) => (axes.includes(i) ? 1 : size))
}

type Rule = (b: Builder, x: Value, y: Value, g: Value, node: GradientView) => Value

/** A rule sees x, and y and g expanded to x's shape. */
const reduction = (op: string, rule: Rule, fold?: (values: readonly number[]) => number): Operator => ({
  op,
  types: (node) => {
    const axes = axesOf(node)
    const shape = node.integer('keepdims', 1)
      ? keptShape(node)
      : node.input(0).shape.filter((_, i) => !axes.includes(i))
    return [{ dtype: node.input(0).dtype, shape }]
  },
  ...(fold && {
    fold: (node: NodeView) => {
      const values = node.known(0)
      return values && node.input(0).shape.length === 1 && axesOf(node).length === 1 ? [fold(values)] : undefined
    },
  }),
  gradient: (node) => {
    const b = node.builder
    const x = node.input(0)
    const kept = keptShape(node)
    const spread = (value: Value) => expand(b, reshape(b, value, kept), x.shape)
    return [rule(b, x, spread(node.outputs[0]!), spread(node.cotangent), node)]
  },
})

const count = (node: NodeView) => axesOf(node).reduce((product, axis) => product * node.input(0).shape[axis]!, 1)

/** The cotangent goes to the entries that attained the extremum, in equal shares. */
const extremum: Rule = (b, x, y, g, node) => {
  const attained = indicator(b, b.emit('Equal', [x, y]), x.dtype)
  return div(b, mul(b, g, attained), sum(b, attained, axesOf(node)))
}

export const reductions: readonly Operator[] = [
  reduction('ReduceMean', (b, _x, _y, g, node) => scale(b, g, 1 / count(node))),
  reduction(
    'ReduceSum',
    (_b, _x, _y, g) => g,
    (values) => values.reduce((a, c) => a + c, 0),
  ),
  reduction('ReduceMax', extremum, (values) => Math.max(...values)),
  reduction('ReduceMin', extremum, (values) => Math.min(...values)),
  reduction(
    'ReduceProd',
    (b, x, y, g) => div(b, mul(b, g, y), x),
    (values) => values.reduce((a, c) => a * c, 1),
  ),
  reduction('ReduceSumSquare', (b, x, _y, g) => scale(b, mul(b, g, x), 2)),
  reduction('ReduceL1', (b, x, _y, g) => mul(b, g, b.emit('Sign', [x]))),
  reduction('ReduceL2', (b, x, y, g) => div(b, mul(b, g, x), y)),
]
