/** The numbers of initializers, from bytes in the graph or from the file they lie in; every dtype. */
import { closeSync, openSync, readSync } from 'node:fs'
import { expected } from '../../core/errors.js'
import { bytesOf, type DataType, type Initializer, type Storage } from '../../graph/graph.js'
import { fromBfloat16Bits, fromHalfBits } from '../../math/half.js'
import { sizeOf } from '../../math/tensor.js'
import type { NumericArray } from './array.js'

function readBytes(storage: Storage): Uint8Array {
  if ('bytes' in storage) return storage.bytes
  const { file, offset, length } = storage
  const bytes = new Uint8Array(length)
  const descriptor = openSync(file, 'r')
  try {
    let done = 0
    while (done < length) {
      const count = readSync(descriptor, bytes, done, length - done, offset + done)
      if (count === 0) {
        throw expected(
          'bad-model',
          `${length} bytes at ${offset}`,
          `\`${file}\``,
          `${done}`,
          'The file is cut off; fetch it again.',
        )
      }
      done += count
    }
  } finally {
    closeSync(descriptor)
  }
  return bytes
}

type Reader = (view: DataView, at: number) => number

const readers: Readonly<Record<DataType, Reader>> = {
  float64: (view, at) => view.getFloat64(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  float16: (view, at) => fromHalfBits([view.getUint16(at, true)])[0]!,
  bfloat16: (view, at) => fromBfloat16Bits([view.getUint16(at, true)])[0]!,
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
  int32: (view, at) => view.getInt32(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint16: (view, at) => view.getUint16(at, true),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at),
}

/** Throws `bad-model` when the bytes are not as many as type and shape say. */
export function readInitializer({ dtype, shape, storage }: Initializer): NumericArray {
  const bytes = readBytes(storage)
  const count = sizeOf(shape)
  if (bytes.length !== count * bytesOf[dtype]) {
    throw expected(
      'bad-model',
      `${count * bytesOf[dtype]} bytes`,
      'a tensor',
      `${bytes.length}`,
      'The model is damaged; export it again.',
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    dtype,
    shape,
    data: Float64Array.from({ length: count }, (_, i) => readers[dtype](view, i * bytesOf[dtype])),
  }
}
