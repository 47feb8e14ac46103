/** Operators that act on entries one by one, with broadcasting. */
import type { DataType } from '../../graph/graph.js'
import { broadcastShape } from '../../graph/operator.js'
import { dataTypeOfCode } from '../../graph/ops/common.js'
import {
  type Attributes,
  arrayOf,
  broadcastReader,
  isInteger,
  type Kernel,
  type NumericArray,
  ofOne,
  required,
  unsupported,
} from './array.js'
import { erf } from './erf.js'

type Inputs = readonly (NumericArray | undefined)[]
type Numbers = (...values: number[]) => number

const present = (inputs: Inputs) => inputs.map((_, i) => required(inputs, i))

/** f of the entries of all inputs, which are broadcast. */
function broadcast(dtype: DataType, inputs: Inputs, f: Numbers): readonly NumericArray[] {
  const arrays = present(inputs)
  const read = arrays.map(broadcastReader)
  const shape = broadcastShape(...arrays.map((array) => array.shape))
  return [arrayOf(dtype, shape, (index) => f(...read.map((at) => at(index))))]
}

/** The result has the dtype of the first input. */
const arithmetic =
  (f: Numbers): Kernel =>
  (inputs) =>
    broadcast(required(inputs, 0).dtype, inputs, f)

/** Integer results are cut towards zero. */
const truncating =
  (f: Numbers): Kernel =>
  (inputs) => {
    const { dtype } = required(inputs, 0)
    return broadcast(dtype, inputs, isInteger(dtype) ? (...values) => Math.trunc(f(...values)) : f)
  }

const predicate =
  (f: (...values: number[]) => boolean): Kernel =>
  (inputs) =>
    broadcast('bool', inputs, (...values) => Number(f(...values)))

/** f of each entry; `prepare` reads the attributes once. */
const each = (prepare: (attributes: Attributes) => (x: number) => number): Kernel =>
  ofOne((x, attributes) => ({ ...x, data: x.data.map(prepare(attributes)) }))

const simple = (f: (x: number) => number): Kernel => each(() => f)

/** The result has the divisor's sign, with `fmod` the dividend's. */
const modulo: Kernel = (inputs, attributes) =>
  arithmetic(attributes.integer('fmod', 0) ? (x, y) => x! % y! : (x, y) => x! - y! * Math.floor(x! / y!))(
    inputs,
    attributes,
  )

/** Halves go to the even neighbour. */
function roundToEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  if (rest !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** ln(1 + eˣ), without overflow. */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)

const gelu = (attributes: Attributes) =>
  attributes.string('approximate', 'none') === 'tanh'
    ? (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2))

const clip: Kernel = (inputs) => {
  const low = inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY
  const high = inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY
  const x = required(inputs, 0)
  return [{ ...x, data: x.data.map((value) => clamp(value, low, high)) }]
}

const where: Kernel = (inputs) =>
  broadcast(required(inputs, 1).dtype, inputs, (condition, x, y) => (condition ? x! : y!))

const cast = ofOne((x, attributes) => {
  const code = attributes.integer('to', 0)
  const dtype = dataTypeOfCode(code)
  if (!dtype) throw unsupported(`Cast to data type ${code}`)
  if (dtype === 'bool') return { ...x, dtype, data: x.data.map((value) => Number(value !== 0)) }
  return { ...x, dtype, data: isInteger(dtype) ? x.data.map(Math.trunc) : x.data }
})

export const elementwise: Readonly<Record<string, Kernel>> = {
  Add: arithmetic((x, y) => x! + y!),
  Sub: arithmetic((x, y) => x! - y!),
  Mul: arithmetic((x, y) => x! * y!),
  Div: truncating((x, y) => x! / y!),
  Pow: truncating((x, y) => x! ** y!),
  Mod: modulo,
  Min: arithmetic(Math.min),
  Max: arithmetic(Math.max),
  Neg: simple((x) => -x),
  Abs: simple(Math.abs),
  Sign: simple(Math.sign),
  Exp: simple(Math.exp),
  Log: simple(Math.log),
  Sqrt: simple(Math.sqrt),
  Reciprocal: simple((x) => 1 / x),
  Sin: simple(Math.sin),
  Cos: simple(Math.cos),
  Floor: simple(Math.floor),
  Ceil: simple(Math.ceil),
  Round: simple(roundToEven),
  Erf: simple(erf),
  Sigmoid: simple(sigmoid),
  Tanh: simple(Math.tanh),
  Relu: simple((x) => Math.max(x, 0)),
  LeakyRelu: each((attributes) => {
    const alpha = attributes.float('alpha', 0.01)
    return (x) => (x < 0 ? alpha * x : x)
  }),
  Elu: each((attributes) => {
    const alpha = attributes.float('alpha', 1)
    return (x) => (x < 0 ? alpha * Math.expm1(x) : x)
  }),
  Softplus: simple(softplus),
  HardSigmoid: each((attributes) => {
    const alpha = attributes.float('alpha', 0.2)
    const beta = attributes.float('beta', 0.5)
    return (x) => clamp(alpha * x + beta, 0, 1)
  }),
  HardSwish: simple((x) => x * clamp(x / 6 + 0.5, 0, 1)),
  Gelu: each(gelu),
  Identity: simple((x) => x),
  Clip: clip,
  Where: where,
  Cast: cast,
  Equal: predicate((x, y) => x === y),
  Greater: predicate((x, y) => x! > y!),
  GreaterOrEqual: predicate((x, y) => x! >= y!),
  Less: predicate((x, y) => x! < y!),
  LessOrEqual: predicate((x, y) => x! <= y!),
  And: predicate((x, y) => x !== 0 && y !== 0),
  Or: predicate((x, y) => x !== 0 || y !== 0),
  Not: ofOne((x) => ({ ...x, data: x.data.map((value) => Number(value === 0)) })),
}
