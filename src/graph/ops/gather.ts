/** Reading and writing at indices. What one entry was read for several times adds up on the way back. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { fromFront, type NodeView, type Operator } from '../operator.js'
import { expand, reshape, transpose } from './common.js'

/**
 * The transpose of reading `indices` along `axis`: entries of g are added into an axis of the given size.
 * g has the shape of Gather's result.
 */
export function scatterAdd(b: Builder, g: Value, indices: Value, axis: number, size: number): Value {
  const read = indices.shape.length
  const kept = [...g.shape.slice(0, axis), ...g.shape.slice(axis + read)]
  // The axes that were read go first, so that ScatterND writes whole slices.
  const first = [...indices.shape.keys()].map((i) => i + axis)
  const order = [...first, ...[...g.shape.keys()].filter((i) => !first.includes(i))]
  const zeros = expand(b, b.scalar(g.dtype, 0), [size, ...kept])
  const wrapped = b.emit('Where', [
    b.emit('Less', [indices, b.scalar(indices.dtype, 0)]),
    b.emit('Add', [indices, b.scalar(indices.dtype, size)]),
    indices,
  ])
  const places = reshape(b, indices.dtype === 'int64' ? wrapped : b.emit('Cast', [wrapped], { to: 7 }), [
    ...indices.shape,
    1,
  ])
  const scattered = b.emit('ScatterND', [zeros, places, transpose(b, g, order)], { reduction: 'add' })
  return transpose(
    b,
    scattered,
    Array.from({ length: kept.length + 1 }, (_, i) => (i === axis ? 0 : i < axis ? i + 1 : i)),
  )
}

function onlyAdding(op: string, name: string, reduction: string): void {
  if (reduction !== 'add') {
    throw expected(
      'unsupported',
      'reduction add',
      `the gradient of ${op} \`${name}\``,
      reduction,
      'Export the model without writing at indices.',
    )
  }
}

const axisOf = (node: NodeView) => fromFront(node.integer('axis', 0), node.input(0).shape.length)

export const gathers: readonly Operator[] = [
  {
    op: 'Gather',
    types: (node) => {
      const { dtype, shape } = node.input(0)
      const axis = axisOf(node)
      return [{ dtype, shape: [...shape.slice(0, axis), ...node.input(1).shape, ...shape.slice(axis + 1)] }]
    },
    fold: (node) => {
      const values = node.known(0)
      const indices = node.known(1)
      if (!values || !indices || node.input(0).shape.length !== 1) return undefined
      return indices.map((i) => values[i < 0 ? i + values.length : i]!)
    },
    gradient: (node) => [
      scatterAdd(node.builder, node.cotangent, node.input(1), axisOf(node), node.input(0).shape[axisOf(node)]!),
    ],
  },
  {
    op: 'GatherElements',
    types: (node) => [{ dtype: node.input(0).dtype, shape: node.input(1).shape }],
    gradient: ({ builder: b, cotangent, input, integer }) => [
      b.emit('ScatterElements', [expand(b, b.scalar(cotangent.dtype, 0), input(0).shape), input(1), cotangent], {
        axis: integer('axis', 0),
        reduction: 'add',
      }),
    ],
  },
  {
    op: 'ScatterElements',
    types: (node) => [{ dtype: node.input(0).dtype, shape: node.input(0).shape }],
    // Only the adding form is differentiated: it is what this library's own gradients contain.
    gradient: ({ builder: b, cotangent, input, integer, string, needs, name }) => {
      onlyAdding('ScatterElements', name, string('reduction', 'none'))
      return [
        needs[0] ? cotangent : undefined,
        undefined,
        needs[2] ? b.emit('GatherElements', [cotangent, input(1)], { axis: integer('axis', 0) }) : undefined,
      ]
    },
  },
  {
    op: 'GatherND',
    types: (node) => {
      if (node.integer('batch_dims', 0) !== 0) {
        throw expected(
          'unsupported',
          'batch_dims 0',
          `GatherND \`${node.name}\``,
          `${node.integer('batch_dims', 0)}`,
          'Export it with whole indices.',
        )
      }
      const data = node.input(0).shape
      const indices = node.input(1).shape
      return [{ dtype: node.input(0).dtype, shape: [...indices.slice(0, -1), ...data.slice(indices.at(-1)!)] }]
    },
    gradient: ({ builder: b, cotangent, input }) => [
      b.emit('ScatterND', [expand(b, b.scalar(cotangent.dtype, 0), input(0).shape), input(1), cotangent], {
        reduction: 'add',
      }),
    ],
  },
  {
    op: 'ScatterND',
    types: (node) => [{ dtype: node.input(0).dtype, shape: node.input(0).shape }],
    gradient: ({ builder: b, cotangent, input, string, needs, name }) => {
      onlyAdding('ScatterND', name, string('reduction', 'none'))
      return [
        needs[0] ? cotangent : undefined,
        undefined,
        needs[2] ? b.emit('GatherND', [cotangent, input(1)]) : undefined,
      ]
    },
  },
]
