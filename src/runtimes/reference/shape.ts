/** Operators that move entries without changing them. */
import { broadcastShape } from '../../graph/operator.js'
import { sizeOf } from '../../math/tensor.js'
import {
  arrayOf,
  broadcastReader,
  frontAxis,
  type Kernel,
  moved,
  type NumericArray,
  numbersOf,
  offsetOf,
  ofOne,
  required,
  reshaped,
  stridesOf,
  unsupported,
} from './array.js'

/** 0 keeps the input's size unless `allowzero` is set; −1 is what remains. */
const reshape: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const zeros = attributes.integer('allowzero', 0) !== 0
  const wanted = [...required(inputs, 1).data].map((size, axis) => (size === 0 && !zeros ? x.shape[axis]! : size))
  const rest = x.data.length / sizeOf(wanted.filter((size) => size !== -1))
  return [
    reshaped(
      x,
      wanted.map((size) => (size === -1 ? rest : size)),
    ),
  ]
}

const flatten = ofOne((x, attributes) => {
  const axis = frontAxis(attributes.integer('axis', 1), x.shape.length)
  return reshaped(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))])
})

const transpose = ofOne((x, attributes) => {
  const order = attributes.integers('perm') ?? [...x.shape.keys()].reverse()
  const place = order.map((_, axis) => order.indexOf(axis))
  return moved(
    x,
    order.map((axis) => x.shape[axis]!),
    (index) => place.map((axis) => index[axis]!),
  )
})

const squeeze: Kernel = (inputs) => {
  const x = required(inputs, 0)
  const axes = numbersOf(inputs[1])?.map((axis) => frontAxis(axis, x.shape.length))
  return [
    reshaped(
      x,
      x.shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
    ),
  ]
}

const unsqueeze: Kernel = (inputs) => {
  const x = required(inputs, 0)
  const given = [...required(inputs, 1).data]
  const axes = given.map((axis) => frontAxis(axis, x.shape.length + given.length))
  const shape = [...x.shape]
  for (const axis of axes.sort((a, b) => a - b)) shape.splice(axis, 0, 1)
  return [reshaped(x, shape)]
}

const expand: Kernel = (inputs) => {
  const x = required(inputs, 0)
  return [arrayOf(x.dtype, broadcastShape(x.shape, [...required(inputs, 1).data]), broadcastReader(x))]
}

const tile: Kernel = (inputs) => {
  const x = required(inputs, 0)
  const repeats = required(inputs, 1).data
  return [
    moved(
      x,
      x.shape.map((size, axis) => size * repeats[axis]!),
      (index) => index.map((at, axis) => at % x.shape[axis]!),
    ),
  ]
}

/** numpy's x[start:end:step] on the named axes. */
const slice: Kernel = (inputs) => {
  const x = required(inputs, 0)
  const [starts, ends] = [[...required(inputs, 1).data], [...required(inputs, 2).data]]
  const axes = numbersOf(inputs[3]) ?? [...starts.keys()]
  const steps = numbersOf(inputs[4]) ?? starts.map(() => 1)
  const cuts = x.shape.map((size) => ({ start: 0, step: 1, count: size }))
  axes.forEach((given, i) => {
    const axis = frontAxis(given, x.shape.length)
    const size = x.shape[axis]!
    const step = steps[i]!
    const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1]
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest)
    const start = clamp(starts[i]!)
    cuts[axis] = { start, step, count: Math.max(0, Math.ceil((clamp(ends[i]!) - start) / step)) }
  })
  return [
    moved(
      x,
      cuts.map(({ count }) => count),
      (index) => index.map((at, axis) => cuts[axis]!.start + at * cuts[axis]!.step),
    ),
  ]
}

const concat: Kernel = (inputs, attributes) => {
  const parts = inputs.map((_, i) => required(inputs, i))
  const first = required(inputs, 0)
  const axis = frontAxis(attributes.integer('axis', 0), first.shape.length)
  const entries = parts.flatMap((part) => Array.from({ length: part.shape[axis]! }, (_, at) => ({ part, at })))
  return [
    arrayOf(first.dtype, first.shape.with(axis, entries.length), (index) => {
      const { part, at } = entries[index[axis]!]!
      return part.data[offsetOf(stridesOf(part.shape), index.with(axis, at))]!
    }),
  ]
}

/** Sizes are the second input, or equal parts of which the last may be smaller. */
const split: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const axis = frontAxis(attributes.integer('axis', 0), x.shape.length)
  const total = x.shape[axis]!
  const parts = attributes.integer('num_outputs', attributes.outputCount)
  const equal = Math.ceil(total / parts)
  const sizes = numbersOf(inputs[1]) ?? Array.from({ length: parts }, (_, i) => Math.min(equal, total - i * equal))
  return sizes.map((size, i) => {
    const start = sizes.slice(0, i).reduce((a, b) => a + b, 0)
    return moved(x, x.shape.with(axis, size), (index) => index.with(axis, start + index[axis]!))
  })
}

/** The entry that a place outside stands for; undefined for the constant. */
function padSource(mode: string, at: number, size: number): number | undefined {
  if (at >= 0 && at < size) return at
  switch (mode) {
    case 'constant':
      return undefined
    case 'edge':
      return at < 0 ? 0 : size - 1
    case 'wrap':
      return ((at % size) + size) % size
    case 'reflect':
      return padSource(mode, at < 0 ? -at : 2 * (size - 1) - at, size)
    default:
      throw unsupported(`Pad with mode ${mode}`)
  }
}

/** Inputs: x, pads (begins, then ends), constant, axes. Negative pads cut off. */
const pad: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const pads = [...required(inputs, 1).data]
  const fill = inputs[2]?.data[0] ?? 0
  const axes = (numbersOf(inputs[3]) ?? [...x.shape.keys()]).map((axis) => frontAxis(axis, x.shape.length))
  const mode = attributes.string('mode', 'constant')
  const padsOf = (axis: number) => {
    const i = axes.indexOf(axis)
    return i < 0 ? { begin: 0, end: 0 } : { begin: pads[i]!, end: pads[i + axes.length]! }
  }
  const sources = x.shape.map((size, axis) => {
    const { begin, end } = padsOf(axis)
    return Array.from({ length: size + begin + end }, (_, at) => padSource(mode, at - begin, size))
  })
  const strides = stridesOf(x.shape)
  return [
    arrayOf(
      x.dtype,
      sources.map((source) => source.length),
      (index) => {
        const from = index.map((at, axis) => sources[axis]![at])
        return from.every((at) => at !== undefined) ? x.data[offsetOf(strides, from)]! : fill
      },
    ),
  ]
}

/** Channel of depth that goes to place (y, x) of a block: (y, x, c) in DCR order, (c, y, x) in CRD. */
const depthToSpace = ofOne((x, attributes) => {
  const block = attributes.integer('blocksize', 1)
  const columnFirst = attributes.string('mode', 'DCR') === 'CRD'
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const depth = channels / block ** 2
  return moved(x, [batch, depth, height * block, width * block], (index) => {
    const [n, c, row, column] = index as [number, number, number, number]
    const place = (row % block) * block + (column % block)
    const channel = columnFirst ? c * block ** 2 + place : place * depth + c
    return [n, channel, Math.floor(row / block), Math.floor(column / block)]
  })
})

const spaceToDepth = ofOne((x, attributes) => {
  const block = attributes.integer('blocksize', 1)
  const [batch, depth, height, width] = x.shape as [number, number, number, number]
  return moved(x, [batch, depth * block ** 2, height / block, width / block], (index) => {
    const [n, channel, row, column] = index as [number, number, number, number]
    const place = Math.floor(channel / depth)
    return [n, channel % depth, row * block + Math.floor(place / block), column * block + (place % block)]
  })
})

/** The upper (default) or lower triangle of the last two axes; `k` moves the diagonal to the right. */
const triangle: Kernel = (inputs, attributes) => {
  const x: NumericArray = required(inputs, 0)
  const k = inputs[1]?.data[0] ?? 0
  const upper = attributes.integer('upper', 1) !== 0
  return [
    arrayOf(x.dtype, x.shape, (index, flat) => {
      const diagonal = index.at(-1)! - index.at(-2)!
      return (upper ? diagonal >= k : diagonal <= k) ? x.data[flat]! : 0
    }),
  ]
}

export const shapes: Readonly<Record<string, Kernel>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  Slice: slice,
  Concat: concat,
  Split: split,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: triangle,
}
