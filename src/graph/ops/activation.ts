/** Activation functions and softmax. SiLU and quick-GELU appear as exporters write them: Mul and Sigmoid. */
import { type Builder, float } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type GradientView, type NodeView, type Operator } from '../operator.js'
import { add, div, indicator, likeFirst, mul, neg, scale, shift, singleScope, sub, sum } from './common.js'

type Rule = (b: Builder, x: Value, y: Value, g: Value, node: GradientView) => Value

const activation = (op: string, rule: Rule): Operator => ({
  op,
  types: likeFirst,
  gradient: (node) => [rule(node.builder, node.input(0), node.outputs[0]!, node.cotangent, node)],
})

const positive = (b: Builder, x: Value) => indicator(b, b.emit('Greater', [x, b.scalar(x.dtype, 0)]), x.dtype)
/** value − x */
const minus = (b: Builder, value: number, x: Value) => sub(b, b.scalar(x.dtype, value), x)
const sigmoid = (b: Builder, x: Value) => b.emit('Sigmoid', [x])
/** slope + (1 − slope)·[x > 0] */
const slopes = (b: Builder, x: Value, slope: number) => shift(b, scale(b, positive(b, x), 1 - slope), slope)

/** Φ(x) + x·φ(x) for the exact GELU; the derivative of x·(1 + tanh u)/2, u = √(2/π)(x + 0.044715x³), for the other. */
const gelu: Rule = (b, x, _y, g, node) => {
  if (node.string('approximate', 'none') === 'none') {
    const cumulative = scale(b, shift(b, b.emit('Erf', [scale(b, x, Math.SQRT1_2)]), 1), 0.5)
    const density = scale(b, b.emit('Exp', [scale(b, mul(b, x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI))
    return mul(b, g, add(b, cumulative, mul(b, x, density)))
  }
  const square = mul(b, x, x)
  const root = Math.sqrt(2 / Math.PI)
  const t = b.emit('Tanh', [scale(b, mul(b, x, shift(b, scale(b, square, 0.044715), 1)), root)])
  const inner = scale(b, shift(b, scale(b, square, 3 * 0.044715), 1), root)
  const rest = mul(b, mul(b, x, inner), shift(b, neg(b, mul(b, t, t)), 1))
  return mul(b, g, scale(b, add(b, shift(b, t, 1), rest), 0.5))
}

const axisOf = (node: NodeView) => fromFront(node.integer('axis', -1), node.input(0).shape.length)

export const activations: readonly Operator[] = [
  activation('Sigmoid', (b, _x, y, g) => mul(b, g, mul(b, y, minus(b, 1, y)))),
  activation('Tanh', (b, _x, y, g) => mul(b, g, minus(b, 1, mul(b, y, y)))),
  activation('Relu', (b, _x, y, g) => mul(b, g, positive(b, y))),
  activation('LeakyRelu', (b, x, _y, g, node) => mul(b, g, slopes(b, x, node.float('alpha', 0.01)))),
  // y + alpha is the derivative alpha·exp(x) on the negative side.
  activation('Elu', (b, x, y, g, node) => {
    const one = b.scalar(x.dtype, 1)
    return mul(
      b,
      g,
      b.emit('Where', [b.emit('Greater', [x, b.scalar(x.dtype, 0)]), one, shift(b, y, node.float('alpha', 1))]),
    )
  }),
  activation('Softplus', (b, x, _y, g) => mul(b, g, sigmoid(b, x))),
  activation('HardSigmoid', (b, _x, y, g, node) => {
    const inside = mul(b, positive(b, y), positive(b, shift(b, neg(b, y), 1)))
    return mul(b, g, scale(b, inside, node.float('alpha', 0.2)))
  }),
  // x·clip(x/6 + 1/2, 0, 1)
  activation('HardSwish', (b, x, _y, g) => {
    const gate = b.emit('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) })
    const inside = mul(b, positive(b, gate), positive(b, shift(b, neg(b, gate), 1)))
    return mul(b, g, add(b, gate, scale(b, mul(b, x, inside), 1 / 6)))
  }),
  activation('Erf', (b, x, _y, g) =>
    mul(b, g, scale(b, b.emit('Exp', [neg(b, mul(b, x, x))]), 2 / Math.sqrt(Math.PI))),
  ),
  activation('Gelu', gelu),
  activation('Softmax', ({ within }, _x, y, g, node) => {
    const b = within(singleScope)
    const weighted = mul(b, g, y)
    return sub(b, weighted, mul(b, y, sum(b, weighted, [axisOf(node)])))
  }),
  activation('LogSoftmax', ({ within }, _x, y, g, node) => {
    const b = within(singleScope)
    return sub(b, g, mul(b, b.emit('Exp', [y]), sum(b, g, [axisOf(node)])))
  }),
  activation('LpNormalization', (b, x, y, g, node) => {
    // p = 2: (g − y·Σ g y)/‖x‖; p = 1: (g − sign-weighted)/‖x‖₁
    const axis = axisOf(node)
    const axes = b.indices([axis])
    const two = node.integer('p', 2) === 2
    const length = b.emit(two ? 'ReduceL2' : 'ReduceL1', [x, axes], { keepdims: 1 })
    const along = sum(b, mul(b, g, y), [axis])
    return div(b, sub(b, g, mul(b, two ? y : b.emit('Sign', [x]), along)), length)
  }),
]
