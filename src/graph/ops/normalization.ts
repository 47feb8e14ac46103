/**
 * Normalisations. With x̂ = (x − mean)/deviation over some axes and h the cotangent of x̂, the cotangent of x is
 * (h − mean(h) − x̂·mean(h·x̂))/deviation. Means, never sums: they stay accurate in float32.
 */
import { expected } from '../../core/errors.js'
import { type Builder, float } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type GradientView, type NodeView, type Operator } from '../operator.js'
import { add, div, likeFirst, mean, mul, reshape, scale, shift, singleScope, sub, sum, unbroadcast } from './common.js'

interface Standardised {
  readonly normalized: Value
  readonly deviation: Value
}

function standardise(b: Builder, x: Value, axes: readonly number[], epsilon: number): Standardised {
  const centred = sub(b, x, mean(b, x, axes))
  const deviation = b.emit('Sqrt', [shift(b, mean(b, mul(b, centred, centred), axes), epsilon)])
  return { normalized: div(b, centred, deviation), deviation }
}

function standardiseGradient(
  b: Builder,
  { normalized, deviation }: Standardised,
  h: Value,
  axes: readonly number[],
): Value {
  const along = mul(b, normalized, mean(b, mul(b, h, normalized), axes))
  return div(b, sub(b, sub(b, h, mean(b, h, axes)), along), deviation)
}

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
/** A per-channel vector in a shape that broadcasts against N × C × …. */
const perChannel = (b: Builder, vector: Value, rank: number) =>
  reshape(b, vector, [vector.shape[0]!, ...Array<number>(rank - 2).fill(1)])
const overChannels = (b: Builder, x: Value) => sum(b, x, [0, ...range(2, x.shape.length)], false)

/** One group per channel is InstanceNormalization. */
function groupGradient(node: GradientView, groups: number) {
  const { cotangent: g, needs } = node
  const b = node.builder.within(singleScope)
  const x = node.input(0)
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]]
  const grouped = [batch, groups, (channels / groups) * spatial.reduce((a, c) => a * c, 1)]
  const parts = standardise(b, reshape(b, x, grouped), [2], node.float('epsilon', 1e-5))
  const isPlain = node.known(1)?.every((weight) => weight === 1)
  const weighted = isPlain ? g : mul(b, g, perChannel(b, node.input(1), x.shape.length))
  const h = reshape(b, weighted, grouped)
  return [
    needs[0] ? reshape(b, standardiseGradient(b, parts, h, [2]), x.shape) : undefined,
    needs[1] ? overChannels(b, mul(b, g, reshape(b, parts.normalized, x.shape))) : undefined,
    needs[2] ? overChannels(b, g) : undefined,
  ]
}

/** The axes of the first input from `axis` on. */
export const layerAxes = (node: NodeView): readonly number[] =>
  range(fromFront(node.integer('axis', -1), node.input(0).shape.length), node.input(0).shape.length)

function layerGradient(node: GradientView) {
  const { cotangent: g, needs } = node
  const b = node.builder.within(singleScope)
  if (node.cotangents[1] || node.cotangents[2]) {
    throw expected(
      'unsupported',
      'only the first output in use',
      `the gradient of LayerNormalization \`${node.name}\``,
      'its mean or deviation',
      'Compute the statistics with ReduceMean.',
    )
  }
  const axes = layerAxes(node)
  const parts = standardise(b, node.input(0), axes, node.float('epsilon', 1e-5))
  return [
    needs[0] ? standardiseGradient(b, parts, mul(b, g, node.input(1)), axes) : undefined,
    needs[1] ? unbroadcast(b, mul(b, g, parts.normalized), node.input(1).shape) : undefined,
    needs[2] ? unbroadcast(b, g, node.input(2).shape) : undefined,
  ]
}

/** In inference: (x − mean)·scale/√(variance + ε) + bias with all four fixed per channel. */
function batchGradient(node: GradientView) {
  const { builder: b, cotangent: g, needs } = node
  const rank = node.input(0).shape.length
  const [weight, , average, variance] = [1, 2, 3, 4].map((i) => perChannel(b, node.input(i), rank)) as [
    Value,
    Value,
    Value,
    Value,
  ]
  const deviation = b.emit('Sqrt', [shift(b, variance, node.float('epsilon', 1e-5))])
  const scaled = div(b, g, deviation)
  const centred = sub(b, node.input(0), average)
  const statistic = (value: Value, i: number) => reshape(b, overChannels(b, value), node.input(i).shape)
  return [
    needs[0] ? mul(b, scaled, weight) : undefined,
    needs[1] ? statistic(mul(b, scaled, centred), 1) : undefined,
    needs[2] ? statistic(g, 2) : undefined,
    needs[3] ? statistic(scale(b, mul(b, scaled, weight), -1), 3) : undefined,
    needs[4]
      ? statistic(scale(b, div(b, mul(b, mul(b, scaled, weight), centred), mul(b, deviation, deviation)), -0.5), 4)
      : undefined,
  ]
}

export const normalizations: readonly Operator[] = [
  { op: 'InstanceNormalization', types: likeFirst, gradient: (node) => groupGradient(node, node.input(0).shape[1]!) },
  {
    op: 'GroupNormalization',
    types: likeFirst,
    gradient: (node) => groupGradient(node, node.integer('num_groups', 1)),
  },
  {
    op: 'LayerNormalization',
    types: (node) => {
      const reduced = node.input(0).shape.map((size, i) => (layerAxes(node).includes(i) ? 1 : size))
      const statistics = { dtype: node.input(0).dtype, shape: reduced }
      return [...likeFirst(node), statistics, statistics]
    },
    gradient: layerGradient,
  },
  { op: 'BatchNormalization', types: likeFirst, gradient: batchGradient },
]

/**
 * Group normalisation as ONNX Runtime runs it fastest: InstanceNormalization over groups, then scale and bias.
 * y = x̂·weight + bias with x̂ normalised over each group's channels and places. x: N × C × …; weight, bias: C.
 */
export function groupNorm(b: Builder, x: Value, weight: Value, bias: Value, groups: number, epsilon: number): Value {
  const ones = b.constant(x.dtype, [groups], Array<number>(groups).fill(1))
  const none = b.constant(x.dtype, [groups], Array<number>(groups).fill(0))
  const count = x.shape.reduce((a, c) => a * c, 1)
  const grouped = reshape(b, x, [x.shape[0]!, groups, count / x.shape[0]! / groups])
  const normalized = reshape(
    b,
    b.emit('InstanceNormalization', [grouped, ones, none], { epsilon: float(epsilon) }),
    x.shape,
  )
  return add(b, mul(b, normalized, perChannel(b, weight, x.shape.length)), perChannel(b, bias, x.shape.length))
}

/** x/√(mean(x²) + ε) over these axes, and the root. */
export function byRootMeanSquare(
  b: Builder,
  x: Value,
  axes: readonly number[],
  epsilon: number,
): { normal: Value; root: Value } {
  const root = b.emit('Sqrt', [shift(b, mean(b, mul(b, x, x), axes), epsilon)])
  return { normal: div(b, x, root), root }
}
