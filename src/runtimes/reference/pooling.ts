/** MaxPool, AveragePool and their global forms, in one to three dimensions. */
import { sizeOf } from '../../math/tensor.js'
import {
  type Attributes,
  arrayOf,
  eachIndex,
  groupsAlong,
  type Kernel,
  type NumericArray,
  ofOne,
  required,
  unsupported,
} from './array.js'
import { windowAxes, windowCount } from './window.js'

interface Window {
  /** Offsets in the input of the taps that lie inside it, in row-major order. */
  readonly inside: readonly number[]
  /** How many taps lie inside the input or its padding. */
  readonly padded: number
}

/** The result of `f` on every window of every channel. */
function eachWindow(x: NumericArray, attributes: Attributes, f: (window: Window) => number): NumericArray {
  const sizes = x.shape.slice(2)
  const kernel = attributes.integers('kernel_shape') ?? []
  const axes = windowAxes(attributes, sizes, kernel)
  const ceil = attributes.integer('ceil_mode', 0) !== 0
  const windows = axes.map((axis, i) => windowCount(axis, sizes[i]!, ceil))
  const area = sizeOf(sizes)
  return arrayOf(x.dtype, [...x.shape.slice(0, 2), ...windows], ([n, c, ...window]) => {
    const start = (n! * x.shape[1]! + c!) * area
    const inside: number[] = []
    let padded = 0
    eachIndex(kernel, (tap) => {
      const place = axes.map((axis, i) => window[i]! * axis.stride + tap[i]! * axis.dilation - axis.begin)
      if (place.every((p, i) => p < sizes[i]! + axes[i]!.end)) padded++
      if (place.every((p, i) => p >= 0 && p < sizes[i]!)) {
        inside.push(start + place.reduce((offset, p, i) => offset * sizes[i]! + p, 0))
      }
    })
    return f({ inside, padded })
  })
}

/** The second result is where each maximum was found: offsets in the whole input, the first of equal ones. */
const maxPool: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  if (attributes.integer('storage_order', 0) !== 0) throw unsupported('MaxPool with column-major indices')
  const best = ({ inside }: Window) => inside.reduce((a, b) => (x.data[b]! > x.data[a]! ? b : a))
  const indices = { ...eachWindow(x, attributes, best), dtype: 'int64' as const }
  return [{ ...indices, dtype: x.dtype, data: indices.data.map((offset) => x.data[offset]!) }, indices]
}

const averagePool = ofOne((x, attributes) => {
  const countPadding = attributes.integer('count_include_pad', 0) !== 0
  return eachWindow(x, attributes, ({ inside, padded }) => {
    const sum = inside.reduce((total, offset) => total + x.data[offset]!, 0)
    return sum / (countPadding ? padded : inside.length)
  })
})

const global = (f: (values: readonly number[]) => number): Kernel =>
  ofOne((x) => {
    const spatial = [...x.shape.keys()].slice(2)
    const groups = groupsAlong(x.shape, spatial)
    return {
      dtype: x.dtype,
      shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)),
      data: Float64Array.from(groups, (group) => f(group.map((offset) => x.data[offset]!))),
    }
  })

export const pooling: Readonly<Record<string, Kernel>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: global((values) => values.reduce((a, b) => a + b, 0) / values.length),
  GlobalMaxPool: global((values) => Math.max(...values)),
}
