/** Operators that are run and not differentiated: of these only the shapes of their results are known. */
import type { NodeView, Operator } from '../operator.js'

/** The size of a spectrum along its axis: as many as given, or as there are; half of them where the rest is redundant. */
function spectrum(node: NodeView): number[] {
  const { shape } = node.input(0)
  const rank = shape.length
  const given = node.inputs[2] ? node.constant(2)[0]! : -2
  const axis = given < 0 ? given + rank : given
  const length = node.inputs[1] ? node.constant(1)[0]! : shape[axis]!
  const isHalf = node.integer('onesided', 0) === 1 && node.integer('inverse', 0) === 0
  return shape.with(axis, isHalf ? Math.floor(length / 2) + 1 : length).with(rank - 1, 2)
}

const like = (node: NodeView, shape: readonly number[]) => [{ dtype: node.input(0).dtype, shape }]

export const forwardOnly: readonly Operator[] = [
  { op: 'DFT', types: (node) => like(node, spectrum(node)) },
  {
    op: 'GridSample',
    types: (node) => like(node, [...node.input(0).shape.slice(0, 2), ...node.input(1).shape.slice(1, -1)]),
  },
  {
    op: 'RoiAlign',
    types: (node) =>
      like(node, [
        node.input(1).shape[0]!,
        node.input(0).shape[1]!,
        node.integer('output_height', 1),
        node.integer('output_width', 1),
      ]),
  },
]
