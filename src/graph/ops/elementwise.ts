/** Arithmetic on entries, with broadcasting: each rule is the derivative of one line of school calculus. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { DataType, Value, ValueType } from '../graph.js'
import { broadcastShape, type GradientView, type NodeView, type Operator } from '../operator.js'
import {
  add,
  broadcastTypes,
  cast,
  dataTypeOfCode,
  div,
  foldElementwise,
  indicator,
  likeFirst,
  mul,
  neg,
  scale,
  sub,
  unbroadcast,
} from './common.js'

type Fold = (...values: number[]) => number
type UnaryRule = (b: Builder, x: Value, y: Value, g: Value) => Value
type BinaryRule = (b: Builder, x: Value, y: Value, result: Value, g: Value) => readonly [() => Value, () => Value]

const unary = (op: string, rule: UnaryRule | 'none', fold?: Fold): Operator => ({
  op,
  types: likeFirst,
  ...(fold && { fold: foldElementwise(fold) }),
  gradient: rule === 'none' ? 'none' : (node) => [rule(node.builder, node.input(0), node.outputs[0]!, node.cotangent)],
})

const binary = (op: string, rule: BinaryRule, fold?: Fold): Operator => ({
  op,
  types: broadcastTypes,
  ...(fold && { fold: foldElementwise(fold) }),
  gradient: (node) =>
    rule(node.builder, node.input(0), node.input(1), node.outputs[0]!, node.cotangent).map((partial, i) =>
      node.needs[i] ? unbroadcast(node.builder, partial(), node.input(i).shape) : undefined,
    ),
})

/** Comparisons and logic: boolean results, nothing flows back. */
const predicate = (op: string, fold?: Fold): Operator => ({
  op,
  types: (node) => [{ dtype: 'bool', shape: broadcastShape(...node.inputs.map((_, i) => node.input(i).shape)) }],
  ...(fold && { fold: foldElementwise(fold) }),
  gradient: 'none',
})

/** Max and Min: the cotangent goes to the entries that attained the result, in equal shares. */
const extremum = (op: string, fold: Fold): Operator => ({
  op,
  types: broadcastTypes,
  fold: foldElementwise(fold),
  gradient: (node) => {
    const { builder: b, cotangent, outputs } = node
    const attained = node.inputs.map((_, i) =>
      indicator(b, b.emit('Equal', [node.input(i), outputs[0]!]), cotangent.dtype),
    )
    const share = div(
      b,
      cotangent,
      attained.reduce((x, y) => add(b, x, y)),
    )
    return attained.map((mask, i) =>
      node.needs[i] ? unbroadcast(b, mul(b, share, mask), node.input(i).shape) : undefined,
    )
  },
})

const castTypes = (node: NodeView): [ValueType] => {
  const code = node.integer('to', 0)
  const dtype: DataType | undefined = dataTypeOfCode(code)
  if (!dtype)
    throw expected(
      'bad-model',
      'a data type this library knows',
      `Cast \`${node.name}\``,
      `code ${code}`,
      'Export the model without exotic types.',
    )
  return [{ dtype, shape: node.input(0).shape }]
}

/** The cotangent goes to what the entry came from: x or, outside, a bound. */
const clipGradient = (node: GradientView) => {
  const { builder: b, cotangent, needs } = node
  const x = node.input(0)
  const where = (g: Value, comparison: string, bound: Value) =>
    mul(b, g, indicator(b, b.emit(comparison, [x, bound]), g.dtype))
  const [, low, high] = node.inputs
  const aboveLow = low ? where(cotangent, 'GreaterOrEqual', low) : cotangent
  return [
    high ? where(aboveLow, 'LessOrEqual', high) : aboveLow,
    low && needs[1] ? unbroadcast(b, where(cotangent, 'Less', low), low.shape) : undefined,
    high && needs[2] ? unbroadcast(b, where(cotangent, 'Greater', high), high.shape) : undefined,
  ]
}

const isInteger = (node: NodeView) => node.input(0).dtype.startsWith('int') || node.input(0).dtype.startsWith('uint')

export const elementwise: readonly Operator[] = [
  binary(
    'Add',
    (_b, _x, _y, _r, g) => [() => g, () => g],
    (x, y) => x + y!,
  ),
  binary(
    'Sub',
    (b, _x, _y, _r, g) => [() => g, () => neg(b, g)],
    (x, y) => x - y!,
  ),
  binary(
    'Mul',
    (b, x, y, _r, g) => [() => mul(b, g, y), () => mul(b, g, x)],
    (x, y) => x * y!,
  ),
  {
    ...binary('Div', (b, _x, y, r, g) => [() => div(b, g, y), () => neg(b, div(b, mul(b, g, r), y))]),
    fold: (node) => foldElementwise((x, y) => (isInteger(node) ? Math.trunc(x / y!) : x / y!))(node),
  },
  binary(
    'Pow',
    (b, x, y, r, g) => [
      () => mul(b, g, mul(b, cast(b, y, x.dtype), b.emit('Pow', [x, sub(b, y, b.scalar(y.dtype, 1))]))),
      () => cast(b, mul(b, g, mul(b, r, b.emit('Log', [x]))), y.dtype),
    ],
    (x, y) => x ** y!,
  ),
  extremum('Max', Math.max),
  extremum('Min', Math.min),
  {
    // x − r is a whole multiple of y, and stays the same one.
    ...binary('Mod', (b, x, y, r, g) => [() => g, () => neg(b, mul(b, g, div(b, sub(b, x, r), y)))]),
    fold: (node) =>
      foldElementwise(node.integer('fmod', 0) ? (x, y) => x % y! : (x, y) => x - y! * Math.floor(x / y!))(node),
  },
  unary(
    'Neg',
    (b, _x, _y, g) => neg(b, g),
    (x) => -x,
  ),
  unary('Exp', (b, _x, y, g) => mul(b, g, y)),
  unary('Log', (b, x, _y, g) => div(b, g, x)),
  unary('Sqrt', (b, _x, y, g) => div(b, scale(b, g, 0.5), y), Math.sqrt),
  unary('Reciprocal', (b, _x, y, g) => neg(b, mul(b, g, mul(b, y, y)))),
  unary('Abs', (b, x, _y, g) => mul(b, g, b.emit('Sign', [x])), Math.abs),
  unary('Sin', (b, x, _y, g) => mul(b, g, b.emit('Cos', [x]))),
  unary('Cos', (b, x, _y, g) => neg(b, mul(b, g, b.emit('Sin', [x])))),
  unary('Sign', 'none', Math.sign),
  unary('Floor', 'none', Math.floor),
  unary('Ceil', 'none', Math.ceil),
  unary('Round', 'none'),
  { ...unary('Identity', (_b, _x, _y, g) => g), fold: (node) => node.known(0) },
  {
    op: 'Cast',
    types: castTypes,
    fold: (node) => {
      const [{ dtype }] = castTypes(node)
      if (dtype === 'bool') return node.known(0)?.map((value) => Number(value !== 0))
      return dtype.includes('int') ? node.known(0)?.map(Math.trunc) : node.known(0)
    },
    gradient: (node) => [cast(node.builder, node.cotangent, node.input(0).dtype)],
  },
  { op: 'Clip', types: likeFirst, gradient: clipGradient },
  {
    op: 'Where',
    types: (node) => [
      {
        dtype: node.input(1).dtype,
        shape: broadcastShape(node.input(0).shape, node.input(1).shape, node.input(2).shape),
      },
    ],
    fold: foldElementwise((condition, x, y) => (condition ? x! : y!)),
    gradient: ({ builder: b, cotangent, input, needs }) => {
      const zero = b.scalar(cotangent.dtype, 0)
      return [
        undefined,
        needs[1] ? unbroadcast(b, b.emit('Where', [input(0), cotangent, zero]), input(1).shape) : undefined,
        needs[2] ? unbroadcast(b, b.emit('Where', [input(0), zero, cotangent]), input(2).shape) : undefined,
      ]
    },
  },
  predicate('Equal', (x, y) => Number(x === y)),
  predicate('Greater', (x, y) => Number(x > y!)),
  predicate('GreaterOrEqual', (x, y) => Number(x >= y!)),
  predicate('Less', (x, y) => Number(x < y!)),
  predicate('LessOrEqual', (x, y) => Number(x <= y!)),
  predicate('And', (x, y) => Number(Boolean(x && y))),
  predicate('Or', (x, y) => Number(Boolean(x || y))),
  predicate('Not', (x) => Number(!x)),
]
