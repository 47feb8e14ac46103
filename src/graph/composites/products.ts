/**
 * ONNX Runtime's products and convolutions that are fused with transposes, factors, sums and activations.
 *
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { type Builder, float } from '../emit.js'
import type { Value } from '../graph.js'
import type { NodeView } from '../operator.js'
import { add, mul, scale, slice, swapLast, transpose } from '../ops/common.js'
import { conv, windowOf } from '../ops/convolution.js'
import { matmul } from '../ops/matmul.js'
import { channelsFirst, channelsLast } from './channels.js'
import { type Composite, unsupportedForm } from './composite.js'

/** First, where `batch` is set, the first axis goes before the last; then, where `last` is set, the last two change places. */
function turned(b: Builder, x: Value, batch: boolean, last: boolean): Value {
  const rank = x.shape.length
  if (rank < 2) return x
  const order = [...Array(rank - 2).keys()].map((axis) => axis + 1).concat(0, rank - 1)
  const moved = batch ? transpose(b, x, order) : x
  return last ? swapLast(b, moved) : moved
}

/** alpha·A′·B′ with factors that are transposed where the node says so. */
export const fusedMatMul: Composite = (b, node) => {
  const flag = (name: string) => node.integer(name, 0) === 1
  const x = turned(b, node.input(0), flag('transBatchA'), flag('transA'))
  const y = turned(b, node.input(1), flag('transBatchB'), flag('transB'))
  return [scale(b, matmul(b, x, y), node.float('alpha', 1))]
}

/** The activation that a node names, with up to three parameters. */
function activated(b: Builder, node: NodeView, x: Value, parameters: readonly (number | undefined)[]): Value {
  const activation = node.string('activation', '')
  const [first, second] = parameters
  switch (activation) {
    case '':
      return x
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
    case 'Softplus':
      return b.emit(activation, [x])
    case 'LeakyRelu':
    case 'Elu':
      return b.emit(activation, [x], { alpha: first === undefined ? undefined : float(first) })
    case 'HardSigmoid':
      return b.emit(activation, [x], {
        alpha: first === undefined ? undefined : float(first),
        beta: second === undefined ? undefined : float(second),
      })
    case 'Clip':
      return b.emit('Clip', [
        x,
        ...[first, second].map((bound) => (bound === undefined ? undefined : b.scalar(x.dtype, bound))),
      ])
    default:
      throw unsupportedForm(node, 'a known activation', `\`${activation}\``)
  }
}

/** activation(alpha·A′·B′ + beta·C). */
export const fusedGemm: Composite = (b, node) => {
  const product = b.emit('Gemm', [node.input(0), node.input(1), node.inputs[2]], {
    transA: node.integer('transA', 0),
    transB: node.integer('transB', 0),
    alpha: float(node.float('alpha', 1)),
    beta: float(node.float('beta', 1)),
  })
  const unset = Number.NaN
  const parameters = ['activation_alpha', 'activation_beta'].map((name) => node.float(name, unset))
  return [
    activated(
      b,
      node,
      product,
      parameters.map((value) => (Number.isNaN(value) ? undefined : value)),
    ),
  ]
}

/** activation(conv(x) + z). */
export const fusedConv: Composite = (b, node) => {
  const [x, weight] = [node.input(0), node.input(1)]
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2))
  const y = conv(b, x, weight, node.inputs[2], window)
  const [, , , z] = node.inputs
  return [activated(b, node, z ? add(b, y, z) : y, node.floats('activation_params') ?? [])]
}

/** A convolution of N × H × W × C by weights O × kH × kW × C, with an activation in the fused form. */
export const channelsLastConv: Composite = (b, node) => {
  const x = channelsFirst(b, node.input(0))
  const weight = channelsFirst(b, node.input(1))
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2))
  const y = channelsLast(b, conv(b, x, weight, node.inputs[2], window))
  const [, , , z] = node.inputs
  return [activated(b, node, z ? add(b, y, z) : y, node.floats('activation_params') ?? [])]
}

/** x + bias + skip. */
export const biasAdd: Composite = (b, node) => [add(b, add(b, node.input(0), node.input(1)), node.input(2))]

/** The first half of x + bias times GELU of the second. */
export const biasSplitGelu: Composite = (b, node) => {
  const sum = add(b, node.input(0), node.input(1))
  const [axis, size] = [sum.shape.length - 1, sum.shape.at(-1)!]
  const [gated, gate] = [slice(b, sum, axis, 0, size / 2), slice(b, sum, axis, size / 2, size)]
  return [mul(b, gated, b.emit('Gelu', [gate]))]
}
