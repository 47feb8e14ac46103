/**
 * Matrices in blocks of 8 or 4 bits: made of 16- or 32-bit weights, piece by piece, where a network multiplies by them.
 *
 * w ≈ (q − 2^(bits−1))·s with one float32 scale s for each 32 neighbours of a row; numbers and order as ONNX Runtime's
 * MatMulNBits reads them. Source of both rules: ggml, `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` (GGUF's Q8_0 and
 * Q4_0), whose scales are rounded to 16 bits, which these are not.
 */
import { bytesOf, type DataType, type StoredInFile } from '../graph/graph.js'
import type { StoredBlocks } from '../nn/parameters.js'
import type { Files } from './files.js'
import { halfNumbers } from './half-numbers.js'
import type { MadeWeights } from './made-weights.js'
import type { Weights } from './weights.js'

export type BlockBits = 4 | 8

/** Columns that share a scale. */
export const blockSize = 32

/** Bytes that are read at once. */
const pieceBytes = 2 ** 22

const widening: Partial<Record<DataType, (bytes: ArrayBuffer) => Float32Array>> = {
  float32: (bytes) => new Float32Array(bytes),
  float16(bytes) {
    const [numbers, bits] = [halfNumbers(), new Uint16Array(bytes)]
    const wide = new Float32Array(bits.length)
    for (let i = 0; i < bits.length; i++) wide[i] = numbers[bits[i]!]!
    return wide
  },
  bfloat16(bytes) {
    const bits = new Uint16Array(bytes)
    const words = new Uint32Array(bits.length)
    for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
    return new Float32Array(words.buffer)
  },
}

/** One block: writes 32 whole numbers around `middle` and returns their scale. */
type Rule = (x: Float32Array, from: number, to: number, numbers: Uint8Array, at: number) => number

/** q = round(w/s) for s = max|w|/127, half away from zero. */
const eightBits: Rule = (x, from, to, numbers, at) => {
  let largest = 0
  for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(x[i]!))
  const scale = Math.fround(largest / 127)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  for (let i = from; i < to; i++) {
    const ratio = Math.fround(x[i]! * inverse)
    numbers[at + i - from] = 128 + Math.sign(ratio) * Math.floor(Math.abs(ratio) + 0.5)
  }
  return scale
}

/** q = ⌊w/s + ½⌋, at most 7, for s = −m/8 with the w = m of largest magnitude, which is exact then. */
const fourBits: Rule = (x, from, to, numbers, at) => {
  let extreme = 0
  for (let i = from; i < to; i++) if (Math.abs(x[i]!) > Math.abs(extreme)) extreme = x[i]!
  const scale = Math.fround(extreme / -8)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  for (let i = from; i < to; i++) numbers[at + i - from] = Math.min(15, Math.trunc(x[i]! * inverse + 8.5))
  return scale
}

const rules: Readonly<Record<BlockBits, Rule>> = { 4: fourBits, 8: eightBits }

/** The numbers of a few bits as bytes: of 4 bits two in one, the first in the lower half. */
export function packedNumbers(numbers: Uint8Array, bits: BlockBits): Uint8Array {
  if (bits === 8) return numbers
  const packed = new Uint8Array(numbers.length / 2)
  for (let i = 0; i < packed.length; i++) packed[i] = numbers[2 * i]! | (numbers[2 * i + 1]! << 4)
  return packed
}

/** Rows of so many columns in blocks. */
export function blocksOf(
  x: Float32Array,
  columns: number,
  bits: BlockBits,
): { readonly numbers: Uint8Array; readonly scales: Float32Array } {
  const perRow = Math.ceil(columns / blockSize)
  const count = (x.length / columns) * perRow
  const scales = new Float32Array(count)
  const numbers = new Uint8Array(count * blockSize).fill(2 ** (bits - 1))
  const rule = rules[bits]
  for (let block = 0; block < count; block++) {
    const row = Math.floor(block / perRow)
    const from = row * columns + (block % perRow) * blockSize
    scales[block] = rule(x, from, Math.min(from + blockSize, (row + 1) * columns), numbers, block * blockSize)
  }
  return { numbers: packedNumbers(numbers, bits), scales }
}

/** Layers that a network repeats; what lies before and after them is small, and everything depends on it. */
const isRepeated = (name: string): boolean => /\.\d+\./.test(name)

const bytesOfArray = (array: Float32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Where the parts of a matrix of so many rows and blocks of a row come to lie, and what makes them. */
export function placedBlocks(
  made: MadeWeights,
  shape: { readonly rows: number; readonly perRow: number; readonly size: number; readonly bits: BlockBits },
  hasZeros: boolean,
  make: Parameters<MadeWeights['add']>[1],
): StoredBlocks {
  const { rows, perRow, size, bits } = shape
  const bytes = (size * bits) / 8
  const each = rows * perRow * bytesOf.float32
  const [numbers, scales, zeros] = made.add([rows * perRow * bytes, each, ...(hasZeros ? [each] : [])], make)
  const perBlock = (storage: StoredInFile) => ({ dtype: 'float32', shape: [rows * perRow], storage }) as const
  return {
    bits,
    blockSize: size,
    numbers: { dtype: 'uint8', shape: [rows, perRow, bytes], storage: numbers! },
    scales: perBlock(scales!),
    ...(zeros && { zeros: perBlock(zeros) }),
  }
}

/**
 * The same weights, with the matrices of repeated layers in blocks of so many bits for those who multiply by them.
 *
 * Read and written in pieces of 4 MiB when a network is first opened; nothing is held. Relative error of normal weights 0.5 % at
 * 8 bits and 8 % at 4. Size: 9 and 5 bits a weight. What is in blocks already stays as it is.
 *
 * @example const weights = inBlocks(files, await part.openWeights(), await madeWeights(files), 4)
 */
export function inBlocks(files: Files, weights: Weights, made: MadeWeights, bits: BlockBits): Weights {
  const known = new Map<string, StoredBlocks | undefined>()

  function blocks(name: string, shape: readonly [number, number]): StoredBlocks | undefined {
    const already = weights.blocks?.(name, shape)
    if (already || !isRepeated(name)) return already
    const { dtype, storage } = weights.get(name, shape)
    const widen = widening[dtype]
    if (!widen || !('file' in storage)) return undefined
    const [rows, columns] = shape
    const perRow = Math.ceil(columns / blockSize)
    return placedBlocks(made, { rows, perRow, size: blockSize, bits }, false, async (append) => {
      await storage.ready?.()
      const rowBytes = columns * bytesOf[dtype]
      const rowsAtOnce = Math.max(1, Math.floor(pieceBytes / rowBytes))
      for (let row = 0; row < rows; row += rowsAtOnce) {
        const length = Math.min(rowsAtOnce, rows - row) * rowBytes
        const bytes = await files.read(storage.file, storage.offset + row * rowBytes, length)
        const { numbers, scales } = blocksOf(widen(Uint8Array.from(bytes).buffer), columns, bits)
        await append(0, numbers)
        await append(1, bytesOfArray(scales))
      }
    })
  }

  return {
    ...weights,
    blocks(name, shape) {
      if (!known.has(name)) known.set(name, blocks(name, shape))
      return known.get(name)
    },
  }
}
