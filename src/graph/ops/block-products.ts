/**
 * Products with matrices of 4 or 8 bits. Those of 4 are ONNX Runtime's MatMulNBits of com.microsoft; matrices of 8 are written
 * out: its kernel for them takes 9 ns a weight on the CPU, several times what three operators over the matrix take.
 *
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { expected } from '../../core/errors.js'
import { sizeOf } from '../../math/tensor.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import type { GradientView, NodeView, Operator } from '../operator.js'
import { cast, concat, mul, reshape, scale, slice, sub, unbroadcast } from './common.js'
import { gemmWithBias, matmul } from './matmul.js'

/**
 * A matrix rows × columns, each row in blocks of so many columns: w = (q − zero)·scale, with one scale and one zero for each
 * block. The last block of a row may reach beyond it.
 */
export interface Blocks {
  readonly bits: 4 | 8
  readonly blockSize: number
  readonly columns: number
  /** uint8, rows × blocks × bytes of a block; of 4 bits the lower half of a byte comes first. */
  readonly numbers: Value
  /** Rows · blocks. */
  readonly scales: Value
  /** As the scales. Default: the middle of the range, 8 or 128. */
  readonly zeros?: Value | undefined
}

const domain = 'com.microsoft'

/** Products and sums in float32, whatever is faster elsewhere: activations are not rounded to 8 bits. */
const inSingle = 1

/** x·Wᵀ + bias for x M × columns: M × rows. */
export function blockProduct(b: Builder, x: Value, blocks: Blocks, bias?: Value): Value {
  const { bits, blockSize, columns, numbers, scales, zeros } = blocks
  if (bits === 8) return gemmWithBias(b, x, writtenOut(b, blocks), bias)
  const inputs = [x, numbers, scales, ...(zeros || bias ? [zeros] : []), ...(bias ? [undefined, bias] : [])]
  const attributes = { K: columns, N: numbers.shape[0]!, bits, block_size: blockSize, accuracy_level: inSingle }
  return b.emit('MatMulNBits', inputs, attributes, { domain })
}

/** The numbers of bytes with 8 or 4 bits each, along the last axis. */
function unpacked(b: Builder, bytes: Value, bits: number, like: Value): Value {
  const numbers = cast(b, bytes, like.dtype)
  if (bits === 8) return numbers
  const high = b.emit('Floor', [scale(b, numbers, 1 / 16)])
  const low = sub(b, numbers, scale(b, high, 16))
  const [count, pair] = [numbers.shape.at(-1)!, [...numbers.shape, 1]]
  const pairs = concat(b, [reshape(b, low, pair), reshape(b, high, pair)], pair.length - 1)
  return reshape(b, pairs, [...numbers.shape.slice(0, -1), 2 * count])
}

interface Sizes {
  readonly rows: number
  readonly columns: number
  readonly bits: Blocks['bits']
  readonly blockSize: number
  /** Of a row. */
  readonly blocks: number
}

/** Sizes of the operator, checked against its inputs. */
function sizesOf(node: NodeView): Sizes {
  const [rows, columns] = [node.integer('N', 0), node.integer('K', 0)]
  const [bits, blockSize] = [node.integer('bits', 4), node.integer('block_size', 0)]
  const fail = (code: 'unsupported' | 'bad-model', what: string, got: string) =>
    expected(code, what, `MatMulNBits \`${node.name}\``, got, 'Use the model as it was before it was quantised.')
  if (bits !== 4 && bits !== 8) throw fail('unsupported', '4 or 8 bits', `${bits}`)
  const isSize = blockSize >= 16 && Number.isInteger(Math.log2(blockSize))
  if (!isSize) throw fail('unsupported', 'blocks of a power of two from 16 on', `${blockSize}`)
  if (node.inputs[4]) throw fail('unsupported', 'blocks of neighbours', 'an order of columns (g_idx)')
  if (node.integer('weight_prepacked', 0) !== 0) throw fail('unsupported', 'plain blocks', 'prepacked ones')
  const blocks = Math.ceil(columns / blockSize)
  const [x, numbers, scales, zeros] = [node.input(0), node.input(1), node.input(2), node.inputs[3]]
  const zeroCount = zeros?.dtype === 'uint8' ? rows * Math.ceil((blocks * bits) / 8) : rows * blocks
  const fits =
    rows > 0 &&
    columns > 0 &&
    x.shape.at(-1) === columns &&
    numbers.dtype === 'uint8' &&
    sizeOf(numbers.shape) === (rows * blocks * blockSize * bits) / 8 &&
    sizeOf(scales.shape) === rows * blocks &&
    (!zeros || sizeOf(zeros.shape) === zeroCount)
  if (fits) return { rows, columns, bits, blockSize, blocks }
  const shapes = node.inputs.map((input) => (input ? `${input.dtype}[${input.shape}]` : 'none')).join(', ')
  throw fail('bad-model', `inputs of ${rows} × ${columns} numbers of ${bits} bits`, shapes)
}

/** W of the operator, rows × columns, in the type of the scales. */
export function dequantised(b: Builder, node: NodeView): Value {
  const { bits, columns, blockSize } = sizesOf(node)
  const [numbers, scales, zeros] = [node.input(1), node.input(2), node.inputs[3]]
  return writtenOut(b, { bits, columns, blockSize, numbers, scales, zeros })
}

/** W, rows × columns, in the type of the scales. */
function writtenOut(b: Builder, { bits, columns, blockSize, numbers, scales, zeros }: Blocks): Value {
  const rows = numbers.shape[0]!
  const blocks = Math.ceil(columns / blockSize)
  const perBlock = (value: Value) => reshape(b, value, [rows, blocks, 1])
  const blocked = reshape(b, unpacked(b, numbers, bits, scales), [rows, blocks, blockSize])
  const zero = (() => {
    if (!zeros) return b.scalar(scales.dtype, 2 ** (bits - 1))
    if (zeros.dtype !== 'uint8') return perBlock(zeros)
    const packed = reshape(b, zeros, [rows, Math.ceil((blocks * bits) / 8)])
    return perBlock(slice(b, unpacked(b, packed, bits, scales), 1, 0, blocks))
  })()
  const weights = mul(b, sub(b, blocked, zero), perBlock(scales))
  return slice(b, reshape(b, weights, [rows, blocks * blockSize]), 1, 0, columns)
}

/** Y = X·Wᵀ + bias: the cotangent of X is G·W, that of the bias the sum of G. W is not differentiated. */
function gradient(node: GradientView): readonly (Value | undefined)[] {
  const b = node.builder
  const [x, bias] = [node.input(0), node.inputs[5]]
  const { rows, columns } = sizesOf(node)
  const places = sizeOf(x.shape.slice(0, -1))
  const g = reshape(b, node.cotangent, [places, rows])
  return [
    node.needs[0] ? reshape(b, matmul(b, g, dequantised(b, node)), [...x.shape.slice(0, -1), columns]) : undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    bias && node.needs[5] ? unbroadcast(b, g, bias.shape) : undefined,
  ]
}

export const blockProducts: readonly Operator[] = [
  {
    op: 'MatMulNBits',
    domain,
    types(node) {
      const { rows } = sizesOf(node)
      const { dtype, shape } = node.input(0)
      return [{ dtype, shape: [...shape.slice(0, -1), rows] }]
    },
    gradient,
  },
]
