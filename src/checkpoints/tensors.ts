/** Tensors as a checkpoint's bytes and back. Small ones only (latents, references): networks' weights stay in files. */
import { expected } from '../core/errors.js'
import { bytesOf, type DataType } from '../graph/graph.js'
import { fromBfloat16Bits, fromHalfBits, toBfloat16Bits, toHalfBits } from '../math/half.js'
import { formatShape, sizeOf, type Tensor, tensor } from '../math/tensor.js'
import { checkFiles, type Files, fileSize } from './files.js'
import { readSafetensorsHeader, type SafetensorsTensor } from './safetensors.js'

// Typed arrays are little-endian, as the files are, on every machine that Node and browsers run on.
const decoders: Readonly<Record<DataType, (buffer: ArrayBuffer) => ArrayLike<number>>> = {
  float64: (buffer) => new Float64Array(buffer),
  float32: (buffer) => new Float32Array(buffer),
  float16: (buffer) => fromHalfBits(new Uint16Array(buffer)),
  bfloat16: (buffer) => fromBfloat16Bits(new Uint16Array(buffer)),
  int64: (buffer) => Array.from(new BigInt64Array(buffer), Number),
  uint64: (buffer) => Array.from(new BigUint64Array(buffer), Number),
  int32: (buffer) => new Int32Array(buffer),
  uint32: (buffer) => new Uint32Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
}

const bigInteger = (value: number): bigint => (Number.isInteger(value) ? BigInt(value) : 0n)

const encoders: Readonly<Record<DataType, (values: Float64Array) => ArrayBufferView>> = {
  float64: (values) => Float64Array.from(values),
  float32: (values) => Float32Array.from(values),
  float16: toHalfBits,
  bfloat16: toBfloat16Bits,
  int64: (values) => BigInt64Array.from(values, bigInteger),
  uint64: (values) => BigUint64Array.from(values, bigInteger),
  int32: (values) => Int32Array.from(values),
  uint32: (values) => Uint32Array.from(values),
  int16: (values) => Int16Array.from(values),
  uint16: (values) => Uint16Array.from(values),
  int8: (values) => Int8Array.from(values),
  uint8: (values) => Uint8Array.from(values),
  bool: (values) => Uint8Array.from(values, Number),
}

/**
 * The numbers that little-endian bytes stand for; 64-bit integers beyond 2⁵³ lose their last digits. Throws `bad-model`
 * when there are more or fewer bytes than the shape needs.
 */
export function tensorFromBytes(dtype: DataType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const length = sizeOf(shape) * bytesOf[dtype]
  if (bytes.length !== length) {
    throw expected(
      'bad-model',
      `${length} bytes`,
      `a tensor of ${dtype} ${formatShape(shape)}`,
      `${bytes.length}`,
      'The data is damaged or has another type.',
    )
  }
  return tensor(shape, decoders[dtype](Uint8Array.from(bytes).buffer))
}

/**
 * Little-endian bytes of a tensor's numbers, rounded to the nearest of a floating-point type. Throws `bad-option` where
 * an integer type, or 0 and 1 for bool, cannot hold a number.
 */
export function tensorToBytes(x: Tensor, dtype: DataType): Uint8Array {
  const { buffer, byteOffset, byteLength } = encoders[dtype](x.data)
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
  if (!dtype.includes('float')) {
    const { data } = tensorFromBytes(dtype, x.shape, bytes)
    const wrong = x.data.find((value, i) => value !== data[i] || (dtype === 'bool' && value !== 0 && value !== 1))
    if (wrong !== undefined) {
      throw expected(
        'bad-option',
        `numbers that ${dtype} holds`,
        'a tensor',
        `${wrong}`,
        'Round or clamp first, or choose a floating-point type.',
      )
    }
  }
  return bytes
}

/** A tensor as `encodeSafetensors` takes it. */
export const safetensor = (x: Tensor, dtype: DataType = 'float32'): SafetensorsTensor => ({
  dtype,
  shape: x.shape,
  bytes: tensorToBytes(x, dtype),
})

/**
 * Reads all tensors of a small .safetensors file into memory: a saved latent, reference outputs. Throws `unavailable` for a
 * missing file, otherwise as `readSafetensorsHeader` does.
 *
 * @example const latent = (await readTensors(nodeFiles, 'latent.safetensors')).get('latent')
 */
export async function readTensors(files: Files, path: string): Promise<Map<string, Tensor>> {
  checkFiles(files, path)
  await fileSize(files, path)
  const { tensors } = await readSafetensorsHeader(files, path)
  const read = new Map<string, Tensor>()
  for (const [name, { dtype, shape, offset, length }] of tensors) {
    read.set(name, tensorFromBytes(dtype, shape, await files.read(path, offset, length)))
  }
  return read
}
