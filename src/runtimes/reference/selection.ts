/** The largest and smallest entries along an axis, and running sums. */
import { type Attributes, arrayOf, frontAxis, type Kernel, type NumericArray, required, stridesOf } from './array.js'

/** Offsets of the entries of each line along the axis, lines in row-major order. */
function linesAlong(x: NumericArray, axis: number): number[][] {
  const stride = stridesOf(x.shape)[axis]!
  const starts: number[] = []
  for (let flat = 0; flat < x.data.length; flat++)
    if (Math.floor(flat / stride) % x.shape[axis]! === 0) starts.push(flat)
  return starts.map((start) => Array.from({ length: x.shape[axis]! }, (_, i) => start + i * stride))
}

/** Places along a line, the best first; of equal entries the earlier one. */
function ranked(values: readonly number[], largest: boolean): number[] {
  const places = [...values.keys()]
  return places.sort((i, j) => (largest ? values[j]! - values[i]! : values[i]! - values[j]!) || i - j)
}

const extremum =
  (largest: boolean): Kernel =>
  (inputs, attributes) => {
    const x = required(inputs, 0)
    const axis = frontAxis(attributes.integer('axis', 0), x.shape.length)
    const last = attributes.integer('select_last_index', 0) === 1
    const found = linesAlong(x, axis).map((line) => {
      const values = line.map((offset) => x.data[offset]!)
      const best = values[ranked(values, largest)[0]!]!
      return last ? values.lastIndexOf(best) : values.indexOf(best)
    })
    const shape = attributes.integer('keepdims', 1) ? x.shape.with(axis, 1) : x.shape.toSpliced(axis, 1)
    return [{ dtype: 'int64', shape, data: Float64Array.from(found) }]
  }

const top: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const axis = frontAxis(attributes.integer('axis', -1), x.shape.length)
  const count = required(inputs, 1).data[0]!
  const lines = linesAlong(x, axis)
  const places = lines.map((line) =>
    ranked(
      line.map((offset) => x.data[offset]!),
      attributes.integer('largest', 1) === 1,
    ),
  )
  const shape = x.shape.with(axis, count)
  const strides = stridesOf(x.shape.toSpliced(axis, 1))
  const lineOf = (index: readonly number[]) =>
    index.toSpliced(axis, 1).reduce((line, i, other) => line + i * strides[other]!, 0)
  const placed = (entry: (line: number, place: number) => number) => (index: readonly number[]) =>
    entry(lineOf(index), places[lineOf(index)]![index[axis]!]!)
  return [
    arrayOf(
      x.dtype,
      shape,
      placed((line, place) => x.data[lines[line]![place]!]!),
    ),
    arrayOf(
      'int64',
      shape,
      placed((_, place) => place),
    ),
  ]
}

function runningSum(x: NumericArray, axis: number, attributes: Attributes): NumericArray {
  const exclusive = attributes.integer('exclusive', 0) === 1
  const data = new Float64Array(x.data.length)
  for (const line of linesAlong(x, axis)) {
    let sum = 0
    for (const offset of attributes.integer('reverse', 0) ? line.reverse() : line) {
      data[offset] = exclusive ? sum : sum + x.data[offset]!
      sum += x.data[offset]!
    }
  }
  return { ...x, data }
}

const cumulative: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  return [runningSum(x, frontAxis(required(inputs, 1).data[0]!, x.shape.length), attributes)]
}

export const selections: Readonly<Record<string, Kernel>> = {
  ArgMax: extremum(true),
  ArgMin: extremum(false),
  TopK: top,
  CumSum: cumulative,
}
