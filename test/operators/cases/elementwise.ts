/** Cases of operators on single entries. */
import { float } from '../../../src/graph/emit.js'
import { absent, fed, number, type OperatorCase, of, positive, real } from '../case.js'

const shape = [2, 3, 4]
/** Three ways in which two shapes meet. */
const broadcasts = [
  ['equal shapes', [2, 3], [2, 3]],
  ['second broadcast', [2, 3, 4], [3, 1]],
  ['both broadcast', [3, 1], [2, 1, 4]],
  ['scalar', [], [2, 2]],
] as const

const binary = (op: string, make: (shape: readonly number[]) => ReturnType<typeof real>): OperatorCase[] =>
  broadcasts.map(([label, first, second]) => of(op, label, [make(first), make(second)]))

const unary = (op: string, low = -2, high = 2) => of(op, 'plain', [real(shape, low, high)])

const flags = fed('bool', [2, 3], [1, 0, 1, 0, 0, 1])
const otherFlags = fed('bool', [3], [0, 1, 1])
const whole = fed('int64', [6], [-7, 7, -5, 4, 9, -9])
const divisors = fed('int64', [6], [3, -3, 5, 2, -4, -2])

export const elementwiseCases: readonly OperatorCase[] = [
  ...['Add', 'Sub', 'Mul', 'Max', 'Min'].flatMap((op) => binary(op, (dimensions) => real(dimensions))),
  ...['Div', 'Pow'].flatMap((op) => binary(op, positive)),
  of('Mul', 'a column of whole numbers by a row', [fed('int64', [3, 1], [1, 2, 3]), fed('int64', [1, 3], [4, 5, 6])]),
  of('Div', 'negative operands', [real([2, 3]), real([3])]),
  of('Div', 'integers', [whole, divisors]),
  of('Pow', 'constant exponent, negative base', [real([2, 3]), number(2)]),
  of('Pow', 'cube', [real([4]), number(3)]),
  of('Pow', 'integer exponent', [real([4]), fed('int64', [], [3])]),
  of('Max', 'three inputs', [real([2, 3], -1.9, 2), real([3], -2, 2.2), real([2, 1], -2.1, 2)]),
  of('Max', 'one input', [real([3])]),
  of('Min', 'three inputs', [real([2, 3], -1.9, 2), real([3], -2, 2.2), real([2, 1], -2.1, 2)]),
  of('Mod', 'integers', [whole, divisors]),
  of('Mod', 'integers, fmod', [whole, divisors], { fmod: 1 }),
  of('Mod', 'floats', [real([2, 6], -5, 5), real([6], -2, 2)], { fmod: 1 }),
  ...['Neg', 'Abs', 'Sign', 'Exp', 'Sin', 'Cos', 'Floor', 'Ceil', 'Round', 'Erf', 'Identity'].map((op) => unary(op)),
  ...['Sigmoid', 'Tanh', 'Relu', 'LeakyRelu', 'Elu', 'Softplus', 'HardSigmoid'].map((op) => unary(op, -4, 4)),
  of('HardSwish', 'plain', [real(shape, -5, 5)]),
  ...['Log', 'Sqrt', 'Reciprocal'].map((op) => unary(op, 0.2, 3)),
  of('Reciprocal', 'negative', [real([5])]),
  of('Round', 'halves', [number(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.2)], {}, { forwardOnly: 'has no input' }),
  of('LeakyRelu', 'alpha', [real(shape)], { alpha: float(0.3) }),
  of('Elu', 'alpha', [real(shape)], { alpha: float(0.7) }),
  of('HardSigmoid', 'alpha and beta', [real(shape)], { alpha: float(0.4), beta: float(0.3) }),
  of('Gelu', 'exact', [real(shape, -4, 4)]),
  of('Gelu', 'tanh', [real(shape, -4, 4)], { approximate: 'tanh' }),
  of('Clip', 'both bounds', [real(shape), number(-0.7), number(1.1)]),
  of('Clip', 'lower bound', [real(shape), number(-0.7)]),
  of('Clip', 'upper bound', [real(shape), absent, number(0.3)]),
  of('Clip', 'no bounds', [real(shape)]),
  of('Clip', 'bounds that vary', [real(shape), real([], -1, -0.5), real([], 0.5, 1)]),
  of('Where', 'equal shapes', [flags, real([2, 3]), real([2, 3])]),
  of('Where', 'all broadcast', [otherFlags, real([2, 1]), real([])]),
  of('Cast', 'to float64', [real(shape)], { to: 11 }),
  of('Cast', 'to float32', [real(shape)], { to: 1 }),
  of('Cast', 'to int64', [real([7], -4, 4)], { to: 7 }),
  of('Cast', 'to int32', [real([7], -4, 4)], { to: 6 }),
  of('Cast', 'to bool', [fed('int64', [4], [0, 2, -1, 0])], { to: 9 }),
  of('Cast', 'from bool', [flags], { to: 1 }),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].flatMap((op) => [
    of(op, 'floats', [real([2, 3]), real([3])]),
    of(op, 'integers with ties', [whole, fed('int64', [6], [-7, 8, -6, 4, 9, 0])]),
  ]),
  ...['And', 'Or'].map((op) => of(op, 'broadcast', [flags, otherFlags])),
  of('Not', 'plain', [flags]),
]
