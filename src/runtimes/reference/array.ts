/**
 * What kernels of the reference interpreter compute on: arrays of numbers in double precision, whatever their dtype
 * (integers are exact up to 2⁵³), and walks over their indices. Not fast, and not meant to be.
 */
import { expected, type UndiffuseError } from '../../core/errors.js'
import type { DataType } from '../../graph/graph.js'
import type { NodeView } from '../../graph/operator.js'
import { sizeOf } from '../../math/tensor.js'

/** A dense row-major array; booleans are 0 and 1. */
export interface NumericArray {
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly data: Float64Array
}

/** A node's attributes with their defaults, and how many results it names. */
export type Attributes = Pick<NodeView, 'name' | 'outputCount' | 'integer' | 'integers' | 'float' | 'string' | 'tensor'>

/** The results of one operator; undefined stands for an optional input that is left out. */
export type Kernel = (inputs: readonly (NumericArray | undefined)[], attributes: Attributes) => readonly NumericArray[]

/** A kernel of one required input and one result. */
export const ofOne =
  (f: (x: NumericArray, attributes: Attributes) => NumericArray): Kernel =>
  (inputs, attributes) => [f(required(inputs, 0), attributes)]

/** The input that the operator cannot do without. */
export function required(inputs: readonly (NumericArray | undefined)[], index: number): NumericArray {
  const input = inputs[index]
  if (!input) throw expected('bad-model', `input ${index}`, 'an operator', 'none', 'The graph is not valid ONNX.')
  return input
}

export const unsupported = (form: string): UndiffuseError =>
  expected('unsupported', 'a form that it knows', 'the reference runtime', form, 'Run the graph with another runtime.')

/** The numbers of an integer input, or undefined when it is left out. */
export const numbersOf = (input: NumericArray | undefined): readonly number[] | undefined => input && [...input.data]

export const isInteger = (dtype: DataType): boolean => dtype.startsWith('int') || dtype.startsWith('uint')

/** An axis counted from the front. */
export const frontAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

/** Where an index lies. */
export function offsetOf(strides: readonly number[], index: readonly number[]): number {
  let offset = 0
  for (let axis = 0; axis < strides.length; axis++) offset += strides[axis]! * index[axis]!
  return offset
}

/** Visits every index in row-major order. The index passed is one array that changes: copy what must stay. */
export function eachIndex(shape: readonly number[], visit: (index: readonly number[], flat: number) => void): void {
  const count = sizeOf(shape)
  const index = shape.map(() => 0)
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++
      if (index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
}

/** The array whose entry at each index is `entry(index)`. */
export function arrayOf(
  dtype: DataType,
  shape: readonly number[],
  entry: (index: readonly number[], flat: number) => number,
): NumericArray {
  const data = new Float64Array(sizeOf(shape))
  eachIndex(shape, (index, flat) => {
    data[flat] = entry(index, flat)
  })
  return { dtype, shape, data }
}

/** The entries of `x` at indices given by `from`: how every operator that only moves numbers is written. */
export function moved(
  x: NumericArray,
  shape: readonly number[],
  from: (index: readonly number[]) => readonly number[],
): NumericArray {
  const strides = stridesOf(x.shape)
  return arrayOf(x.dtype, shape, (index) => x.data[offsetOf(strides, from(index))]!)
}

/** The same entries in another shape. */
export const reshaped = (x: NumericArray, shape: readonly number[]): NumericArray => ({ ...x, shape })

/** Reads an array as if it were broadcast: axes of size 1 repeat, missing leading axes too. */
export function broadcastReader(x: NumericArray): (index: readonly number[]) => number {
  const strides = stridesOf(x.shape).map((stride, axis) => (x.shape[axis] === 1 ? 0 : stride))
  return (index) => {
    const extra = index.length - strides.length
    let offset = 0
    for (let axis = 0; axis < strides.length; axis++) offset += strides[axis]! * index[extra + axis]!
    return x.data[offset]!
  }
}

/** Offsets of the entries that share all indices but those along `axes`; one list per entry of the reduced array. */
export function groupsAlong(shape: readonly number[], axes: readonly number[]): number[][] {
  const reduced = shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const strides = stridesOf(reduced).map((stride, axis) => (axes.includes(axis) ? 0 : stride))
  const groups = Array.from({ length: sizeOf(reduced) }, (): number[] => [])
  eachIndex(shape, (index, flat) => {
    groups[offsetOf(strides, index)]!.push(flat)
  })
  return groups
}
