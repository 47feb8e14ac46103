/**
 * Operators of ai.onnx that are functions of others, one formula each.
 *
 * Source: https://onnx.ai/onnx/operators
 */
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type NodeView } from '../operator.js'
import { add, cast, div, mul, neg, reshape, scale, shift, sub } from '../ops/common.js'
import { type Composite, ofOneResult } from './composite.js'

type OfX = (b: Builder, x: Value, node: NodeView) => Value

const ofX = (write: OfX): Composite => ofOneResult((b, node) => write(b, node.input(0), node))

const zero = (b: Builder, x: Value) => b.scalar(x.dtype, 0)
const exp = (b: Builder, x: Value) => b.emit('Exp', [x])
const where = (b: Builder, condition: Value, x: Value, y: Value) => b.emit('Where', [condition, x, y])
const greater = (b: Builder, x: Value, bound: number) => b.emit('Greater', [x, b.scalar(x.dtype, bound)])
const less = (b: Builder, x: Value, bound: number) => b.emit('Less', [x, b.scalar(x.dtype, bound)])
const not = (b: Builder, x: Value) => b.emit('Not', [x])

/** x where x > 0, otherwise factor·(exp(x/width) − 1); the exponent is never positive. */
const exponentialBelowZero = (b: Builder, x: Value, factor: number, width: number): Value => {
  const below = scale(b, b.emit('Min', [x, zero(b, x)]), 1 / width)
  return where(b, greater(b, x, 0), x, scale(b, shift(b, exp(b, below), -1), factor))
}

const total = (b: Builder, node: NodeView): Value =>
  node.inputs.map((_, i) => node.input(i)).reduce((sum, x) => add(b, sum, x))

/** Σ over the node's axes with the node's `keepdims`. */
const reduced = (b: Builder, op: string, x: Value, node: NodeView, keepdims = node.integer('keepdims', 1)): Value =>
  b.emit(op, [x, node.inputs[1]], { keepdims, noop_with_empty_axes: node.integer('noop_with_empty_axes', 0) })

/** log Σ exp(x) = m + log Σ exp(x − m) with the largest m. */
const logSumExp: OfX = (b, x, node) => {
  const largest = reduced(b, 'ReduceMax', x, node, 1)
  const sum = b.emit('Log', [reduced(b, 'ReduceSum', exp(b, sub(b, x, largest)), node)])
  return add(b, sum, reshape(b, largest, sum.shape))
}

/** 1 at the first largest entry along the axis, 0 elsewhere. */
const hardmax: OfX = (b, x, node) => {
  const axis = fromFront(node.integer('axis', -1), x.shape.length)
  const largest = b.emit('ArgMax', [x], { axis, keepdims: 1 })
  const places = b.constant(
    'int64',
    x.shape.map((size, i) => (i === axis ? size : 1)),
    [...Array(x.shape[axis]!).keys()],
  )
  return cast(b, b.emit('Equal', [places, largest]), x.dtype)
}

export const functions: Readonly<Record<string, Composite>> = {
  CastLike: ofX((b, x, node) => cast(b, x, node.input(1).dtype)),
  Sum: ofOneResult(total),
  Mean: ofOneResult((b, node) => scale(b, total(b, node), 1 / node.inputs.length)),
  PRelu: ofX((b, x, node) => where(b, less(b, x, 0), mul(b, x, node.input(1)), x)),
  Selu: ofX((b, x, node) => {
    const factor = node.float('alpha', 1.6732632)
    return scale(b, exponentialBelowZero(b, x, factor, 1), node.float('gamma', 1.050701))
  }),
  Celu: ofX((b, x, node) => exponentialBelowZero(b, x, node.float('alpha', 1), node.float('alpha', 1))),
  Mish: ofX((b, x) => mul(b, x, b.emit('Tanh', [b.emit('Softplus', [x])]))),
  Softsign: ofX((b, x) => div(b, x, shift(b, b.emit('Abs', [x]), 1))),
  ThresholdedRelu: ofX((b, x, node) => where(b, greater(b, x, node.float('alpha', 1)), x, zero(b, x))),
  Shrink: ofX((b, x, node) => {
    const [bias, bound] = [node.float('bias', 0), node.float('lambd', 0.5)]
    const above = where(b, greater(b, x, bound), shift(b, x, -bias), zero(b, x))
    return where(b, less(b, x, -bound), shift(b, x, bias), above)
  }),
  Tan: ofX((b, x) => div(b, b.emit('Sin', [x]), b.emit('Cos', [x]))),
  Sinh: ofX((b, x) => scale(b, sub(b, exp(b, x), exp(b, neg(b, x))), 0.5)),
  Cosh: ofX((b, x) => scale(b, add(b, exp(b, x), exp(b, neg(b, x))), 0.5)),
  ReduceLogSum: ofX((b, x, node) => b.emit('Log', [reduced(b, 'ReduceSum', x, node)])),
  ReduceLogSumExp: ofX(logSumExp),
  Hardmax: ofX(hardmax),
  Xor: ofOneResult((b, node) => not(b, b.emit('Equal', [node.input(0), node.input(1)]))),
  IsNaN: ofX((b, x) => not(b, b.emit('Equal', [x, x]))),
  IsInf: ofX((b, x, node) => {
    const is = (sign: number) => b.emit('Equal', [x, b.scalar(x.dtype, sign * Number.POSITIVE_INFINITY)])
    const signs = [node.integer('detect_positive', 1) ? 1 : 0, node.integer('detect_negative', 1) ? -1 : 0]
    const found = signs.filter((sign) => sign !== 0).map(is)
    return found.length === 0 ? less(b, b.emit('Abs', [x]), 0) : found.reduce((x, y) => b.emit('Or', [x, y]))
  }),
}
