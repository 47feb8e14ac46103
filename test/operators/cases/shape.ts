/** Cases of operators that move numbers, and of those that make numbers out of shapes. */
import { absent, constant, fed, indices, number, type OperatorCase, of, real } from '../case.js'

const noInput = { forwardOnly: 'has no float input' }
const scalar = (value: number) => constant('int64', [], [value])
const image = real([1, 2, 3, 4])

export const shapeCases: readonly OperatorCase[] = [
  of('Reshape', 'kept and remaining sizes', [real([2, 3, 4]), indices(0, -1, 2)]),
  of('Reshape', 'to fewer axes', [real([2, 3, 2]), indices(-1)]),
  of('Reshape', 'to no axes', [real([1, 1]), indices()]),
  of('Reshape', 'allowzero', [real([0, 3]), indices(3, 0)], { allowzero: 1 }),
  of('Flatten', 'default axis', [real([2, 3, 2])]),
  of('Flatten', 'axis 0', [real([2, 3])], { axis: 0 }),
  of('Flatten', 'axis −1', [real([2, 3, 2])], { axis: -1 }),
  of('Transpose', 'reversed', [real([2, 3, 4])]),
  of('Transpose', 'cycle', [real([2, 3, 4])], { perm: [1, 2, 0] }),
  of('Squeeze', 'every axis of size 1', [real([1, 3, 1, 2])]),
  of('Squeeze', 'a negative axis', [real([1, 3, 1, 2]), indices(-2)]),
  of('Unsqueeze', 'two axes', [real([3, 2]), indices(0, -1)]),
  of('Unsqueeze', 'axes out of order', [real([3, 2]), indices(3, 1)]),
  of('Expand', 'an axis', [real([3, 1]), indices(3, 4)]),
  of('Expand', 'new axes', [real([3, 1]), indices(2, 1, 2)]),
  of('Expand', 'sizes of 1 keep', [real([2, 3]), indices(2, 1, 1)]),
  of('Tile', 'two axes', [real([2, 3]), indices(2, 3)]),
  of('Tile', 'once', [real([2, 1, 2]), indices(1, 3, 1)]),
  of('Slice', 'all axes', [real([4, 5]), indices(1, 0), indices(3, 4)]),
  of('Slice', 'a negative axis and end', [real([2, 6]), indices(1), indices(-1), indices(-1)]),
  of('Slice', 'steps', [real([5, 7]), indices(0, 1), indices(5, 7), indices(0, 1), indices(2, 3)]),
  of('Slice', 'backwards', [real([2, 5]), indices(-1), indices(-100), indices(1), indices(-1)]),
  of('Slice', 'backwards in steps', [real([7, 2]), indices(5), indices(0), indices(0), indices(-2)]),
  of('Slice', 'beyond the ends', [real([3, 4]), indices(-9, 1), indices(9, 99), indices(0, 1)]),
  of('Slice', 'nothing', [real([3, 4]), indices(2), indices(1), indices(1)]),
  of('Concat', 'three parts', [real([2, 2]), real([2, 1]), real([2, 3])], { axis: 1 }),
  of('Concat', 'a negative axis', [real([2, 2, 1]), real([2, 1, 1])], { axis: -2 }),
  of('Split', 'equal parts', [real([2, 6])], { axis: 1, num_outputs: 3 }, { outputs: 3 }),
  of('Split', 'a smaller last part', [real([2, 7])], { axis: -1, num_outputs: 3 }, { outputs: 3 }),
  of('Split', 'given sizes', [real([5, 2]), indices(1, 3, 1)], {}, { outputs: 3 }),
  of('Pad', 'zeros', [image, indices(0, 1, 2, 1, 1, 0, 0, 3)]),
  of('Pad', 'a constant', [real([2, 3]), indices(0, 1, 2, 0), number(0.6)]),
  of('Pad', 'a constant that varies', [real([2, 3]), indices(0, -1, 2, 1), real([])]),
  of('Pad', 'negative pads', [real([4, 5]), indices(-1, 1, 0, -2)]),
  of('Pad', 'named axes', [real([2, 3, 2]), indices(1, 2), number(0), indices(-2)]),
  of('Pad', 'reflect', [real([3, 4]), indices(2, 1, 1, 3)], { mode: 'reflect' }),
  of('Pad', 'edge', [real([3, 2]), indices(2, 0, 1, 3)], { mode: 'edge' }),
  of('Pad', 'wrap', [real([3, 4]), indices(2, 1, 1, 3)], { mode: 'wrap' }),
  of('Pad', 'reflect along named axes', [real([1, 2, 4]), indices(2, 3), absent, indices(2)], { mode: 'reflect' }),
  ...['DCR', 'CRD'].map((mode) => of('DepthToSpace', mode, [real([2, 8, 2, 1])], { blocksize: 2, mode })),
  of('DepthToSpace', 'blocks of 3', [real([1, 9, 1, 2])], { blocksize: 3 }),
  of('SpaceToDepth', 'blocks of 2', [real([2, 2, 2, 4])], { blocksize: 2 }),
  of('Trilu', 'upper', [real([2, 3, 4])]),
  of('Trilu', 'lower, moved right', [real([4, 3]), scalar(1)], { upper: 0 }),
  of('Trilu', 'upper, moved left', [real([4, 3]), scalar(-1)], { upper: 1 }),
  of('Shape', 'all axes', [image]),
  of('Shape', 'some axes', [image], { start: 1, end: -1 }),
  of('Size', 'plain', [image]),
  of('Constant', 'value_float', [], { value_float: { type: 'float', value: 0.5 } }, noInput),
  of('Constant', 'value_int', [], { value_int: 7 }, noInput),
  of('Constant', 'value_ints', [], { value_ints: [1, -2, 3] }, noInput),
  of(
    'Constant',
    'value',
    [],
    {
      value: {
        type: 'tensor',
        value: { dtype: 'int32', shape: [2], storage: { bytes: Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255) } },
      },
    },
    noInput,
  ),
  of('ConstantOfShape', 'zeros', [indices(2, 3)], {}, noInput),
  of(
    'ConstantOfShape',
    'a value',
    [indices(2, 3)],
    {
      value: {
        type: 'tensor',
        value: { dtype: 'int64', shape: [1], storage: { bytes: Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0) } },
      },
    },
    noInput,
  ),
  of('Range', 'upwards', [scalar(2), scalar(11), scalar(3)], {}, noInput),
  of('Range', 'downwards', [scalar(2), scalar(-3), scalar(-2)], {}, noInput),
]

const rows = fed('int64', [2, 3], [0, 2, -1, 2, 2, -3])
const places = fed('int64', [3, 2], [0, 2, 1, -1, 0, 2])
const distinct = fed('int64', [2, 2], [1, 0, -1, 3])

export const gatherCases: readonly OperatorCase[] = [
  of('Gather', 'rows, some twice', [real([3, 2]), rows]),
  of('Gather', 'axis 1', [real([2, 3, 2]), fed('int64', [2], [2, 0])], { axis: 1 }),
  of('Gather', 'last axis, several index axes', [real([2, 3]), rows], { axis: -1 }),
  of('Gather', 'one index', [real([3, 4]), scalar(-1)]),
  of('Gather', 'int32 indices', [real([3, 2]), fed('int32', [2], [1, -1])]),
  of('GatherElements', 'axis 0', [real([3, 3]), rows]),
  of('GatherElements', 'last axis', [real([2, 3]), fed('int64', [2, 2], [0, -1, 2, 2])], { axis: -1 }),
  of('GatherND', 'entries', [real([2, 3]), places]),
  of('GatherND', 'slices', [real([3, 2, 2]), fed('int64', [2, 2, 1], [0, -1, 1, 1])]),
  of('ScatterElements', 'adding', [real([3, 3]), rows, real([2, 3])], { reduction: 'add' }),
  of(
    'ScatterElements',
    'adding along the last axis',
    [real([2, 4]), fed('int64', [2, 3], [0, 0, -1, 3, 1, 3]), real([2, 3])],
    {
      reduction: 'add',
      axis: -1,
    },
  ),
  of(
    'ScatterElements',
    'overwriting',
    [real([2, 4]), distinct, real([2, 2])],
    { axis: 1 },
    { forwardOnly: 'the rule refuses it' },
  ),
  of('ScatterND', 'adding entries', [real([2, 3]), places, real([3])], { reduction: 'add' }),
  of('ScatterND', 'adding slices', [real([3, 2]), fed('int64', [3, 1], [0, 2, -1]), real([3, 2])], {
    reduction: 'add',
  }),
  of(
    'ScatterND',
    'overwriting',
    [real([2, 4]), fed('int64', [2, 2], [0, 3, 1, 1]), real([2])],
    {},
    { forwardOnly: 'the rule refuses it' },
  ),
]
