/** Reductions over axes. */
import { frontAxis, groupsAlong, type Kernel, numbersOf, required } from './array.js'

const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const sumOfSquares = (values: readonly number[]) => sumOf(values.map((value) => value * value))

/**
 * Axes are the second input. Without any, the reduction is over all, or with `noop_with_empty_axes` over none: then each
 * entry is a group of its own, so that ReduceL1 still takes absolute values.
 */
const reduction =
  (f: (values: readonly number[]) => number): Kernel =>
  (inputs, attributes) => {
    const x = required(inputs, 0)
    const every = [...x.shape.keys()]
    const given = numbersOf(inputs[1]) ?? []
    const all = given.length === 0 && attributes.integer('noop_with_empty_axes', 0) === 0
    const axes = all ? every : given.map((axis) => frontAxis(axis, x.shape.length))
    const keep = attributes.integer('keepdims', 1) !== 0
    const shape = every
      .filter((axis) => keep || !axes.includes(axis))
      .map((axis) => (axes.includes(axis) ? 1 : x.shape[axis]!))
    const groups = groupsAlong(x.shape, axes)
    return [{ dtype: x.dtype, shape, data: Float64Array.from(groups, (g) => f(g.map((offset) => x.data[offset]!))) }]
  }

export const reductions: Readonly<Record<string, Kernel>> = {
  ReduceSum: reduction(sumOf),
  ReduceMean: reduction((values) => sumOf(values) / values.length),
  ReduceMax: reduction((values) => values.reduce((a, b) => Math.max(a, b))),
  ReduceMin: reduction((values) => values.reduce((a, b) => Math.min(a, b))),
  ReduceProd: reduction((values) => values.reduce((a, b) => a * b, 1)),
  ReduceSumSquare: reduction(sumOfSquares),
  ReduceL1: reduction((values) => sumOf(values.map(Math.abs))),
  ReduceL2: reduction((values) => Math.sqrt(sumOfSquares(values))),
}
