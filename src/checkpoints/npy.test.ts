import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { tensor } from '../math/tensor.js'
import { nodeFiles } from '../node/files.js'
import { encodeNpy, readNpy } from './npy.js'

const golden = (name: string) => `test/golden/npy/${name}.npy`
/** What numpy was given; the files say how they hold it. */
const values = [0, -0, 1.5, -2.25, 1 / 3, 1e-40, 3.4e38, 12345.678]
const float32 = tensor([1, 2, 2, 2], Float32Array.from(values))
const float64 = tensor([2, 4], values)
const vector = tensor([3], Float32Array.from(values.slice(0, 3)))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-npy-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('what numpy wrote', () => {
  it.each([
    ['float32', float32],
    ['float64', float64],
    ['vector', vector],
    ['version-2', { ...float32, shape: [8] }],
  ])('%s is read to the last bit', async (name, given) => {
    const { shape, data } = await readNpy(nodeFiles, golden(name))
    expect(shape).toEqual(given.shape)
    expect(data.every((value, i) => Object.is(value, given.data[i]))).toBe(true)
  })

  it.each([
    ['float32', float32, 'float32'],
    ['float64', float64, 'float64'],
    ['vector', vector, 'float32'],
  ] as const)('%s is written byte for byte', (name, given, dtype) => {
    expect(Buffer.concat(encodeNpy(given, dtype))).toEqual(readFileSync(golden(name)))
  })

  it.each([
    ['fortran', /the last axis fastest.*fortran_order.*ascontiguousarray/],
    ['big-endian', /`>f4`.*astype/],
    ['half', /`<f2`/],
    ['object', /`\|O`/],
  ])('%s is refused by name', async (name, message) => {
    await expect(readNpy(nodeFiles, golden(name))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(message),
    })
  })
})

describe('files of strangers', () => {
  const whole = readFileSync(golden('float32'))
  const changed = (at: number, bytes: string) =>
    Buffer.concat([whole.subarray(0, at), Buffer.from(bytes, 'latin1'), whole.subarray(at + bytes.length)])
  const withHeader = (text: string) => {
    const head = Buffer.from(`\x93NUMPY\x01\0\0\0${text}\n`, 'latin1')
    head.writeUInt16LE(text.length + 1, 8)
    return Buffer.concat([head, whole.subarray(128)])
  }
  test.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ['nothing', Buffer.alloc(0), /an empty file/],
    ['a picture', readFileSync('examples/scene.png'), /a \.npy file.*got a PNG picture. Invert the picture first/],
    ['six bytes', whole.subarray(0, 6), /another format/],
    ['another version', changed(6, '\x09'), /version 1, 2 or 3.*got 9/],
    ['a header behind its end', changed(8, '\xff\xff'), /a header inside the file/],
    ['too few numbers', whole.subarray(0, -1), /32 bytes of float32 1×2×2×2.*got 31/],
    ['too many numbers', Buffer.concat([whole, Buffer.alloc(4)]), /got 36/],
    [
      'a field twice',
      withHeader("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (8,), }"),
      /a header of/,
    ],
    ['a call', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (int('8'),), }"), /a header of/],
    ['a negative size', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-8,), }"), /a header of/],
    [
      'an absurd size',
      withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (${'9'.repeat(400)},), }`),
      /Infinity bytes/,
    ],
    [
      'a type of the prototype',
      withHeader("{'descr': 'constructor', 'fortran_order': False, 'shape': (8,), }"),
      /`constructor`/,
    ],
  ])('%s is refused', async (_, bytes, message) => {
    const path = join(folder, 'a.npy')
    await writeFile(path, bytes)
    await expect(readNpy(nodeFiles, path)).rejects.toThrow(message)
  })

  it.each([
    ['none.npy', 'no such file or folder'],
    ['.', 'a folder'],
  ])('a file that is not there is refused, with what is: %s', async (name, got) => {
    await expect(readNpy(nodeFiles, join(folder, name))).rejects.toMatchObject({ code: 'unavailable', got })
  })
})
