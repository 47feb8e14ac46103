/** Cases of operators that find the largest entries, mark places and sum up. */
import { constant, fed, indices, type OperatorCase, of, real } from '../case.js'

const ties = fed('float32', [2, 4], [1, 3, 3, 0, 2, -1, 2, 2])
const marked = fed('int64', [2, 2], [0, 2, -1, 1])
const scalar = (value: number) => constant('int64', [], [value])

export const selectionCases: readonly OperatorCase[] = [
  ...['ArgMax', 'ArgMin'].flatMap((op) => [
    of(op, 'default axis', [real([3, 4])]),
    of(op, 'a negative axis that goes', [real([2, 3, 4])], { axis: -2, keepdims: 0 }),
    of(op, 'the first of equal entries', [ties], { axis: 1 }),
    of(op, 'the last of equal entries', [ties], { axis: -1, select_last_index: 1, keepdims: 0 }),
    of(op, 'whole numbers', [fed('int32', [2, 3], [4, 9, -1, 7, 7, 8])], { axis: 1 }),
  ]),
  of('TopK', 'the largest of the last axis', [real([2, 5]), indices(3)], {}, { outputs: 2 }),
  of('TopK', 'the smallest of the first axis', [real([4, 2]), indices(2)], { axis: 0, largest: 0 }, { outputs: 2 }),
  of('TopK', 'of three axes', [real([2, 4, 3]), indices(1)], { axis: -2 }, { outputs: 2 }),
  of('OneHot', 'last axis', [marked, scalar(3), real([2])]),
  of('OneHot', 'axis 1', [marked, scalar(4), real([2])], { axis: 1 }),
  of('CumSum', 'last axis', [real([2, 4]), scalar(-1)]),
  of('CumSum', 'reversed', [real([3, 2]), scalar(0)], { reverse: 1 }),
  of('CumSum', 'without the entry itself', [real([2, 3, 2]), scalar(1)], { exclusive: 1 }),
]
