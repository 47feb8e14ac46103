/** Tensors as runtimes take them: numbers in the array of their type. */
import type { DataType } from '../../graph/graph.js'

/** Element types that cross the border; ONNX Runtime for Node has no bfloat16 inputs and outputs. */
export type PackedType = Exclude<DataType, 'bfloat16'>

/** Numbers as ONNX Runtime holds them: float16 as bits, bool as bytes. */
export type PackedData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

export interface PackedTensor {
  readonly dtype: PackedType
  readonly shape: readonly number[]
  readonly data: PackedData
}
