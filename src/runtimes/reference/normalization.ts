/** Normalizations and softmax: every group of entries is scaled by its own statistics. */
import {
  arrayOf,
  broadcastReader,
  frontAxis,
  groupsAlong,
  type Kernel,
  type NumericArray,
  ofOne,
  required,
  reshaped,
} from './array.js'

interface Statistics {
  readonly mean: number
  /** 1/√(variance + epsilon), variance over all entries of the group. */
  readonly scale: number
}

function statistics(values: readonly number[], epsilon: number): Statistics {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
  return { mean, scale: 1 / Math.sqrt(variance + epsilon) }
}

/** (x − mean)·scale within groups that run along `axes`. */
function standardized(
  x: NumericArray,
  axes: readonly number[],
  epsilon: number,
): { y: NumericArray; groups: Statistics[] } {
  const data = new Float64Array(x.data.length)
  const groups = groupsAlong(x.shape, axes).map((group) => {
    const found = statistics(
      group.map((offset) => x.data[offset]!),
      epsilon,
    )
    for (const offset of group) data[offset] = (x.data[offset]! - found.mean) * found.scale
    return found
  })
  return { y: { ...x, data }, groups }
}

/** Axes from the given one to the last. */
const axesFrom = (x: NumericArray, first: number) => [...x.shape.keys()].slice(first)

/** x·scale + bias, both indexed by channel (axis 1). */
const perChannel = (x: NumericArray, scale: NumericArray, bias: NumericArray): NumericArray =>
  arrayOf(x.dtype, x.shape, ([, channel], flat) => x.data[flat]! * scale.data[channel!]! + bias.data[channel!]!)

const instance: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const { y } = standardized(x, axesFrom(x, 2), attributes.float('epsilon', 1e-5))
  return [perChannel(y, required(inputs, 1), required(inputs, 2))]
}

/** Statistics over num_groups equal parts of the channels; scale and bias per channel, as of operator set 21. */
const group: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const [batch, channels, ...sizes] = x.shape as [number, number, ...number[]]
  const count = attributes.integer('num_groups', 1)
  const split = reshaped(x, [batch, count, channels / count, ...sizes])
  const { y } = standardized(split, axesFrom(split, 2), attributes.float('epsilon', 1e-5))
  return [perChannel(reshaped(y, x.shape), required(inputs, 1), required(inputs, 2))]
}

/** Results: the array, then mean and inverse standard deviation of each group. */
const layer: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const first = frontAxis(attributes.integer('axis', -1), x.shape.length)
  const { y, groups } = standardized(x, axesFrom(x, first), attributes.float('epsilon', 1e-5))
  const scale = broadcastReader(required(inputs, 1))
  const bias = inputs[2] ? broadcastReader(inputs[2]) : () => 0
  const shape = x.shape.map((size, axis) => (axis < first ? size : 1))
  return [
    arrayOf(x.dtype, x.shape, (index, flat) => y.data[flat]! * scale(index) + bias(index)),
    { dtype: x.dtype, shape, data: Float64Array.from(groups, ({ mean }) => mean) },
    { dtype: x.dtype, shape, data: Float64Array.from(groups, (found) => found.scale) },
  ]
}

/** With the given statistics, as at inference: inputs are x, scale, bias, mean, variance. */
const batchInference: Kernel = (inputs, attributes) => {
  const epsilon = attributes.float('epsilon', 1e-5)
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => required(inputs, i).data)
  return [
    arrayOf(required(inputs, 0).dtype, required(inputs, 0).shape, ([, channel], flat) => {
      const c = channel!
      return ((x![flat]! - mean![c]!) / Math.sqrt(variance![c]! + epsilon)) * scale![c]! + bias![c]!
    }),
  ]
}

/** f of the entries along one axis, in place of them. */
const along = (f: (values: readonly number[], p: number) => readonly number[]): Kernel =>
  ofOne((x, attributes) => {
    const axis = frontAxis(attributes.integer('axis', -1), x.shape.length)
    const data = new Float64Array(x.data.length)
    for (const offsets of groupsAlong(x.shape, [axis])) {
      const results = f(
        offsets.map((offset) => x.data[offset]!),
        attributes.integer('p', 2),
      )
      offsets.forEach((offset, i) => {
        data[offset] = results[i]!
      })
    }
    return { ...x, data }
  })

/** ln Σ eᵛ, without overflow. */
function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values)
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}

const logSoftmax = (values: readonly number[]) => {
  const total = logSumExp(values)
  return values.map((value) => value - total)
}

export const normalizations: Readonly<Record<string, Kernel>> = {
  InstanceNormalization: instance,
  GroupNormalization: group,
  LayerNormalization: layer,
  BatchNormalization: batchInference,
  LpNormalization: along((values, p) => {
    const length = values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p)
    return values.map((value) => value / length)
  }),
  Softmax: along((values) => logSoftmax(values).map(Math.exp)),
  LogSoftmax: along(logSoftmax),
}
