/** Operations that move numbers without changing them. Their cotangents move back. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { smallNumbers } from '../numbers.js'
import { broadcastShape, fromFront, type GradientView, type NodeView, type Operator } from '../operator.js'
import { concat, expand, pad, reshape, reverse, slice, sum, transpose, unbroadcast } from './common.js'
import { scatterAdd } from './gather.js'

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)
const typed = (node: NodeView, shape: readonly number[]) => [{ dtype: node.input(0).dtype, shape }]
const sameNumbers = (node: NodeView) => node.known(0)

/** The known numbers of the first input in another order: the entry at each index is read from another index. */
function movedNumbers(node: NodeView, shape: readonly number[], from: (index: readonly number[]) => readonly number[]) {
  const values = node.known(0)
  const source = node.input(0).shape
  const indexOf = (flat: number) => shape.map((size, axis) => Math.floor(flat / sizeOf(shape.slice(axis + 1))) % size)
  const entry = (flat: number) => values![from(indexOf(flat)).reduce((at, i, axis) => at * source[axis]! + i, 0)]!
  return values && Array.from({ length: sizeOf(shape) }, (_, flat) => entry(flat))
}

const reshapeBack = (node: GradientView) => [reshape(node.builder, node.cotangent, node.input(0).shape)]

function reshapedTo(node: NodeView): number[] {
  const from = node.input(0).shape
  const wanted = node.constant(1).map((size, i) => (size === 0 && !node.integer('allowzero', 0) ? from[i]! : size))
  const known = sizeOf(wanted.filter((size) => size !== -1))
  const shape = wanted.map((size) => (size === -1 ? sizeOf(from) / known : size))
  if (sizeOf(shape) !== sizeOf(from) || !shape.every(Number.isInteger)) {
    throw expected(
      'bad-model',
      `a shape of ${sizeOf(from)} entries`,
      `Reshape \`${node.name}\``,
      `[${wanted}]`,
      "The graph does not fit the input's size.",
    )
  }
  return shape
}

const permutation = (node: NodeView) => node.integers('perm') ?? [...node.input(0).shape.keys()].reverse()
const transposed = (node: NodeView) => permutation(node).map((axis) => node.input(0).shape[axis]!)

function unsqueezed(node: NodeView): number[] {
  const from = [...node.input(0).shape]
  const axes = node.constant(1)
  const rank = from.length + axes.length
  const inserted = axes.map((axis) => fromFront(axis, rank))
  return Array.from({ length: rank }, (_, i) => (inserted.includes(i) ? 1 : from.shift()!))
}

function squeezed(node: NodeView): number[] {
  const { shape } = node.input(0)
  const axes = node.inputs[1] ? node.constant(1).map((axis) => fromFront(axis, shape.length)) : undefined
  return shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1))
}

interface Cut {
  readonly axis: number
  readonly start: number
  readonly step: number
  readonly count: number
}

/** Slice's inputs, clamped as the specification says. */
function cutsOf(node: NodeView): Cut[] {
  const { shape } = node.input(0)
  const starts = node.constant(1)
  const ends = node.constant(2)
  const axes = node.inputs[3] ? node.constant(3) : starts.map((_, i) => i)
  const steps = node.inputs[4] ? node.constant(4) : starts.map(() => 1)
  return starts.map((_, i) => {
    const axis = fromFront(axes[i]!, shape.length)
    const size = shape[axis]!
    const step = steps[i]!
    const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high)
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1)
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1)
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) }
  })
}

function sliced(node: NodeView): number[] {
  const shape = [...node.input(0).shape]
  for (const { axis, count } of cutsOf(node)) shape[axis] = count
  return shape
}

/** Puts the cotangent of x[start::step] back among zeros. */
function cutBack(b: Builder, g: Value, { axis, start, step, count }: Cut, size: number): Value {
  const stride = Math.abs(step)
  const forward = step > 0 ? g : reverse(b, g, axis)
  const first = step > 0 ? start : start + (count - 1) * step
  let spread = forward
  if (stride > 1) {
    // count entries, each followed by stride − 1 zeros
    const shape = [...forward.shape]
    const open = reshape(b, forward, shape.toSpliced(axis + 1, 0, 1))
    const rank = open.shape.length
    const pads = Array<number>(2 * rank).fill(0)
    pads[rank + axis + 1] = stride - 1
    spread = reshape(b, pad(b, open, pads), shape.with(axis, count * stride))
    spread = slice(b, spread, axis, 0, (count - 1) * stride + 1)
  }
  const rank = spread.shape.length
  const pads = Array<number>(2 * rank).fill(0)
  pads[axis] = first
  pads[rank + axis] = size - first - spread.shape[axis]!
  return pad(b, spread, pads)
}

const splitSizes = (node: NodeView): readonly number[] => {
  const axis = fromFront(node.integer('axis', 0), node.input(0).shape.length)
  const total = node.input(0).shape[axis]!
  if (node.inputs[1]) return node.constant(1)
  const parts = node.integer('num_outputs', node.outputCount)
  if (parts !== node.outputCount) {
    throw expected(
      'bad-model',
      `${node.outputCount} parts`,
      `Split \`${node.name}\``,
      `${parts}`,
      'The graph is not valid ONNX.',
    )
  }
  const size = Math.ceil(total / parts)
  return Array.from({ length: parts }, (_, i) => Math.min(size, total - i * size))
}

function splitGradient(node: GradientView) {
  const b = node.builder
  const axis = fromFront(node.integer('axis', 0), node.input(0).shape.length)
  const parts = node.outputs.map(
    (output, i) => node.cotangents[i] ?? expand(b, b.scalar(output.dtype, 0), output.shape),
  )
  return [concat(b, parts, axis)]
}

/** Pads per axis, begin and end, whatever axes the node names. */
function padsOf(node: NodeView): { begin: number[]; end: number[] } {
  const rank = node.input(0).shape.length
  const pads = node.constant(1)
  const axes = node.inputs[3] ? node.constant(3).map((axis) => fromFront(axis, rank)) : [...Array(rank).keys()]
  const begin = Array<number>(rank).fill(0)
  const end = Array<number>(rank).fill(0)
  axes.forEach((axis, i) => {
    begin[axis] = pads[i]!
    end[axis] = pads[i + axes.length]!
  })
  return { begin, end }
}

/** Which entry of an axis a padded place repeats. */
function padSource(mode: string, at: number, size: number): number {
  if (mode === 'edge') return Math.min(Math.max(at, 0), size - 1)
  if (mode === 'wrap') return ((at % size) + size) % size
  const period = 2 * (size - 1)
  const folded = ((at % period) + period) % period
  return folded < size ? folded : period - folded
}

function padGradient(node: GradientView) {
  const b = node.builder
  const { shape } = node.input(0)
  const { begin, end } = padsOf(node)
  const mode = node.string('mode', 'constant')
  // Negative pads cut off: they are undone by pads, and pads by negative ones.
  if (mode === 'constant') {
    const inside = pad(
      b,
      node.cotangent,
      [...begin, ...end].map((p) => -p),
    )
    const total = (value: Value) => sum(b, value, [...value.shape.keys()], false)
    return [inside, undefined, node.needs[2] ? b.emit('Sub', [total(node.cotangent), total(inside)]) : undefined]
  }
  return [
    shape.reduce((g, size, axis) => {
      if (begin[axis] === 0 && end[axis] === 0) return g
      const sources = Array.from({ length: g.shape[axis]! }, (_, i) => padSource(mode, i - begin[axis]!, size))
      return scatterAdd(b, g, b.indices(sources), axis, size)
    }, node.cotangent),
  ]
}

/** Blocks of size b × b: depth to space reads channels as (b, b, C) or, in CRD mode, (C, b, b). */
function depthToSpace(b: Builder, x: Value, block: number, mode: string): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const depth = channels / block ** 2
  const open =
    mode === 'CRD' ? [batch, depth, block, block, height, width] : [batch, block, block, depth, height, width]
  const order = mode === 'CRD' ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
  return reshape(b, transpose(b, reshape(b, x, open), order), [batch, depth, height * block, width * block])
}

function spaceToDepth(b: Builder, x: Value, block: number, mode: string): Value {
  const [batch, depth, tall, wide] = x.shape as [number, number, number, number]
  const [height, width] = [tall / block, wide / block]
  const order = mode === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
  const open = reshape(b, x, [batch, depth, height, block, width, block])
  return reshape(b, transpose(b, open, order), [batch, depth * block ** 2, height, width])
}

function constantOf(node: NodeView) {
  const value = node.tensor('value')
  const integer = node.integers('value_ints') ?? (node.integer('value_int', Number.NaN) as number)
  if (value) return { dtype: value.dtype, shape: value.shape, numbers: smallNumbers(value) }
  if (Array.isArray(integer)) return { dtype: 'int64' as const, shape: [integer.length], numbers: integer as number[] }
  if (!Number.isNaN(integer)) return { dtype: 'int64' as const, shape: [], numbers: [integer as number] }
  return { dtype: 'float32' as const, shape: [], numbers: [node.float('value_float', 0)] }
}

export const shapes: readonly Operator[] = [
  { op: 'Reshape', types: (node) => typed(node, reshapedTo(node)), fold: sameNumbers, gradient: reshapeBack },
  {
    op: 'Flatten',
    types: (node) => {
      const { shape } = node.input(0)
      const axis = fromFront(node.integer('axis', 1), shape.length, shape.length + 1)
      return typed(node, [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))])
    },
    gradient: reshapeBack,
  },
  { op: 'Squeeze', types: (node) => typed(node, squeezed(node)), fold: sameNumbers, gradient: reshapeBack },
  { op: 'Unsqueeze', types: (node) => typed(node, unsqueezed(node)), fold: sameNumbers, gradient: reshapeBack },
  {
    op: 'Transpose',
    types: (node) => typed(node, transposed(node)),
    fold: (node) => {
      const perm = permutation(node)
      return movedNumbers(node, transposed(node), (index) => perm.map((_, axis) => index[perm.indexOf(axis)]!))
    },
    gradient: (node) => {
      const perm = permutation(node)
      const back = perm.map((_, axis) => perm.indexOf(axis))
      return [transpose(node.builder, node.cotangent, back)]
    },
  },
  {
    op: 'Expand',
    types: (node) => typed(node, broadcastShape(node.input(0).shape, node.constant(1))),
    fold: (node) => {
      const values = node.known(0)
      return values?.length === 1 ? Array<number>(sizeOf(node.constant(1))).fill(values[0]!) : undefined
    },
    gradient: (node) => [unbroadcast(node.builder, node.cotangent, node.input(0).shape)],
  },
  {
    op: 'Tile',
    types: (node) =>
      typed(
        node,
        node.input(0).shape.map((size, i) => size * node.constant(1)[i]!),
      ),
    gradient: ({ builder: b, cotangent, input, constant }) => {
      const { shape } = input(0)
      const open = shape.flatMap((size, i) => [constant(1)[i]!, size])
      return [
        reshape(
          b,
          sum(
            b,
            reshape(b, cotangent, open),
            shape.map((_, i) => 2 * i),
          ),
          shape,
        ),
      ]
    },
  },
  {
    op: 'Slice',
    types: (node) => typed(node, sliced(node)),
    fold: (node) => {
      const cuts = new Map(cutsOf(node).map((cut) => [cut.axis, cut]))
      return movedNumbers(node, sliced(node), (index) =>
        index.map((i, axis) => (cuts.get(axis)?.start ?? 0) + i * (cuts.get(axis)?.step ?? 1)),
      )
    },
    gradient: (node) => [
      cutsOf(node).reduce((g, cut) => cutBack(node.builder, g, cut, node.input(0).shape[cut.axis]!), node.cotangent),
    ],
  },
  {
    op: 'Concat',
    types: (node) => {
      const shape = [...node.input(0).shape]
      const axis = fromFront(node.integer('axis', 0), shape.length)
      shape[axis] = node.inputs.reduce((total, _, i) => total + node.input(i).shape[axis]!, 0)
      return typed(node, shape)
    },
    fold: (node) => {
      const parts = node.inputs.map((_, i) => node.known(i))
      return parts.every((part) => part !== undefined) && node.input(0).shape.length === 1 ? parts.flat() : undefined
    },
    gradient: (node) => {
      const axis = fromFront(node.integer('axis', 0), node.input(0).shape.length)
      let start = 0
      return node.inputs.map((_, i) => {
        const size = node.input(i).shape[axis]!
        start += size
        return node.needs[i] ? slice(node.builder, node.cotangent, axis, start - size, start) : undefined
      })
    },
  },
  {
    op: 'Split',
    types: (node) => {
      const { shape, dtype } = node.input(0)
      const axis = fromFront(node.integer('axis', 0), shape.length)
      return splitSizes(node).map((size) => ({ dtype, shape: shape.with(axis, size) }))
    },
    gradient: splitGradient,
  },
  {
    op: 'Pad',
    types: (node) => {
      const { begin, end } = padsOf(node)
      return typed(
        node,
        node.input(0).shape.map((size, i) => size + begin[i]! + end[i]!),
      )
    },
    gradient: padGradient,
  },
  {
    op: 'DepthToSpace',
    types: (node) => {
      const [batch, channels, height, width] = node.input(0).shape as [number, number, number, number]
      const block = node.integer('blocksize', 1)
      return typed(node, [batch, channels / block ** 2, height * block, width * block])
    },
    gradient: (node) => [
      spaceToDepth(node.builder, node.cotangent, node.integer('blocksize', 1), node.string('mode', 'DCR')),
    ],
  },
  {
    op: 'SpaceToDepth',
    types: (node) => {
      const [batch, channels, height, width] = node.input(0).shape as [number, number, number, number]
      const block = node.integer('blocksize', 1)
      return typed(node, [batch, channels * block ** 2, height / block, width / block])
    },
    gradient: (node) => [depthToSpace(node.builder, node.cotangent, node.integer('blocksize', 1), 'DCR')],
  },
  {
    op: 'Trilu',
    types: (node) => typed(node, node.input(0).shape),
    gradient: (node) => [
      node.builder.emit('Trilu', [node.cotangent, node.inputs[1]], { upper: node.integer('upper', 1) }),
    ],
  },
  {
    op: 'Shape',
    types: (node) => [
      {
        dtype: 'int64',
        shape: [
          node.input(0).shape.slice(node.integer('start', 0), node.integer('end', node.input(0).shape.length)).length,
        ],
      },
    ],
    fold: (node) =>
      node.input(0).shape.slice(node.integer('start', 0), node.integer('end', node.input(0).shape.length)),
    gradient: 'none',
  },
  {
    op: 'Size',
    types: () => [{ dtype: 'int64', shape: [] }],
    fold: (node) => [sizeOf(node.input(0).shape)],
    gradient: 'none',
  },
  { op: 'Constant', types: (node) => [constantOf(node)], fold: (node) => constantOf(node).numbers, gradient: 'none' },
  {
    op: 'ConstantOfShape',
    types: (node) => [{ dtype: node.tensor('value')?.dtype ?? 'float32', shape: node.constant(0) }],
    fold: (node) => {
      const value = node.tensor('value')
      const fill = value ? smallNumbers(value)?.[0] : 0
      return fill === undefined ? undefined : Array<number>(sizeOf(node.constant(0))).fill(fill)
    },
    gradient: 'none',
  },
  {
    op: 'Range',
    types: (node) => [{ dtype: node.input(0).dtype, shape: [rangeOf(node).count] }],
    fold: (node) => {
      const { start, step, count } = rangeOf(node)
      return Array.from({ length: count }, (_, i) => start + i * step)
    },
    gradient: 'none',
  },
]

/** More numbers in a row than any network counts: places of the largest pictures are some ten thousands. */
const longestRange = 2 ** 24

function rangeOf(node: NodeView): { start: number; step: number; count: number } {
  const [start, limit, step] = [0, 1, 2].map((i) => node.constant(i)[0]!) as [number, number, number]
  const count = Math.max(0, Math.ceil((limit - start) / step))
  if (count <= longestRange) return { start, step, count }
  const got = `${count} (from ${start} to ${limit} in steps of ${step})`
  throw expected(
    'bad-model',
    `at most ${longestRange} numbers`,
    `Range \`${node.name}\``,
    got,
    'The file is damaged, or not an honest model.',
  )
}
