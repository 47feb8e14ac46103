/**
 * How GGUF keeps numbers: plain, or in blocks of a few bits with their scales. One entry for each type that is read.
 *
 * Source: ggml, ggml-common.h (the blocks) and ggml-quants.c (`dequantize_row_*`).
 */
import type { DataType } from '../graph/graph.js'
import type { BlockBits } from './blocks.js'
import { halfNumber } from './half-numbers.js'

/** Blocks that were read: whole numbers, and for each group of neighbours a scale and, where the type has one, a minimum. */
export interface ReadBlocks {
  readonly numbers: Uint8Array
  readonly scales: Float32Array
  readonly minima: Float32Array
}

/** w = scale·(q − middle), or scale·q − minimum where the type has minima. */
export interface BlockType {
  readonly name: string
  /** Numbers and bytes of a block. */
  readonly size: number
  readonly bytes: number
  /** Numbers that share a scale. */
  readonly group: number
  readonly middle?: number
  /** With which a product is computed from blocks like these; the others are read as 16-bit weights. */
  readonly bits?: BlockBits
  /** Reads the block that starts at `at` as the block `index` of `to`. */
  read(bytes: Uint8Array, at: number, to: ReadBlocks, index: number): void
}

export interface PlainType {
  readonly name: string
  readonly dtype: DataType
}

export type GgufType = PlainType | BlockType

/** Two numbers of 4 bits in each byte: the lower ones are the first half of the run, the upper ones the second. */
function halves(bytes: Uint8Array, at: number, count: number, numbers: Uint8Array, to: number): void {
  for (let i = 0; i < count / 2; i++) {
    numbers[to + i] = bytes[at + i]! & 15
    numbers[to + i + count / 2] = bytes[at + i]! >> 4
  }
}

/** The fifth bits of 32 numbers, in a row. */
function fifthBits(bytes: Uint8Array, at: number, numbers: Uint8Array, to: number): void {
  for (let i = 0; i < 32; i++) numbers[to + i]! |= ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4
}

/** Q4_0, Q4_1, Q5_0, Q5_1: 32 numbers with one scale and, in the second of each, one minimum. */
function small(name: string, bits: 4 | 5, middle: number | undefined, more: Pick<BlockType, 'bits'>): BlockType {
  const head = middle === undefined ? 4 : 2
  const high = bits === 5 ? 4 : 0
  return {
    name,
    size: 32,
    bytes: head + high + 16,
    group: 32,
    ...(middle !== undefined && { middle }),
    ...more,
    read(bytes, at, { numbers, scales, minima }, index) {
      scales[index] = halfNumber(bytes, at)
      if (middle === undefined) minima[index] = -halfNumber(bytes, at + 2)
      halves(bytes, at + head + high, 32, numbers, 32 * index)
      if (high > 0) fifthBits(bytes, at + head, numbers, 32 * index)
    },
  }
}

/** Scales and minima of the eight groups of a block of 256, 6 bits each in 12 bytes, times those of the block. */
function groupScales(bytes: Uint8Array, at: number, { scales, minima }: ReadBlocks, index: number): void {
  const [scale, minimum] = [halfNumber(bytes, at), halfNumber(bytes, at + 2)]
  const packed = at + 4
  for (let j = 0; j < 4; j++) {
    const [first, second, third] = [bytes[packed + j]!, bytes[packed + 4 + j]!, bytes[packed + 8 + j]!]
    const to = 8 * index + j
    scales[to] = scale * (first & 63)
    minima[to] = minimum * (second & 63)
    scales[to + 4] = scale * ((third & 15) | ((first >> 2) & 48))
    minima[to + 4] = minimum * ((third >> 4) | ((second >> 2) & 48))
  }
}

const q8_0: BlockType = {
  name: 'Q8_0',
  size: 32,
  bytes: 34,
  group: 32,
  middle: 128,
  bits: 8,
  read(bytes, at, { numbers, scales }, index) {
    scales[index] = halfNumber(bytes, at)
    for (let i = 0; i < 32; i++) numbers[32 * index + i] = bytes[at + 2 + i]! ^ 128
  },
}

const q4K: BlockType = {
  name: 'Q4_K',
  size: 256,
  bytes: 144,
  group: 32,
  bits: 4,
  read(bytes, at, to, index) {
    groupScales(bytes, at, to, index)
    for (let run = 0; run < 4; run++) halves(bytes, at + 16 + 32 * run, 64, to.numbers, 256 * index + 64 * run)
  },
}

const q5K: BlockType = {
  name: 'Q5_K',
  size: 256,
  bytes: 176,
  group: 32,
  read(bytes, at, to, index) {
    groupScales(bytes, at, to, index)
    for (let run = 0; run < 4; run++) halves(bytes, at + 48 + 32 * run, 64, to.numbers, 256 * index + 64 * run)
    for (let i = 0; i < 256; i++) {
      const high = (bytes[at + 16 + (i & 31)]! >> (i >> 5)) & 1
      to.numbers[256 * index + i]! |= high << 4
    }
  },
}

const q6K: BlockType = {
  name: 'Q6_K',
  size: 256,
  bytes: 210,
  group: 16,
  middle: 32,
  bits: 8,
  read(bytes, at, { numbers, scales }, index) {
    const scale = halfNumber(bytes, at + 208)
    for (let j = 0; j < 16; j++) scales[16 * index + j] = scale * ((bytes[at + 192 + j]! << 24) >> 24)
    for (let run = 0; run < 2; run++) sixBits(bytes, at, run, numbers, 256 * index + 128 * run)
  },
}

/** 128 numbers of Q6_K: four lower bits in two halves of 64 bytes, two upper bits in four quarters of 32 bytes. */
function sixBits(bytes: Uint8Array, at: number, run: number, numbers: Uint8Array, to: number): void {
  halves(bytes, at + 64 * run, 128, numbers, to)
  for (let i = 0; i < 128; i++) {
    const high = (bytes[at + 128 + 32 * run + (i & 31)]! >> (2 * (i >> 5))) & 3
    numbers[to + i]! |= high << 4
  }
}

/** By the codes of files. */
const types: ReadonlyMap<number, GgufType> = new Map<number, GgufType>([
  [0, { name: 'F32', dtype: 'float32' }],
  [1, { name: 'F16', dtype: 'float16' }],
  [2, small('Q4_0', 4, 8, { bits: 4 })],
  [3, small('Q4_1', 4, undefined, { bits: 4 })],
  [6, small('Q5_0', 5, 16, { bits: 8 })],
  [7, small('Q5_1', 5, undefined, {})],
  [8, q8_0],
  [12, q4K],
  [13, q5K],
  [14, q6K],
  [30, { name: 'BF16', dtype: 'bfloat16' }],
])

export const typeOf = (code: number): GgufType | undefined => types.get(code)

export const typeNames: readonly string[] = [...types.values()].map(({ name }) => name)

/** Types that are not read, by what people call them. */
const unread: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
}

export const unreadName = (code: number): string => unread[code] ?? `type ${code}`

const emptyNumbers = (type: BlockType, count: number): ReadBlocks => ({
  numbers: new Uint8Array(count * type.size),
  scales: new Float32Array((count * type.size) / type.group),
  minima: new Float32Array((count * type.size) / type.group),
})

/** All blocks that the bytes hold. */
export function readBlocks(type: BlockType, bytes: Uint8Array): ReadBlocks {
  const count = bytes.length / type.bytes
  const to = emptyNumbers(type, count)
  for (let index = 0; index < count; index++) type.read(bytes, index * type.bytes, to, index)
  return to
}

/** The weights of blocks, each operation rounded to float32 as ggml does it. */
export function weightsOf({ group, middle }: BlockType, { numbers, scales, minima }: ReadBlocks): Float32Array {
  return Float32Array.from(numbers, (number, i) => {
    const at = Math.floor(i / group)
    if (middle !== undefined) return scales[at]! * (number - middle)
    return Math.fround(scales[at]! * number) - minima[at]!
  })
}
