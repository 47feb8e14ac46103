/** Reductions over axes. */
import { frontAxis, groupsAlong, type Kernel, numbersOf, required } from './array.js'

const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const sumOfSquares = (values: readonly number[]) => sumOf(values.map((value) => value * value))

/** Axes are the second input; without any the reduction is over all, or nothing when `noop_with_empty_axes` is set. */
const reduction =
  (f: (values: readonly number[]) => number): Kernel =>
  (inputs, attributes) => {
    const x = required(inputs, 0)
    const given = numbersOf(inputs[1]) ?? []
    if (given.length === 0 && attributes.integer('noop_with_empty_axes', 0)) return [x]
    const every = [...x.shape.keys()]
    const axes = given.length === 0 ? every : given.map((axis) => frontAxis(axis, x.shape.length))
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
