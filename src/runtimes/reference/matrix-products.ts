/** Sums of products over shared indices: MatMul, Gemm, Einsum. */
import { broadcastShape } from '../../graph/operator.js'
import {
  arrayOf,
  broadcastReader,
  eachIndex,
  type Kernel,
  type NumericArray,
  offsetOf,
  required,
  reshaped,
  stridesOf,
} from './array.js'

/** numpy.matmul: a vector is a row on the left and a column on the right; leading axes broadcast. */
const matmul: Kernel = (inputs) => {
  const first = required(inputs, 0)
  const second = required(inputs, 1)
  const left = first.shape.length === 1 ? reshaped(first, [1, ...first.shape]) : first
  const right = second.shape.length === 1 ? reshaped(second, [...second.shape, 1]) : second
  const [rows, columns, inner] = [left.shape.at(-2)!, right.shape.at(-1)!, left.shape.at(-1)!]
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const [leftAt, rightAt] = [matrixStart(left.shape), matrixStart(right.shape)]
  const product = new Float64Array(batch.reduce((a, b) => a * b, 1) * rows * columns)
  eachIndex(batch, (index, flat) => {
    const [from, by, to] = [leftAt(index), rightAt(index), flat * rows * columns]
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < inner; k++) {
        const x = left.data[from + row * inner + k]!
        for (let column = 0; column < columns; column++) {
          product[to + row * columns + column]! += x * right.data[by + k * columns + column]!
        }
      }
    }
  })
  const shape = [...batch, ...(first.shape.length === 1 ? [] : [rows]), ...(second.shape.length === 1 ? [] : [columns])]
  return [{ dtype: first.dtype, shape, data: product }]
}

/** Where the matrix of a batch index starts, with broadcasting of the batch axes. */
function matrixStart(shape: readonly number[]): (batchIndex: readonly number[]) => number {
  const strides = stridesOf(shape)
    .slice(0, -2)
    .map((stride, axis) => (shape[axis] === 1 ? 0 : stride))
  return (index) => offsetOf(strides, index.slice(index.length - strides.length))
}

/** alpha·A′·B′ + beta·C, where ′ transposes if its flag is set. */
const gemm: Kernel = (inputs, attributes) => {
  const [a, b] = [required(inputs, 0), required(inputs, 1)]
  const transposeA = attributes.integer('transA', 0) !== 0
  const transposeB = attributes.integer('transB', 0) !== 0
  const alpha = attributes.float('alpha', 1)
  const beta = attributes.float('beta', 1)
  const [rows, inner] = transposeA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
  const columns = transposeB ? b.shape[0]! : b.shape[1]!
  const bias = inputs[2] ? broadcastReader(inputs[2]) : () => 0
  return [
    arrayOf(a.dtype, [rows, columns], ([row, column]) => {
      let sum = 0
      for (let k = 0; k < inner; k++) {
        const x = a.data[transposeA ? k * rows + row! : row! * inner + k]!
        const y = b.data[transposeB ? column! * inner + k : k * columns + column!]!
        sum += x * y
      }
      return alpha * sum + beta * bias([row!, column!])
    }),
  ]
}

/** Σ over the letters that the output lacks; without `->` the output has the letters that occur once, sorted. */
const einsum: Kernel = (inputs, attributes) => {
  const [left = '', right] = attributes.string('equation', '').replaceAll(' ', '').split('->')
  const terms = left.split(',')
  const letters = [...new Set(left.replaceAll(',', ''))].sort()
  const output = [...(right ?? letters.filter((letter) => left.split(letter).length === 2))]
  const summed = letters.filter((letter) => !output.includes(letter))
  const sizes = new Map<string, number>()
  terms.forEach((term, i) => {
    for (const [axis, letter] of [...term].entries()) sizes.set(letter, required(inputs, i).shape[axis]!)
  })
  const size = (letter: string) => sizes.get(letter)!
  const order = [...output, ...summed]
  const factors = terms.map((term, i) => {
    const { shape, data } = required(inputs, i)
    const own = stridesOf(shape)
    const strides = order.map((letter) =>
      [...term].reduce((total, other, axis) => total + (other === letter ? own[axis]! : 0), 0),
    )
    return (index: readonly number[]) => data[offsetOf(strides, index)]!
  })
  return [
    arrayOf(required(inputs, 0).dtype, output.map(size), (index) => {
      let sum = 0
      eachIndex(summed.map(size), (rest) => {
        sum += factors.reduce((product, factor) => product * factor([...index, ...rest]), 1)
      })
      return sum
    }),
  ]
}

/**
 * Y = X·Wᵀ + bias for W[n, k] = (q[n, k] − zero[n, block of k])·scale[n, block of k] with q of 4 or 8 bits, the lower half of
 * a byte first. Zeros are numbers, or bits packed row by row; without them the middle of the range.
 */
const matMulNBits: Kernel = (inputs, attributes) => {
  const [x, packed, scales] = [required(inputs, 0), required(inputs, 1), required(inputs, 2)]
  const [zeros, bias] = [inputs[3], inputs[5]]
  const [rows, columns] = [attributes.integer('N', 0), attributes.integer('K', 0)]
  const [bits, blockSize] = [attributes.integer('bits', 4), attributes.integer('block_size', 0)]
  const blocks = Math.ceil(columns / blockSize)
  /** Entry i of rows of numbers of a few bits, each row in whole bytes. */
  const bitsAt = ({ data }: NumericArray, row: number, i: number, perRow: number): number => {
    if (bits === 8) return data[row * perRow + i]!
    const byte = data[row * Math.ceil(perRow / 2) + (i >> 1)]!
    return i % 2 === 0 ? byte & 15 : byte >> 4
  }
  const zeroAt = (row: number, block: number): number => {
    if (!zeros) return 2 ** (bits - 1)
    return zeros.dtype === 'uint8' ? bitsAt(zeros, row, block, blocks) : zeros.data[row * blocks + block]!
  }
  const weight = (row: number, column: number): number => {
    const block = Math.floor(column / blockSize)
    const number = bitsAt(packed, row, column, blocks * blockSize)
    return (number - zeroAt(row, block)) * scales.data[row * blocks + block]!
  }
  const weights = Float64Array.from({ length: rows * columns }, (_, i) => weight(Math.floor(i / columns), i % columns))
  return [
    arrayOf(x.dtype, [...x.shape.slice(0, -1), rows], (index, flat) => {
      const [row, place] = [index.at(-1)!, Math.floor(flat / rows)]
      let sum = bias?.data[row] ?? 0
      for (let k = 0; k < columns; k++) sum += x.data[place * columns + k]! * weights[row * columns + k]!
      return sum
    }),
  ]
}

/** Operators of com.microsoft stand under that name. */
export const matrixProducts: Readonly<Record<string, Kernel>> = {
  MatMul: matmul,
  Gemm: gemm,
  Einsum: einsum,
  'com.microsoft.MatMulNBits': matMulNBits,
}
