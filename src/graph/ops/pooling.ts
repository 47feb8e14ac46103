/** Pooling and nearest or linear resizing. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import type { GradientView, NodeView, Operator } from '../operator.js'
import { div, expand, indicator, mul, reshape, scale, sliceAxes, sum, transpose } from './common.js'
import { positions, windowOf } from './convolution.js'
import { matmul } from './matmul.js'

function poolWindow(node: NodeView) {
  const { shape } = node.input(0)
  return windowOf(node, node.integers('kernel_shape') ?? [], shape.slice(2))
}

function poolTypes(node: NodeView) {
  const { dtype, shape } = node.input(0)
  const type = {
    dtype,
    shape: [...shape.slice(0, 2), ...positions(shape.slice(2), poolWindow(node), node.integer('ceil_mode', 0) === 1)],
  }
  return [type, { dtype: 'int64' as const, shape: type.shape }]
}

/** Every place gets its share of each window it stands in: a transposed convolution with ones, channel by channel. */
function averageGradient(node: GradientView) {
  const b = node.builder
  const x = node.input(0)
  const window = poolWindow(node)
  if (node.integer('ceil_mode', 0)) {
    throw expected(
      'unsupported',
      'ceil_mode 0',
      `the gradient of AveragePool \`${node.name}\``,
      'ceil_mode 1',
      'Export it with explicit pads.',
    )
  }
  const { kernel, strides, dilations, pads } = window
  const rank = kernel.length
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]]
  const places = node.cotangent.shape.slice(2)
  const images = (value: Value, size: readonly number[]) => reshape(b, value, [batch * channels, 1, ...size])
  const ones = b.constant(x.dtype, [1, 1, ...kernel], Array<number>(kernel.reduce((p, c) => p * c, 1)).fill(1))
  const spread = (value: Value) => {
    const natural = kernel.map(
      (size, i) => (places[i]! - 1) * strides[i]! + (size - 1) * dilations[i]! + 1 - pads[i]! - pads[i + rank]!,
    )
    return b.emit('ConvTranspose', [value, ones], {
      kernel_shape: kernel,
      strides,
      dilations,
      pads,
      output_padding: natural.map((size, i) => spatial[i]! - size),
    })
  }
  const includePads = node.integer('count_include_pad', 0) === 1 || pads.every((p) => p === 0)
  const total = kernel.reduce((p, c) => p * c, 1)
  if (includePads) return [reshape(b, scale(b, spread(images(node.cotangent, places)), 1 / total), x.shape)]
  const inside = expand(b, b.scalar(x.dtype, 1), [1, 1, ...spatial])
  const counts = b.emit('Conv', [inside, ones], { kernel_shape: kernel, strides, dilations, pads })
  return [reshape(b, spread(div(b, images(node.cotangent, places), counts)), x.shape)]
}

/** Scatters the cotangent to the places that MaxPool's second output names. */
function maxGradient(node: GradientView) {
  const b = node.builder
  const x = node.input(0)
  const { kernel, strides, dilations, pads } = poolWindow(node)
  const [, places] = b.emitAll(
    'MaxPool',
    [x],
    { kernel_shape: kernel, strides, dilations, pads, ceil_mode: node.integer('ceil_mode', 0) },
    { outputs: 2 },
  )
  const size = x.shape.reduce((p, c) => p * c, 1)
  const flat = b.indices([-1])
  const zeros = expand(b, b.scalar(x.dtype, 0), [size])
  const scattered = b.emit(
    'ScatterElements',
    [zeros, b.emit('Reshape', [places, flat]), b.emit('Reshape', [node.cotangent, flat])],
    { axis: 0, reduction: 'add' },
  )
  return [reshape(b, scattered, x.shape)]
}

const spatialAxes = (value: Value) => [...value.shape.keys()].slice(2)
const globalTypes = (node: NodeView) => {
  const { dtype, shape } = node.input(0)
  return [{ dtype, shape: shape.map((size, i) => (i < 2 ? size : 1)) }]
}

function resizeTypes(node: NodeView) {
  const { dtype, shape } = node.input(0)
  const sizes = node.inputs[3] && node.constant(3)
  const scales = node.inputs[2] && node.inputs[2].shape[0] !== 0 ? node.constant(2) : undefined
  const axes = node.integers('axes')
  const policy = node.string('keep_aspect_ratio_policy', 'stretch')
  if (axes || policy !== 'stretch' || !(sizes ?? scales)) {
    throw expected(
      'unsupported',
      'constant sizes or scales for every axis',
      `Resize \`${node.name}\``,
      axes ? 'axes' : policy,
      'Export it with fixed sizes.',
    )
  }
  return [{ dtype, shape: shape.map((size, i) => (sizes ? sizes[i]! : Math.floor(size * scales![i]!))) }]
}

/** More numbers than any honest resize needs: an axis from 4096 to 8192 places. */
const largestMatrix = 2 ** 25

/** Where place i of the output lies among the places of the input, along one axis. */
function sourceOf(node: NodeView, input: number, output: number, axis: number): (i: number) => number {
  const coordinates = node.string('coordinate_transformation_mode', 'half_pixel')
  const given = node.inputs[3] ? undefined : node.known(2)
  const ratio = given ? given[axis]! : output / input
  return (i) => {
    if (coordinates === 'asymmetric') return i / ratio
    if (coordinates === 'align_corners') return output === 1 ? 0 : (i * (input - 1)) / (output - 1)
    if (coordinates === 'half_pixel' || (coordinates === 'pytorch_half_pixel' && output > 1))
      return (i + 0.5) / ratio - 0.5
    if (coordinates === 'pytorch_half_pixel') return 0
    throw expected(
      'unsupported',
      'a usual coordinate mode',
      `the gradient of Resize \`${node.name}\``,
      coordinates,
      'Export it with half_pixel or asymmetric.',
    )
  }
}

/** The place of the input that place i of the output is nearest to. */
function nearestOf(node: NodeView, input: number, output: number, axis: number): (i: number) => number {
  const rounding = node.string('nearest_mode', 'round_prefer_floor')
  const source = sourceOf(node, input, output, axis)
  const rounded = (x: number): number => {
    if (rounding === 'floor') return Math.floor(x)
    if (rounding === 'ceil') return Math.ceil(x)
    return rounding === 'round_prefer_floor' ? Math.ceil(x - 0.5) : Math.floor(x + 0.5)
  }
  return (i) => Math.min(Math.max(rounded(source(i)), 0), input - 1)
}

function checkMatrix(node: NodeView, input: number, output: number): void {
  if (input * output <= largestMatrix) return
  throw expected(
    'unsupported',
    `a matrix of at most ${largestMatrix} numbers`,
    `the gradient of Resize \`${node.name}\``,
    `${output} × ${input}`,
    'Use a smaller image, or enlarge by a whole number.',
  )
}

/** What resizing does along one axis, as an out × in matrix of weights, row by row. */
function resizeMatrix(node: NodeView, input: number, output: number, axis: number): Float64Array {
  const mode = node.string('mode', 'nearest')
  if (mode !== 'nearest' && mode !== 'linear') {
    throw expected(
      'unsupported',
      'nearest or linear',
      `the gradient of Resize \`${node.name}\``,
      mode,
      'Export it with another mode.',
    )
  }
  checkMatrix(node, input, output)
  const weights = new Float64Array(output * input)
  const source = sourceOf(node, input, output, axis)
  const nearest = nearestOf(node, input, output, axis)
  const clamp = (i: number) => Math.min(Math.max(i, 0), input - 1)
  for (let i = 0; i < output; i++) {
    const row = i * input
    if (mode === 'nearest') weights[row + nearest(i)] = 1
    else {
      const x = source(i)
      const low = Math.floor(x)
      weights[row + clamp(low)]! += 1 - (x - low)
      weights[row + clamp(low + 1)]! += x - low
    }
  }
  return weights
}

/** A whole-number nearest enlargement: every entry stands `factors` times. */
export function repeats(
  node: NodeView,
  input: readonly number[],
  output: readonly number[],
): readonly number[] | undefined {
  const factors = output.map((size, i) => size / input[i]!)
  if (node.string('mode', 'nearest') !== 'nearest' || !factors.every(Number.isInteger)) return undefined
  const plain = input.every((size, axis) => {
    const factor = factors[axis]!
    if (factor === 1) return true
    const nearest = nearestOf(node, size, output[axis]!, axis)
    for (let i = 0; i < output[axis]!; i++) if (nearest(i) !== Math.floor(i / factor)) return false
    return true
  })
  return plain ? factors : undefined
}

function resizeGradient(node: GradientView) {
  const b = node.builder
  const x = node.input(0)
  const factors = repeats(node, x.shape, node.cotangent.shape)
  if (factors && x.shape.length > 2 && factors[0] === 1 && factors[1] === 1) {
    const kernel = factors.slice(2)
    const pooled = b.emit('AveragePool', [node.cotangent], { kernel_shape: kernel, strides: kernel })
    return [
      scale(
        b,
        pooled,
        kernel.reduce((product, factor) => product * factor, 1),
      ),
    ]
  }
  // One axis after another: move it last and multiply by its matrix.
  return [
    x.shape.reduce((g, size, axis) => {
      const output = node.cotangent.shape[axis]!
      if (output === size) return g
      const weights = b.constant(x.dtype, [output, size], resizeMatrix(node, size, output, axis))
      const order = [...x.shape.keys()].filter((i) => i !== axis).concat(axis)
      const back = order.map((_, i) => order.indexOf(i))
      return transpose(b, matmul(b, transpose(b, g, order), weights), back)
    }, node.cotangent),
  ]
}

export const pooling: readonly Operator[] = [
  { op: 'AveragePool', types: (node) => poolTypes(node).slice(0, 1), gradient: averageGradient },
  { op: 'MaxPool', types: poolTypes, gradient: maxGradient },
  {
    op: 'GlobalAveragePool',
    types: globalTypes,
    gradient: ({ builder: b, cotangent, input }) => {
      const x = input(0)
      const count = x.shape.slice(2).reduce((p, c) => p * c, 1)
      return [expand(b, scale(b, cotangent, 1 / count), x.shape)]
    },
  },
  {
    op: 'GlobalMaxPool',
    types: globalTypes,
    gradient: ({ builder: b, cotangent, input, outputs }) => {
      const attained = indicator(b, b.emit('Equal', [input(0), outputs[0]!]), cotangent.dtype)
      return [mul(b, attained, div(b, cotangent, sum(b, attained, spatialAxes(input(0)))))]
    },
  },
  { op: 'Resize', types: resizeTypes, gradient: resizeGradient },
]

/** Nearest enlargement of the last two axes by a whole number. */
export const upsampleNearest = (b: Builder, x: Value, factor: number): Value =>
  b.emit('Resize', [x, undefined, b.constant('float32', [x.shape.length], enlarged(x.shape.length, factor))], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
const enlarged = (rank: number, factor: number) => [...Array<number>(rank - 2).fill(1), factor, factor]

/**
 * Nearest enlargement of the last two axes from n to m = 2n or 2n − 1 places, as torch's `interpolate` to a size: place i
 * is place ⌊i·n/m⌋ of x, which is ⌊i/2⌋ for both.
 */
export const doubleNearest = (b: Builder, x: Value, sides: readonly number[]): Value =>
  sliceAxes(b, upsampleNearest(b, x, 2), [2, 3], [0, 0], sides)
