/** Which entries are the largest, entries by place, and running sums. What was selected gets its cotangent back. */
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type NodeView, type Operator } from '../operator.js'
import { cast, expand, mul, reshape, sub, sum } from './common.js'

const axisOf = (node: NodeView, fallback: number) =>
  fromFront(node.integer('axis', fallback), node.input(0).shape.length)

const indexOfExtremum = (op: string): Operator => ({
  op,
  types: (node) => {
    const axis = axisOf(node, 0)
    const { shape } = node.input(0)
    return [{ dtype: 'int64', shape: node.integer('keepdims', 1) ? shape.with(axis, 1) : shape.toSpliced(axis, 1) }]
  },
  gradient: 'none',
})

function topTypes(node: NodeView) {
  const { dtype, shape } = node.input(0)
  const selected = shape.with(axisOf(node, -1), node.constant(1)[0]!)
  return [
    { dtype, shape: selected },
    { dtype: 'int64' as const, shape: selected },
  ]
}

const oneHotAxis = (node: NodeView) => fromFront(node.integer('axis', -1), node.input(0).shape.length + 1)

/** The part of the cotangent at hot places is that of the second value, the rest that of the first. */
function oneHotValues(b: Builder, node: NodeView, g: Value): Value {
  const axis = oneHotAxis(node)
  const marks = b.constant('float32', [2], [0, 1])
  const hot = cast(b, b.emit('OneHot', [node.input(0), node.input(1), marks], { axis }), g.dtype)
  const total = (value: Value) => reshape(b, sum(b, value, [...value.shape.keys()]), [1])
  const second = total(mul(b, g, hot))
  return b.emit('Concat', [sub(b, total(g), second), second], { axis: 0 })
}

export const selections: readonly Operator[] = [
  indexOfExtremum('ArgMax'),
  indexOfExtremum('ArgMin'),
  {
    op: 'TopK',
    types: topTypes,
    gradient: ({ builder: b, cotangents: [g], input, integer, outputs }) => {
      if (!g) return []
      const zeros = expand(b, b.scalar(g.dtype, 0), input(0).shape)
      return [b.emit('ScatterElements', [zeros, outputs[1], g], { axis: integer('axis', -1), reduction: 'add' })]
    },
  },
  {
    op: 'OneHot',
    types: (node) => {
      const [depth = 0] = node.constant(1)
      return [{ dtype: node.input(2).dtype, shape: node.input(0).shape.toSpliced(oneHotAxis(node), 0, depth) }]
    },
    gradient: (node) => [
      undefined,
      undefined,
      node.needs[2] ? oneHotValues(node.builder, node, node.cotangent) : undefined,
    ],
  },
  {
    // Entry i counts in the sums from i on: going back, those from i on are summed.
    op: 'CumSum',
    types: (node) => [{ dtype: node.input(0).dtype, shape: node.input(0).shape }],
    gradient: ({ builder: b, cotangent, input, integer }) => [
      b.emit('CumSum', [cotangent, input(1)], {
        exclusive: integer('exclusive', 0),
        reverse: 1 - integer('reverse', 0),
      }),
    ],
  },
]
