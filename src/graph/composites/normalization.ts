/**
 * Normalisations that only some files have: by the root mean square, and ONNX Runtime's forms that are fused with the
 * sum before or the activation after, or have channels last.
 *
 * Sources: https://onnx.ai/onnx/operators/onnx__RMSNormalization.html,
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { type Builder, float } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type NodeView } from '../operator.js'
import { add, cast, div, mean, mul, reshape, shift, sub } from '../ops/common.js'
import { byRootMeanSquare, groupNorm, layerAxes } from '../ops/normalization.js'
import { channelsFirst, channelsLast } from './channels.js'
import { type Composite, unsupportedForm } from './composite.js'

/** y = x/√(mean(x²) + ε)·scale. */
export const rmsNormalization: Composite = (b, node) => {
  const { normal, root } = byRootMeanSquare(b, node.input(0), layerAxes(node), node.float('epsilon', 1e-5))
  return [mul(b, normal, node.input(1)), b.emit('Reciprocal', [root])]
}

/** input + skip + bias: the sum that the fused forms normalise. */
const skipped = (b: Builder, x: Value, skip: Value, bias: Value | undefined): Value =>
  bias ? add(b, add(b, x, skip), bias) : add(b, x, skip)

/** Layer normalisation of input + skip + bias; the fourth result is the sum. */
export const skipLayerNormalization: Composite = (b, node) => {
  const [, , , beta, bias] = node.inputs
  const sum = skipped(b, node.input(0), node.input(1), bias)
  const epsilon = float(node.float('epsilon', 1e-12))
  return [b.emit('LayerNormalization', [sum, node.input(2), beta], { axis: -1, epsilon }), undefined, undefined, sum]
}

/** The same by the root mean square. */
export const skipRmsNormalization: Composite = (b, node) => {
  const sum = skipped(b, node.input(0), node.input(1), node.inputs[3])
  const { normal } = byRootMeanSquare(b, sum, [sum.shape.length - 1], node.float('epsilon', 1e-12))
  return [mul(b, normal, node.input(2)), undefined, undefined, sum]
}

/** Group normalisation of x with scale and shift, then SiLU if the node says so; channels last unless it says first. */
function groups(b: Builder, node: NodeView, x: Value): Value {
  const isLast = node.integer('channels_last', 1) === 1
  const [scale, shift] = [cast(b, node.input(1), x.dtype), cast(b, node.input(2), x.dtype)]
  const first = isLast ? channelsFirst(b, x) : x
  const normal = groupNorm(b, first, scale, shift, node.integer('groups', 1), node.float('epsilon', 1e-5))
  const active = node.integer('activation', 0) ? mul(b, normal, b.emit('Sigmoid', [normal])) : normal
  return isLast ? channelsLast(b, active) : active
}

export const microsoftGroupNorm: Composite = (b, node) => [groups(b, node, node.input(0))]

/** Group normalisation of input + skip + bias; the second result is the sum. */
export const skipGroupNorm: Composite = (b, node) => {
  const x = node.input(0)
  if (node.integer('channels_last', 1) !== 1) throw unsupportedForm(node, 'channels_last 1', '0')
  const skip = node.input(3)
  const [batch = 1, , , channels = 1] = x.shape
  const added = skip.shape.length === 2 ? reshape(b, skip, [batch, 1, 1, channels]) : skip
  const sum = skipped(b, x, added, node.inputs[4])
  return [groups(b, node, sum), sum]
}

/** (x − mean)/(deviation + 10⁻⁹) over `axes`. */
export const meanVarianceNormalization: Composite = (b, node) => {
  const x = node.input(0)
  const axes = (node.integers('axes') ?? [0, 2, 3]).map((axis) => fromFront(axis, x.shape.length))
  const centred = sub(b, x, mean(b, x, axes))
  return [div(b, centred, shift(b, b.emit('Sqrt', [mean(b, mul(b, centred, centred), axes)]), 1e-9))]
}
