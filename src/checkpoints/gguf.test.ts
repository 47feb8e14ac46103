/** GGUF files: their headers, which anybody may have written, and their numbers, against gguf-py. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeGguf, joined, memoryFiles, text, uint32, uint64, type WrittenFile } from '../../test/gguf-files.js'
import { chance } from '../../test/mutations/chance.js'
import { isUndiffuseError } from '../core/errors.js'
import type { Initializer } from '../graph/graph.js'
import { fromHalfBits } from '../math/half.js'
import { sizeOf, type Tensor } from '../math/tensor.js'
import { nodeFiles } from '../node/files.js'
import { blocksOf } from './blocks.js'
import { readGgufHeader } from './gguf.js'
import { type BlockType, readBlocks, typeOf, weightsOf } from './gguf-types.js'
import { ggufWeights, type Origin } from './gguf-weights.js'
import { madeWeights } from './made-weights.js'
import { readTensors } from './tensors.js'

const golden = fileURLToPath(new URL('../../test/golden/gguf/types.safetensors', import.meta.url))

const codes = { Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, Q4_K: 12, Q5_K: 13, Q6_K: 14 }
const blockType = (name: keyof typeof codes) => typeOf(codes[name]) as BlockType
const names = Object.keys(codes) as (keyof typeof codes)[]

let io: Map<string, Tensor>
beforeAll(async () => {
  io = await readTensors(nodeFiles, golden)
})
const rawOf = (name: string) => Uint8Array.from(io.get(`${name}.raw`)!.data)

describe('numbers in blocks', () => {
  it.each(names)('%s has the weights that gguf-py reads', (name) => {
    const type = blockType(name)
    expect(type.name).toBe(name)
    expect([...weightsOf(type, readBlocks(type, rawOf(name)))]).toEqual([...io.get(`${name}.weights`)!.data])
  })

  it.each([
    ['Q8_0', 8],
    ['Q4_0', 4],
  ] as const)('%s is made as gguf-py makes it, with scales that are not rounded', (name, bits) => {
    const { shape, data } = io.get(`${name}.source`)!
    const { numbers, scales } = blocksOf(Float32Array.from(data), shape[1]!, bits)
    const theirs = readBlocks(blockType(name), rawOf(name))
    const ours = bits === 8 ? numbers : Uint8Array.from(unpacked(numbers))
    expect(ours).toEqual(theirs.numbers)
    // Half of the last digit of a half number, or of the smallest there is.
    scales.forEach((scale, i) => {
      const rounding = Math.max(2 ** -11 * Math.abs(scale), 2 ** -25)
      expect(Math.abs(scale - theirs.scales[i]!)).toBeLessThanOrEqual(rounding)
    })
  })
})

const unpacked = (bytes: Uint8Array) => [...bytes].flatMap((byte) => [byte & 15, byte >> 4])

const plain = (values: readonly number[], sizes: readonly number[], offset?: number) => ({
  code: 0,
  sizes,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
  ...(offset !== undefined && { offset }),
})

const small: WrittenFile = {
  fields: [
    ['general.architecture', 8, text('sd3')],
    ['some.numbers', 9, joined([uint32(4), uint64(2), uint32(7), uint32(9)])],
    ['some.texts', 9, joined([uint32(8), uint64(2), text('a'), text('b')])],
  ],
  tensors: { first: plain([1, 2, 3, 4, 5, 6], [3, 2]), second: plain([7], [1]) },
}

const readHeader = async (file: Uint8Array) => await readGgufHeader(memoryFiles(new Map([['m.gguf', file]])), 'm.gguf')

describe('a header', () => {
  it('says what lies where', async () => {
    const { tensors, metadata } = await readHeader(encodeGguf(small))
    expect([...tensors.keys()]).toEqual(['first', 'second'])
    expect(tensors.get('first')).toMatchObject({ shape: [2, 3], length: 24, type: { name: 'F32' } })
    expect(tensors.get('second')!.offset - tensors.get('first')!.offset).toBe(32)
    expect([metadata.get('general.architecture'), metadata.get('some.numbers')]).toEqual(['sd3', [7, 9]])
  })

  it('of gguf-py is read', async () => {
    const path = fileURLToPath(new URL('../../test/golden/gguf/sd3-q4_0.gguf', import.meta.url))
    const { tensors, metadata } = await readGgufHeader(nodeFiles, path)
    expect(metadata.get('general.architecture')).toBe('sd3')
    expect(tensors.get('joint_blocks.0.x_block.attn.qkv.weight')).toMatchObject({
      shape: [96, 32],
      type: { name: 'Q4_0' },
    })
  })

  it('gives a tensor the shape that its program put aside', async () => {
    const shape = joined([uint32(5), uint64(3), uint32(1), uint32(3), uint32(2)])
    const file = encodeGguf({ ...small, fields: [['comfy.gguf.orig_shape.first', 9, shape]] })
    expect((await readHeader(file)).tensors.get('first')!.shape).toEqual([1, 3, 2])
  })

  it.each<[string, WrittenFile | Uint8Array, RegExp]>([
    ['another format', new Uint8Array(100), /begins with GGUF/],
    ['a picture', readFileSync('examples/scene.png'), /a GGUF file.*got a PNG picture/],
    ['nothing', new Uint8Array(), /a file of 0 bytes/],
    ['a pointer', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1'), /git-lfs pointer/],
    ['another version', { ...small, version: 4 }, /version 2 or 3.*got 4/],
    ['a type that is not read', { tensors: { a: { code: 10, sizes: [256], bytes: new Uint8Array(84) } } }, /got Q2_K/],
    ['a type that is not known', { tensors: { a: { code: 77, sizes: [8], bytes: new Uint8Array(8) } } }, /got type 77/],
    ['five axes', { tensors: { a: plain([1], [1, 1, 1, 1, 1]) } }, /at most 4 axes/],
    [
      'rows of half blocks',
      { tensors: { a: { code: 8, sizes: [48, 2], bytes: new Uint8Array(102) } } },
      /blocks of 32/,
    ],
    ['an overlap', { tensors: { a: plain([1, 2], [2], 0), b: plain([1], [1], 0) } }, /which end at/],
    ['a place between', { tensors: { a: plain([1], [1], 4) } }, /multiple of 32/],
    ['data beyond the end', { tensors: { a: { ...plain([1], [400]) } } }, /within the/],
    ['a huge tensor', { tensors: { a: plain([1], [2 ** 40, 2 ** 40]) } }, /a size that files have/],
    ['a wrong alignment', { ...small, fields: [['general.alignment', 4, uint32(7)]] }, /multiple of 8/],
    ['a field of an unknown type', { ...small, fields: [['x', 99, uint32(7)]] }, /a type of values.*got 99/],
    ['a list of lists', { ...small, fields: [['x', 9, joined([uint32(9), uint64(1)])]] }, /texts or numbers/],
    ['an endless text', { ...small, fields: [['x', 8, uint64(2 ** 50)]] }, /a length of a text/],
    [
      'a field twice',
      {
        ...small,
        fields: [
          ['x', 4, uint32(1)],
          ['x', 4, uint32(1)],
        ],
      },
      /each field once/,
    ],
  ])('refuses %s', async (_, file, said) => {
    const bytes = file instanceof Uint8Array ? file : encodeGguf(file)
    await expect(readHeader(bytes)).rejects.toThrow(said)
  })

  it('is read or refused, whatever was changed or cut', async () => {
    const whole = encodeGguf(small)
    const count = Number(process.env.UNDIFFUSE_MUTATIONS ?? 400)
    for (let seed = 0; seed < count; seed++) {
      const below = chance(seed)
      const bytes = whole.slice(0, below(4) === 0 ? below(whole.length) : whole.length)
      for (let i = 0; i <= below(3); i++) if (bytes.length > 0) bytes[below(bytes.length)] = below(256)
      await readHeader(bytes).catch((error: unknown) => {
        if (!isUndiffuseError(error)) throw error
      })
    }
  })
})

describe('the weights of a file', () => {
  const originOf = (origins: Readonly<Record<string, Origin>>) => () => (name: string) => origins[name]

  async function open(file: WrittenFile, origins: Readonly<Record<string, Origin>>) {
    const contents = new Map([['m.gguf', encodeGguf(file)]])
    const files = memoryFiles(contents)
    const weights = await ggufWeights(files, 'm.gguf', originOf(origins), await madeWeights(files))
    const bytesOf = async ({ storage }: Initializer) => {
      if (!('file' in storage)) throw new Error('Weights lie in files.')
      await storage.ready?.()
      return contents.get(storage.file)!.slice(storage.offset, storage.offset + storage.length)
    }
    return { weights, bytesOf }
  }
  const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.buffer)]

  it('are runs of rows, the last ones, or halves in another order', async () => {
    const tensors = { all: plain([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]) }
    const { weights, bytesOf } = await open(
      { tensors },
      {
        second: { tensor: 'all', rows: 1 },
        last: { tensor: 'all', rows: 'last' },
        swapped: { tensor: 'all', rows: 'halves swapped' },
        none: { tensor: 'nothing' },
      },
    )
    expect(floats(await bytesOf(weights.get('second', [1, 2])))).toEqual([3, 4])
    expect(floats(await bytesOf(weights.get('last', [3, 2])))).toEqual([3, 4, 5, 6, 7, 8])
    expect(floats(await bytesOf(weights.get('swapped', [4, 2])))).toEqual([5, 6, 7, 8, 1, 2, 3, 4])
    expect([weights.has('second'), weights.has('none'), weights.has('other')]).toEqual([true, false, false])
    expect(() => weights.get('second', [5, 2])).toThrow(/shape.*got/)
    expect(() => weights.get('none', [1, 2])).toThrow(/nothing among 1/)
    expect(weights.names).toEqual(['second', 'last', 'swapped'])
  })

  it.each(['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q4_K', 'Q6_K'] as const)('of %s stay in blocks', async (name) => {
    const sizes = [512, 3]
    const tensors = { all: { code: codes[name], sizes, bytes: rawOf(name) } }
    const { weights, bytesOf } = await open({ tensors }, { ours: { tensor: 'all', rows: 'last' } })
    const { bits, blockSize, numbers, scales, zeros } = weights.blocks!('ours', [2, 512])!
    const q = await bytesOf(numbers)
    const whole = bits === 8 ? [...q] : unpacked(q)
    const [s, z] = [floats(await bytesOf(scales)), zeros && floats(await bytesOf(zeros))]
    const found = whole.map((number, i) => {
      const at = Math.floor(i / blockSize)
      return (number - (z ? z[at]! : 2 ** (bits - 1))) * s[at]!
    })
    expect(sizeOf(numbers.shape)).toBe((1024 * bits) / 8)
    const theirs = [...io.get(`${name}.weights`)!.data.slice(512)]
    const largest = Math.max(...theirs.map(Math.abs))
    // Of types with minima the zero is a quotient, rounded to float32.
    const rounding = zeros ? 1e-6 : 0
    found.forEach((weight, i) => {
      expect(Math.abs(Math.fround(weight) - theirs[i]!)).toBeLessThanOrEqual(rounding * largest)
    })
  })

  it('of one axis in blocks are read whole, and not by halves of blocks', async () => {
    const tensors = { all: { code: codes.Q8_0, sizes: [64], bytes: rawOf('Q8_0').slice(0, 68) } }
    const { weights, bytesOf } = await open({ tensors }, { ours: { tensor: 'all' }, half: { tensor: 'all', rows: 1 } })
    const values = fromHalfBits(new Uint16Array((await bytesOf(weights.get('ours', [64]))).buffer))
    expect(Math.abs(values[1]! - io.get('Q8_0.weights')!.data[1]!)).toBeLessThan(1e-3)
    expect(() => weights.get('half', [32])).toThrow(/all, Q8_0/)
  })

  it('of Q5_K become 16-bit weights, and a block without a scale is one number', async () => {
    const tensors = { all: { code: codes.Q5_K, sizes: [512, 3], bytes: rawOf('Q5_K') } }
    const { weights, bytesOf } = await open({ tensors }, { ours: { tensor: 'all' } })
    expect(weights.blocks!('ours', [3, 512])).toBeUndefined()
    const half = weights.get('ours', [3, 512])
    expect(half.dtype).toBe('float16')
    const values = fromHalfBits(new Uint16Array((await bytesOf(half)).buffer))
    const theirs = io.get('Q5_K.weights')!.data
    const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    values.forEach((value, i) => {
      expect(Math.abs(value - theirs[i]!)).toBeLessThan(largest * 2 ** -11)
    })
    const flat = {
      code: codes.Q4_1,
      sizes: [32, 1],
      bytes: Uint8Array.from({ length: 20 }, (_, i) => [0, 0, 0, 60][i] ?? 255),
    }
    const one = await open({ tensors: { flat } }, { flat: { tensor: 'flat' } })
    const blocks = one.weights.blocks!('flat', [1, 32])!
    const [scale, zero] = [floats(await one.bytesOf(blocks.scales)), floats(await one.bytesOf(blocks.zeros!))]
    // 0·q + 1.
    expect([scale, zero, [...new Set(await one.bytesOf(blocks.numbers))]]).toEqual([[1], [-1], [0]])
  })
})
