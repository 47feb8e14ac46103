/** Cases of pooling and resizing. */
import { absent, constant, indices, type Operand, type OperatorCase, of, real } from '../case.js'

const image = real([1, 2, 5, 6])
const windows: readonly (readonly [label: string, attributes: OperatorCase['attributes'], x?: Operand])[] = [
  ['2×2, stride 2', { kernel_shape: [2, 2], strides: [2, 2] }],
  ['overlapping', { kernel_shape: [3, 2] }],
  ['padded', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ['uneven pads', { kernel_shape: [3, 2], strides: [1, 2], pads: [0, 1, 2, 0] }],
  ['dilated', { kernel_shape: [2, 3], dilations: [2, 2], pads: [1, 0, 0, 1] }],
  ['SAME_UPPER', { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
  ['SAME_LOWER', { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'SAME_LOWER' }],
  ['one axis', { kernel_shape: [3], strides: [2], pads: [1, 1] }, real([2, 2, 7])],
  ['three axes', { kernel_shape: [2, 1, 2], strides: [1, 2, 1] }, real([1, 2, 3, 3, 3])],
]
const roundedUp: readonly (readonly [label: string, attributes: OperatorCase['attributes']])[] = [
  ['ceil_mode', { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 }],
  ['ceil_mode with pads', { kernel_shape: [2, 2], strides: [3, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [
    'ceil_mode, last window in the padding',
    { kernel_shape: [3, 2], strides: [2, 3], pads: [0, 0, 0, 1], ceil_mode: 1 },
  ],
]

const scales = (...factors: readonly number[]): Operand => constant('float32', [factors.length], factors)

const byScales = (
  label: string,
  x: readonly number[],
  factors: readonly number[],
  attributes: OperatorCase['attributes'],
) => of('Resize', label, [real(x), absent, scales(...factors)], attributes)
const bySizes = (
  label: string,
  x: readonly number[],
  sizes: readonly number[],
  attributes: OperatorCase['attributes'],
) => of('Resize', label, [real(x), absent, absent, indices(...sizes)], attributes)

const nearest = (coordinates: string, rounding: string) => ({
  mode: 'nearest',
  coordinate_transformation_mode: coordinates,
  nearest_mode: rounding,
})
const linear = (coordinates: string) => ({ mode: 'linear', coordinate_transformation_mode: coordinates })

export const resizeCases: readonly OperatorCase[] = [
  byScales('doubled as diffusers do', [1, 2, 2, 3], [1, 1, 2, 2], nearest('asymmetric', 'floor')),
  byScales('3×2', [2, 1, 2, 2], [1, 1, 3, 2], nearest('asymmetric', 'floor')),
  byScales('half_pixel, round_prefer_floor', [1, 2, 3, 2], [1, 1, 2, 2], nearest('half_pixel', 'round_prefer_floor')),
  byScales('defaults', [1, 2, 3, 2], [1, 1, 2, 3], {}),
  byScales('nearest, fractional scales', [1, 1, 4, 5], [1, 1, 1.5, 0.7], nearest('asymmetric', 'floor')),
  byScales('nearest, halved', [1, 1, 4, 6], [1, 1, 0.5, 0.5], nearest('half_pixel', 'round_prefer_floor')),
  bySizes('nearest to sizes', [1, 2, 3, 4], [1, 2, 5, 6], nearest('half_pixel', 'round_prefer_floor')),
  bySizes('round_prefer_ceil', [1, 1, 4, 3], [1, 1, 6, 7], nearest('asymmetric', 'round_prefer_ceil')),
  bySizes('ceil', [1, 1, 4, 3], [1, 1, 6, 7], nearest('half_pixel', 'ceil')),
  bySizes('nearest, one axis', [1, 2, 3], [1, 2, 6], nearest('asymmetric', 'floor')),
  bySizes('nearest, three axes', [1, 1, 2, 2, 2], [1, 1, 4, 2, 6], nearest('asymmetric', 'floor')),
  byScales('linear, half_pixel', [1, 2, 3, 2], [1, 1, 2, 2], linear('half_pixel')),
  byScales('linear, asymmetric', [1, 2, 3, 2], [1, 1, 2, 3], linear('asymmetric')),
  byScales('linear, align_corners', [1, 2, 3, 2], [1, 1, 2, 2], linear('align_corners')),
  bySizes('linear to sizes', [1, 1, 4, 5], [1, 1, 7, 3], linear('half_pixel')),
  bySizes('linear to one entry', [1, 1, 4, 5], [1, 1, 1, 3], linear('pytorch_half_pixel')),
  bySizes('align_corners to sizes', [1, 1, 4, 3], [1, 1, 2, 5], linear('align_corners')),
]

export const poolingCases: readonly OperatorCase[] = [
  ...windows.map(([label, attributes, x = image]) => of('MaxPool', label, [x], attributes, { outputs: 2 })),
  ...roundedUp.map(([label, attributes]) => of('MaxPool', label, [image], attributes)),
  of(
    'MaxPool',
    'the first of equal entries',
    [constant('float32', [1, 1, 3, 4], [1, 2, 2, 0, 2, 1, 1, 0, 0, 0, 3, 3])],
    { kernel_shape: [2, 2], pads: [1, 1, 0, 0] },
    { outputs: 2, forwardOnly: 'has no input' },
  ),
  ...windows.flatMap(([label, attributes, x = image]) => [
    of('AveragePool', label, [x], attributes),
    of('AveragePool', `${label}, count_include_pad`, [x], { ...attributes, count_include_pad: 1 }),
  ]),
  ...roundedUp.map(([label, attributes]) =>
    of('AveragePool', label, [image], attributes, { forwardOnly: 'the rule refuses ceil_mode' }),
  ),
  of('GlobalAveragePool', 'images', [real([2, 2, 3, 2])]),
  of('GlobalAveragePool', 'one axis', [real([2, 2, 3])]),
  of('GlobalMaxPool', 'images', [real([2, 2, 3, 2])]),
  of('GlobalMaxPool', 'three axes', [real([1, 2, 2, 2, 2])]),
]
