import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { natureBytes } from '../core/file-nature.js'
import { bytesOf, type DataType } from '../graph/graph.js'
import { sizeOf } from '../math/tensor.js'
import { nodeFiles } from '../node/files.js'
import { encodeSafetensors, readSafetensorsHeader, type SafetensorsTensor } from './safetensors.js'
import { readTensors } from './tensors.js'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function save(...parts: readonly (Uint8Array | string)[]): Promise<string> {
  const path = join(folder, `${count++}.safetensors`)
  await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))))
  return path
}

/** A file with this header, word for word, and this much data. */
function raw(
  header: string,
  dataLength: number,
  claimed: number | bigint = Buffer.byteLength(header),
): Promise<string> {
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(claimed))
  return save(prefix, header, Buffer.alloc(dataLength))
}

const entry = (dtype: string, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets })

const dtypes = Object.keys(bytesOf) as DataType[]

describe('reading', () => {
  test('a file that the reference wrote', async () => {
    const path = 'test/golden/autoencoder-tiny/diffusion_pytorch_model.safetensors'
    const { tensors } = await readSafetensorsHeader(nodeFiles, path)
    // From the file's own header, as `xxd` shows it: the length 10192, then data_offsets [64, 2368].
    expect(tensors.get('decoder.layers.0.weight')).toEqual({
      dtype: 'float32',
      shape: [16, 4, 3, 3],
      offset: 8 + 10192 + 64,
      length: 2304,
    })
  })

  test('metadata, scalars, tensors without elements and padding', async () => {
    const header = `{"__metadata__":{"format":"pt"},"a":${entry('I8', [], [0, 1])},"b":${entry('F32', [0, 7], [1, 1])}}   `
    const { tensors, metadata } = await readSafetensorsHeader(nodeFiles, await raw(header, 1))
    expect(metadata).toEqual({ format: 'pt' })
    expect([...tensors.values()].map(({ shape, length }) => [shape, length])).toEqual([
      [[], 1],
      [[0, 7], 0],
    ])
  })

  const one = (shape: unknown, offsets: unknown, dtype = 'F32') => `{"a":${entry(dtype, shape, offsets)}}`
  test.each<[what: string, header: string, dataLength: number, message: RegExp]>([
    ['no JSON', 'hello, world', 0, /that starts with \{/],
    ['broken JSON', '{"a": ', 0, /Expected JSON/],
    ['a name twice', `{"a":${entry('I8', [1], [0, 1])},"\\u0061":${entry('I8', [1], [1, 2])}}`, 2, /"a" twice/],
    ['a field twice', '{"a":{"dtype":"I8","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, /"dtype" twice/],
    [
      'an unknown field',
      '{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4],"scale":2}}',
      4,
      /dtype, shape and data_offsets alone .*`scale` too/,
    ],
    ['an entry that is a list', '{"a":[1,2]}', 0, /dtype, shape and data_offsets/],
    ['an unknown dtype', one([1], [0, 1], 'Q4'), 1, /a dtype of F64.*got "Q4"/],
    ['a dtype from the prototype', one([1], [0, 1], 'constructor'), 1, /a dtype of F64/],
    ['a negative dimension', one([-1], [0, 4]), 4, /shape of non-negative integers.*got \[-1\]/],
    ['a fractional dimension', one([1.5], [0, 6]), 6, /shape of non-negative integers/],
    ['an absurd dimension', one([1e300], [0, 4]), 4, /shape of non-negative integers/],
    ['a product beyond 2^53', one([2 ** 30, 2 ** 30], [0, 4]), 4, /bytes of float32/],
    ['a shape that is a string', one('3', [0, 4]), 4, /shape of non-negative integers/],
    ['offsets backwards', one([1], [4, 0]), 4, /got -4 bytes/],
    ['one offset', one([1], [0]), 4, /two data_offsets/],
    ['a negative offset', one([1], [-4, 0]), 4, /two data_offsets/],
    ['a length that does not fit the shape', one([2], [0, 4]), 4, /8 bytes of float32 2.*got 4 bytes/],
    ['data beyond the file', one([2], [0, 8]), 4, /inside the file/],
    ['data after the last tensor', one([1], [0, 4]), 5, /as its header says/],
    [
      'a hole',
      `{"a":${entry('I8', [1], [0, 1])},"b":${entry('I8', [1], [2, 3])}}`,
      3,
      /where the tensor before it ends/,
    ],
    ['a hole at the start', one([1], [4, 8]), 8, /where the tensor before it ends/],
    [
      'an overlap',
      `{"a":${entry('I8', [2], [0, 2])},"b":${entry('I8', [2], [1, 3])}}`,
      3,
      /where the tensor before it/,
    ],
    ['metadata of numbers', '{"__metadata__":{"a":1}}', 0, /__metadata__ of strings/],
    ['an empty header', '', 0, /which hold no header/],
  ])('%s is refused', async (_, header, dataLength, message) => {
    const path = await raw(header, dataLength)
    const error = await readSafetensorsHeader(nodeFiles, path).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'bad-model', message: expect.stringMatching(message) })
    expect(error.message).toContain(path)
    expect(error.message).not.toContain('\n')
  })

  test('a header length beyond the file or the limit is refused without reading it', async () => {
    const lengths: number[] = []
    const read = (path: string, offset: number, length: number) => {
      lengths.push(length)
      return nodeFiles.read(path, offset, length)
    }
    const files = { ...nodeFiles, read }
    for (const claimed of [2 ** 31, 100, 2n ** 64n - 1n]) {
      const path = await raw('{}', 0, claimed)
      await expect(readSafetensorsHeader(files, path)).rejects.toThrow(/a header of at most 2 bytes/)
    }
    const huge = { ...files, size: async () => 2 ** 40 }
    await expect(readSafetensorsHeader(huge, await raw('{}', 0, 100_000_001))).rejects.toThrow(
      /at most 100000000 bytes/,
    )
    expect(lengths).toEqual(Array(4).fill(natureBytes))
  })

  test('files that are missing, empty or not UTF-8 are refused', async () => {
    const missing = { code: 'bad-model', got: 'no such file or folder' }
    await expect(readSafetensorsHeader(nodeFiles, join(folder, 'none'))).rejects.toMatchObject(missing)
    await expect(readSafetensorsHeader(nodeFiles, folder)).rejects.toMatchObject({ code: 'bad-model', got: 'a folder' })
    await expect(readTensors(nodeFiles, join(folder, 'none'))).rejects.toMatchObject({ code: 'unavailable' })
    for (const [bytes, got] of [
      ['', 'an empty file'],
      ['\0', '1 byte, which hold no header'],
      ['\0'.repeat(8), '8 bytes, which hold no header'],
      ['\0'.repeat(9), '9 bytes, which hold no header'],
    ] as const) {
      const reading = readSafetensorsHeader(nodeFiles, await save(bytes))
      await expect(reading).rejects.toMatchObject({ code: 'bad-model', expected: 'a safetensors file', got })
    }
    const invalid = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])
    await expect(readSafetensorsHeader(nodeFiles, await save(invalid))).rejects.toThrow(/UTF-8/)
  })
})

describe('writing', () => {
  const tensors = fc.dictionary(
    fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => name !== '__metadata__'),
    fc.record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
      seed: fc.integer({ min: 0, max: 255 }),
    }),
    { maxKeys: 8 },
  )

  test('what was written is what is read, each tensor aligned to its element', async () => {
    const path = join(folder, 'law.safetensors')
    await fc.assert(
      fc.asyncProperty(tensors, async (described) => {
        const written: Record<string, SafetensorsTensor> = Object.fromEntries(
          Object.entries(described).map(([name, { dtype, shape, seed }]) => [
            name,
            { dtype, shape, bytes: new Uint8Array(sizeOf(shape) * bytesOf[dtype]).fill(seed) },
          ]),
        )
        await writeFile(path, Buffer.concat(encodeSafetensors(written, { note: 'λ' })))
        const { tensors: read, metadata } = await readSafetensorsHeader(nodeFiles, path)
        expect(metadata).toEqual({ note: 'λ' })
        expect([...read.keys()].sort()).toEqual(Object.keys(written).sort())
        for (const [name, { dtype, shape, offset, length }] of read) {
          expect({ dtype, shape }).toEqual({ dtype: written[name]!.dtype, shape: written[name]!.shape })
          expect(offset % bytesOf[dtype]).toBe(0)
          expect(new Uint8Array(await nodeFiles.read(path, offset, length))).toEqual(written[name]!.bytes)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('the order of the object does not change the file', () => {
    const bytes = new Uint8Array(4)
    const a = { dtype: 'float32', shape: [1], bytes } as const
    const b = { dtype: 'uint8', shape: [4], bytes } as const
    expect(encodeSafetensors({ b, a })).toEqual(encodeSafetensors({ a, b }))
  })

  test('bytes that do not fit the shape are refused', () => {
    const wrong = { dtype: 'float32', shape: [2], bytes: new Uint8Array(4) } as const
    expect(() => encodeSafetensors({ wrong })).toThrow(/8 bytes of float32 2.*`wrong`.*got 4/)
  })
})
