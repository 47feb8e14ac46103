/**
 * Reads ONNX tensors: every encoding of their numbers, or where they lie in another file. What a file says of sizes
 * and places is checked before it is believed.
 */
import { TensorProto_DataLocation as DataLocation, TensorProto_DataType as OnnxType, type TensorProto } from 'onnx-buf'
import { expected } from '../../core/errors.js'
import { formatShape, sizeOf } from '../../math/tensor.js'
import { bytesOf, type DataType, type Initializer, type Storage } from '../graph.js'
import { dataTypeOfCode } from '../ops/common.js'

/** The remedy for files that are not what they should be. */
export const damaged = 'The file is damaged or not an ONNX model; export it again.'

/** From an external tensor's location, as the model states it, to the file it lies in. */
export type Resolve = (location: string) => string

/** The element type of a code; throws `unsupported` for those that graphs here do not have. */
export function readDataType(code: number, name: string): DataType {
  const dtype = dataTypeOfCode(code)
  if (dtype) return dtype
  if (code === OnnxType.UNDEFINED || OnnxType[code] === undefined) {
    throw expected('bad-model', 'an element type', name, `code ${code}`, damaged)
  }
  throw expected(
    'unsupported',
    'float16 to float64, bfloat16, integers of 8 to 64 bits or bool',
    name,
    OnnxType[code].toLowerCase(),
    'Export the model without quantised, complex or string tensors.',
  )
}

function readShape(dims: readonly bigint[], name: string): number[] {
  const shape = dims.map(Number)
  if (shape.some((size) => size < 0 || !Number.isSafeInteger(size))) {
    throw expected('bad-model', 'sizes of zero or more', name, `[${dims}]`, damaged)
  }
  return shape
}

/** Numbers held in the protobuf's typed lists; half precision and booleans as the bits of an int32. */
const typedLists: Readonly<Record<DataType, (tensor: TensorProto) => ArrayBufferView>> = {
  float32: ({ floatData }) => Float32Array.from(floatData),
  float64: ({ doubleData }) => Float64Array.from(doubleData),
  int64: ({ int64Data }) => BigInt64Array.from(int64Data),
  uint64: ({ uint64Data }) => BigUint64Array.from(uint64Data),
  uint32: ({ uint64Data }) => Uint32Array.from(uint64Data, Number),
  int32: ({ int32Data }) => Int32Array.from(int32Data),
  int16: ({ int32Data }) => Int16Array.from(int32Data),
  int8: ({ int32Data }) => Int8Array.from(int32Data),
  uint16: ({ int32Data }) => Uint16Array.from(int32Data),
  uint8: ({ int32Data }) => Uint8Array.from(int32Data),
  bool: ({ int32Data }) => Uint8Array.from(int32Data, Number),
  float16: ({ int32Data }) => Uint16Array.from(int32Data),
  bfloat16: ({ int32Data }) => Uint16Array.from(int32Data),
}

/** A path below the model's folder and nothing else: relative, without `..`, without ONNX Runtime's memory addresses. */
const isBelow = (location: string): boolean =>
  location !== '' && !/^([\\/]|[A-Za-z]:)|[*\0]/.test(location) && !location.split(/[\\/]/).includes('..')

function externalStorage(tensor: TensorProto, length: number, name: string, resolve: Resolve | undefined): Storage {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]))
  const number = (key: string, fallback: number): number => {
    const text = entries.get(key) ?? String(fallback)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
      throw expected('bad-model', `the ${key} of external data`, name, text, damaged)
    }
    return Number(text)
  }
  const location = entries.get('location') ?? ''
  if (!isBelow(location)) {
    throw expected(
      'bad-model',
      "external data in the model's own folder",
      name,
      `\`${location}\``,
      'Save the model with its weights beside it.',
    )
  }
  const stated = number('length', length)
  if (stated !== length) {
    throw expected('bad-model', `${length} bytes`, name, `${stated}`, damaged)
  }
  if (!resolve) {
    throw expected(
      'bad-option',
      'the option `resolve`',
      'a model with external data',
      'none',
      `Say where \`${location}\` lies: decodeOnnx(bytes, { resolve: (location) => ... }).`,
    )
  }
  return { file: resolve(location), offset: number('offset', 0), length }
}

/**
 * Reads one tensor. Bytes are not copied where the file has them as such.
 *
 * Errors: `bad-model` when sizes, bytes and places do not agree; `unsupported` for strings, complex and sub-byte types.
 */
export function readTensor(tensor: TensorProto, name: string, resolve?: Resolve): Initializer {
  const dtype = readDataType(tensor.dataType, name)
  const shape = readShape(tensor.dims, name)
  const length = sizeOf(shape) * bytesOf[dtype]
  if (tensor.segment) {
    throw expected('unsupported', 'whole tensors', name, 'a segment', 'Export the model again with a current exporter.')
  }
  if (tensor.dataLocation === DataLocation.EXTERNAL) {
    return { dtype, shape, storage: externalStorage(tensor, length, name, resolve) }
  }
  let bytes: Uint8Array = tensor.rawData
  if (bytes.length === 0) {
    const { buffer } = typedLists[dtype](tensor)
    bytes = new Uint8Array(buffer)
  }
  if (bytes.length !== length) {
    throw expected('bad-model', `${length} bytes (${dtype}, ${formatShape(shape)})`, name, `${bytes.length}`, damaged)
  }
  return { dtype, shape, storage: { bytes } }
}
