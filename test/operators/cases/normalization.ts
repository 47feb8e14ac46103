/** Cases of normalizations, softmax and reductions. */
import { float } from '../../../src/graph/emit.js'
import { absent, indices, type OperatorCase, of, positive, real } from '../case.js'

const reduction = (op: string): OperatorCase[] => {
  const x = real([2, 3, 4])
  return [
    of(op, 'all axes', [x]),
    of(op, 'last axis', [x, indices(-1)]),
    of(op, 'two axes, without keepdims', [x, indices(0, 2)], { keepdims: 0 }),
    of(op, 'all axes, without keepdims', [x], { keepdims: 0 }),
    of(op, 'nothing', [x], { noop_with_empty_axes: 1 }),
    of(op, 'empty axes', [x, indices()]),
    of(op, 'negative axes out of order', [x, indices(-1, -3)], { keepdims: 0 }),
  ]
}

export const normalizationCases: readonly OperatorCase[] = [
  of('InstanceNormalization', 'images', [real([2, 3, 3, 2]), real([3]), real([3])]),
  of('InstanceNormalization', 'one axis, epsilon', [real([2, 2, 5]), real([2]), real([2])], { epsilon: float(0.1) }),
  of('GroupNormalization', 'images', [real([2, 4, 2, 3]), real([4]), real([4])], { num_groups: 2 }),
  of('GroupNormalization', 'one group', [real([2, 3, 4]), real([3]), real([3])], {
    num_groups: 1,
    epsilon: float(0.01),
  }),
  of('GroupNormalization', 'channel groups', [real([1, 3, 2, 3]), real([3]), real([3])], { num_groups: 3 }),
  of('LayerNormalization', 'last axis', [real([2, 3, 4]), real([4]), real([4])]),
  of('LayerNormalization', 'without bias', [real([2, 5]), real([5])], { epsilon: float(0.1) }),
  of('LayerNormalization', 'two axes', [real([2, 3, 4]), real([3, 4]), real([3, 4])], { axis: 1 }),
  of('LayerNormalization', 'broadcast scale', [real([2, 3, 4]), real([4]), real([1, 4])], { axis: -2 }),
  of('BatchNormalization', 'images', [real([2, 3, 2, 2]), real([3]), real([3]), real([3]), positive([3])]),
  of('BatchNormalization', 'two axes', [real([3, 4]), real([4]), real([4]), real([4]), positive([4])], {
    epsilon: float(0.1),
  }),
  of('LpNormalization', 'p 2', [real([2, 3, 4])]),
  of('LpNormalization', 'p 1, axis 1', [real([2, 3, 4])], { p: 1, axis: 1 }),
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    of(op, 'last axis', [real([2, 3, 4])]),
    of(op, 'axis 1', [real([2, 3, 2])], { axis: 1 }),
    of(op, 'first axis, counted from the end', [real([3, 2, 2])], { axis: -3 }),
    of(op, 'large numbers', [real([2, 3], 80, 140)]),
  ]),
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceSumSquare',
    'ReduceL1',
    'ReduceL2',
  ].flatMap(reduction),
  of('ReduceSum', 'axes left out', [real([2, 3]), absent], { noop_with_empty_axes: 1 }),
]
