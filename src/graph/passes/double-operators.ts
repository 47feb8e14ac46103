/** Operators that ONNX Runtime cannot run in double precision on the CPU, written in terms of those that it can. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type NodeView } from '../operator.js'
import { dequantised } from '../ops/block-products.js'
import {
  add,
  cast,
  concat,
  dataTypeOfCode,
  div,
  expand,
  mean,
  mul,
  pad,
  reshape,
  scale,
  shift,
  sliceAxes,
  sub,
  swapLast,
  transpose,
} from '../ops/common.js'
import { offsetsOf, positions, windowOf } from '../ops/convolution.js'
import { matmul } from '../ops/matmul.js'
import { repeats } from '../ops/pooling.js'

/** No double-precision kernel in ONNX Runtime 1.30 (each was tried), and not written here either. */
export const withoutDouble: ReadonlySet<string> = new Set([
  'AveragePool',
  'ConvTranspose',
  'Elu',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'HardSigmoid',
  'HardSwish',
  'LeakyRelu',
  'MeanVarianceNormalization',
  'Mish',
  'OneHot',
  'Selu',
  'Softplus',
])

type Lowering = (b: Builder, node: NodeView) => Value

/**
 * A convolution as one matrix product, W·[x shifted by each offset of the kernel]: O × (k·C) times (k·C) × positions.
 */
const convolution: Lowering = (b, node) => {
  const [x, weight, bias] = [node.input(0), node.input(1), node.inputs[2]]
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]]
  const [outputs, , ...kernel] = weight.shape as [number, number, ...number[]]
  const window = windowOf(node, kernel, spatial)
  if (window.groups !== 1) throw noDouble(node, `${window.groups} groups`)
  const { pads, strides, dilations } = window
  const rank = kernel.length
  const padded = pad(b, x, [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)])
  const places = positions(spatial, window)
  const axes = kernel.map((_, i) => i + 2)
  const shifted = offsetsOf(kernel).map((offset) => {
    const starts = offset.map((o, i) => o * dilations[i]!)
    const ends = starts.map((start, i) => start + (places[i]! - 1) * strides[i]! + 1)
    return sliceAxes(b, padded, axes, starts, ends, strides)
  })
  const count = places.reduce((product, size) => product * size, 1)
  const columns = reshape(b, concat(b, shifted, 1), [batch, shifted.length * channels, count])
  const rows = reshape(b, transpose(b, weight, [0, ...axes, 1]), [outputs, shifted.length * channels])
  const product = reshape(b, matmul(b, rows, columns), [batch, outputs, ...places])
  return bias ? add(b, product, reshape(b, bias, [outputs, ...kernel.map(() => 1)])) : product
}

/** (x − mean)/√(variance + ε) over some axes. */
function normalized(b: Builder, x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = sub(b, x, mean(b, x, axes))
  const variance = mean(b, mul(b, centred, centred), axes)
  return div(b, centred, b.emit('Sqrt', [shift(b, variance, epsilon)]))
}

/** Over each channel's positions, then scale and shift. */
const instanceNormalization: Lowering = (b, node) => {
  const [x, weight, bias] = [node.input(0), node.input(1), node.input(2)]
  const spatial = [...x.shape.keys()].slice(2)
  const column = (value: Value) => reshape(b, value, [...value.shape, ...spatial.map(() => 1)])
  return add(b, mul(b, normalized(b, x, spatial, node.float('epsilon', 1e-5)), column(weight)), column(bias))
}

/** ONNX Runtime's own keeps mean and deviation, which gradients need, in 32 bits. */
const layerNormalization: Lowering = (b, node) => {
  const [x, weight, bias] = [node.input(0), node.input(1), node.inputs[2]]
  if (node.outputCount > 1) throw noDouble(node, 'mean and deviation as outputs')
  const axes = [...x.shape.keys()].slice(fromFront(node.integer('axis', -1), x.shape.length))
  const scaled = mul(b, normalized(b, x, axes, node.float('epsilon', 1e-5)), weight)
  return bias ? add(b, scaled, bias) : scaled
}

/** Beyond it erf is ±1 to the last digit of a double. */
const saturation = 6

/**
 * erf(x) = 2x/√π·∫₀¹ exp(−x²s²) ds by Gauss-Legendre quadrature. |x| is cut at 6; error below 2e-15.
 *
 * Source: the integral is the definition of erf after t = x·s.
 */
function errorFunction(b: Builder, x: Value): Value {
  const { nodes, weights } = gaussLegendre(quadraturePoints)
  const limit = (value: number) => b.scalar(x.dtype, value)
  const cut = b.emit('Clip', [x, limit(-saturation), limit(saturation)])
  const square = reshape(b, mul(b, cut, cut), [...x.shape, 1])
  const exponents = mul(
    b,
    square,
    b.constant(
      x.dtype,
      [quadraturePoints],
      nodes.map((s) => -s * s),
    ),
  )
  const column = b.constant(x.dtype, [quadraturePoints, 1], weights)
  const integral = reshape(b, matmul(b, b.emit('Exp', [exponents]), column), x.shape)
  return scale(b, mul(b, cut, integral), 2 / Math.sqrt(Math.PI))
}

const quadraturePoints = 32

/** Nodes and weights of Gauss-Legendre quadrature on [0, 1], by Newton's method on the Legendre polynomial. */
export function gaussLegendre(count: number): { readonly nodes: number[]; readonly weights: number[] } {
  const nodes: number[] = []
  const weights: number[] = []
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5))
    let slope = 1
    for (let turn = 0; turn < 50; turn++) {
      let [before, value] = [1, x]
      for (let n = 2; n <= count; n++) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n]
      slope = (count * (x * value - before)) / (x * x - 1)
      const step = value / slope
      x -= step
      if (Math.abs(step) < Number.EPSILON) break
    }
    nodes.push((1 + x) / 2)
    weights.push(1 / ((1 - x * x) * slope * slope))
  }
  return { nodes, weights }
}

/** ½x(1 + erf(x/√2)), or ½x(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
const gelu: Lowering = (b, node) => {
  const x = node.input(0)
  const isExact = node.string('approximate', 'none') === 'none'
  const cubic = () => mul(b, x, shift(b, scale(b, mul(b, x, x), 0.044715), 1))
  const cumulative = isExact
    ? errorFunction(b, scale(b, x, Math.SQRT1_2))
    : b.emit('Tanh', [scale(b, cubic(), Math.sqrt(2 / Math.PI))])
  return mul(b, scale(b, x, 0.5), shift(b, cumulative, 1))
}

/** ½ + ½·tanh(x/2): ONNX Runtime would fuse x·sigmoid(x) into an operator that it has in float32 only. */
const sigmoid: Lowering = (b, node) => shift(b, scale(b, b.emit('Tanh', [scale(b, node.input(0), 0.5)]), 0.5), 0.5)

/** Every entry repeated along each axis. */
const resize: Lowering = (b, node) => {
  const x = node.input(0)
  const output = resizeShape(node, x)
  const factors = repeats(node, x.shape, output)
  if (!factors) throw noDouble(node, 'a resize that does not repeat entries')
  const split = reshape(
    b,
    x,
    x.shape.flatMap((size) => [size, 1]),
  )
  return reshape(
    b,
    expand(
      b,
      split,
      x.shape.flatMap((size, i) => [size, factors[i]!]),
    ),
    output,
  )
}

function resizeShape(node: NodeView, x: Value): readonly number[] {
  const sizes = node.inputs[3] && node.constant(3)
  return sizes ?? x.shape.map((size, i) => Math.floor(size * node.constant(2)[i]!))
}

/** To a floating-point type: nothing to do. */
const conversion: Lowering = (b, node) => {
  const to = dataTypeOfCode(node.integer('to', 0))!
  return cast(b, node.input(0), /float/.test(to) ? 'float64' : to)
}

/** X·Wᵀ + bias with the matrix written out. */
const blockProduct: Lowering = (b, node) => {
  const product = matmul(b, node.input(0), swapLast(b, dequantised(b, node)))
  return node.inputs[5] ? add(b, product, node.inputs[5]) : product
}

const noDouble = (node: NodeView, got: string) =>
  expected(
    'unsupported',
    'a double-precision form',
    `${node.op} \`${node.name}\``,
    got,
    'Open it with a precision of 32.',
  )

/** How an operator is written. */
export const lowered: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ['Cast', conversion],
  ['com.microsoft.MatMulNBits', blockProduct],
  ['Conv', convolution],
  ['Erf', (b, node) => errorFunction(b, node.input(0))],
  ['Gelu', gelu],
  ['InstanceNormalization', instanceNormalization],
  ['LayerNormalization', layerNormalization],
  ['Resize', resize],
  ['Sigmoid', sigmoid],
])
