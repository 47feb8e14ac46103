/** The numbers of constants: as little-endian bytes in a graph, and back where they are few. */
import { expected } from '../core/errors.js'
import { fromBfloat16Bits, fromHalfBits, toHalfBits } from '../math/half.js'
import { sizeOf } from '../math/tensor.js'
import { bytesOf, type DataType, type Initializer } from './graph.js'

const integerLimit = 2n ** 63n
/** Constants of more elements than this are weights: nobody looks at their numbers while a graph is built. */
export const storedLimit = 4096

/** Little-endian bytes of numbers. */
export function encodeNumbers(dtype: DataType, values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length * bytesOf[dtype])
  const view = new DataView(bytes.buffer)
  const half = dtype === 'float16' ? toHalfBits(Float64Array.from(values)) : undefined
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    const at = i * bytesOf[dtype]
    if (half) view.setUint16(at, half[i]!, true)
    else if (dtype === 'float32') view.setFloat32(at, value, true)
    else if (dtype === 'float64') view.setFloat64(at, value, true)
    else if (dtype === 'int64') {
      if (!Number.isFinite(value)) {
        throw expected('bad-model', 'integers', 'a constant', `${value}`, 'The graph does not fit its inputs.')
      }
      const integer = BigInt(Math.trunc(value))
      view.setBigInt64(
        at,
        integer >= integerLimit ? integerLimit - 1n : integer < -integerLimit ? -integerLimit : integer,
        true,
      )
    } else if (dtype === 'int32') view.setInt32(at, value, true)
    else if (dtype === 'bool' || dtype === 'uint8') view.setUint8(at, value)
    else
      throw expected(
        'unsupported',
        'a float, integer or boolean type',
        'a constant',
        dtype,
        'Cast a constant of another type.',
      )
  }
  return bytes
}

/** The numbers of a small constant that is held in the graph; undefined for weights in files and large ones. */
export function smallNumbers({ dtype, shape, storage }: Initializer): number[] | undefined {
  const count = sizeOf(shape)
  if (!('bytes' in storage) || count > storedLimit) return undefined
  const view = new DataView(storage.bytes.buffer, storage.bytes.byteOffset, storage.bytes.byteLength)
  const at = (i: number) => i * bytesOf[dtype]
  const readers: Partial<Record<DataType, (i: number) => number>> = {
    int64: (i) => Number(view.getBigInt64(at(i), true)),
    int32: (i) => view.getInt32(at(i), true),
    float32: (i) => view.getFloat32(at(i), true),
    float64: (i) => view.getFloat64(at(i), true),
    float16: (i) => fromHalfBits([view.getUint16(at(i), true)])[0]!,
    bfloat16: (i) => fromBfloat16Bits([view.getUint16(at(i), true)])[0]!,
    bool: (i) => view.getUint8(at(i)),
    uint8: (i) => view.getUint8(at(i)),
  }
  const read = readers[dtype]
  return read && Array.from({ length: count }, (_, i) => read(i))
}
