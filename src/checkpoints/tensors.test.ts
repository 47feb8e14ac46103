import { expect, test } from 'vitest'
import { bytesOf, type DataType } from '../graph/graph.js'
import { tensor } from '../math/tensor.js'
import { nodeFiles } from '../node/files.js'
import { readNpy } from './npy.js'
import { readTensors, tensorFromBytes, tensorToBytes } from './tensors.js'

const dtypes = Object.keys(bytesOf) as DataType[]
const isInteger = (dtype: DataType) => /int/.test(dtype)

test.each(dtypes)('numbers that %s holds come back', (dtype) => {
  const values = dtype === 'bool' ? [0, 1, 1, 0] : isInteger(dtype) ? [0, 1, 100, 127] : [0, -1.5, 0.25, 96]
  const x = tensor([2, 2], values)
  const bytes = tensorToBytes(x, dtype)
  expect(bytes.length).toBe(4 * bytesOf[dtype])
  // From an address that is not aligned, as tensors lie in files.
  const shifted = new Uint8Array(bytes.length + 1)
  shifted.set(bytes, 1)
  expect(tensorFromBytes(dtype, [2, 2], shifted.subarray(1))).toEqual(x)
})

test.each([...dtypes.filter(isInteger), 'bool'] as const)('numbers that %s does not hold are refused', (dtype) => {
  for (const value of [0.5, 2 ** 64, Number.NaN, dtype === 'bool' ? 2 : -(2 ** 63) - 4096]) {
    expect(() => tensorToBytes(tensor([1], [value]), dtype)).toThrow(`numbers that ${dtype} holds`)
  }
})

test('bytes as the types define them', () => {
  // IEEE 754: 1 is 0x3f800000 in single, 0x3c00 in half and 0x3f80 in bfloat16 precision; little-endian.
  const one = tensor([1], [1])
  expect([...tensorToBytes(one, 'float32')]).toEqual([0, 0, 0x80, 0x3f])
  expect([...tensorToBytes(one, 'float16')]).toEqual([0, 0x3c])
  expect([...tensorToBytes(one, 'bfloat16')]).toEqual([0x80, 0x3f])
  expect([...tensorToBytes(tensor([1], [-2]), 'int64')]).toEqual([0xfe, 255, 255, 255, 255, 255, 255, 255])
})

test('bytes that do not fit the shape are refused', () => {
  expect(() => tensorFromBytes('float32', [2], new Uint8Array(7))).toThrow(/8 bytes for a tensor of float32 2, got 7/)
})

test('tensors of a file that the reference wrote', async () => {
  const tensors = await readTensors(nodeFiles, 'test/golden/autoencoder-tiny/io.safetensors')
  expect(tensors.get('image')?.shape).toEqual([1, 3, 48, 32])
  expect(tensors.get('image')?.data.every((pixel) => pixel >= -1 && pixel <= 1 && pixel !== 0)).toBe(true)
})

test.each([
  ['noise.npy', 'test/golden/npy/float32.npy', /got a \.npy file. Read it with `readNpy`/],
  ['model.gguf', 'test/golden/gguf/sd3-q4_0.gguf', /got a GGUF file/],
  ['picture.png', 'examples/scene.png', /got a PNG picture/],
])('%s is told by its first bytes', async (_, path, message) => {
  await expect(readTensors(nodeFiles, path)).rejects.toThrow(message)
})

test('a safetensors file is told from a .npy file', async () => {
  const path = 'test/golden/autoencoder-tiny/diffusion_pytorch_model.safetensors'
  await expect(readNpy(nodeFiles, path)).rejects.toThrow(/got a safetensors file. Read it with `readTensors`/)
})
