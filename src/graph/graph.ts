/**
 * ONNX as a value. A graph is plain data in topological order; nothing here runs anything.
 * Shapes are static: a file with symbolic dimensions is specialised when it is read.
 */

export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool'

/** Bytes of one element. */
export const bytesOf: Readonly<Record<DataType, number>> = {
  float64: 8,
  int64: 8,
  uint64: 8,
  float32: 4,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
}

export interface ValueType {
  readonly dtype: DataType
  readonly shape: readonly number[]
}

/** A named value of a graph: an input, an output or what a node produced. */
export interface Value extends ValueType {
  readonly name: string
}

/** Little-endian bytes, or where they lie in a file: a graph refers to a checkpoint's weights, it does not hold them. */
export type Storage = { readonly bytes: Uint8Array } | StoredInFile

export interface StoredInFile {
  readonly file: string
  readonly offset: number
  readonly length: number
  /** Where a file that the model itself names must lie, also where its links lead to. */
  readonly folder?: string
  /** Makes what lies there, where it is made of other weights when it is first needed; to be called before it is read. */
  readonly ready?: () => Promise<void>
}

export interface Initializer extends ValueType {
  readonly storage: Storage
}

/** Integer attributes are numbers, tensors are initializers with bytes; subgraphs are not supported. */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Initializer }

export interface Node {
  readonly op: string
  /** '' is ai.onnx. */
  readonly domain: string
  readonly name: string
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

export interface Graph {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Initializer>
  /** Types of the values between, where they are known. */
  readonly types: ReadonlyMap<string, ValueType>
}

/** The operator set that graphs here are written in; files of other sets are rewritten to it when they are read. */
export const OPSET = 21
