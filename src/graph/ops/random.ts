/** Random numbers. They depend on no input, only on shapes, so nothing flows back through them. */
import type { NodeView, Operator } from '../operator.js'
import { dataTypeOfCode } from './common.js'

const drawn = (node: NodeView, shape: readonly number[]) => {
  const dtype = dataTypeOfCode(node.integer('dtype', 0)) ?? node.inputs[0]?.dtype ?? 'float32'
  return [{ dtype, shape }]
}

export const randoms: readonly Operator[] = [
  { op: 'RandomNormal', types: (node) => drawn(node, node.integers('shape') ?? []), gradient: 'none' },
  { op: 'RandomNormalLike', types: (node) => drawn(node, node.input(0).shape), gradient: 'none' },
]
