/**
 * ONNX graphs as values: built, read, written, differentiated. Published as `undiffuse/graph`.
 *
 * @module undiffuse/graph
 */
export { builder, builderFrom, inferTypes } from './builder.js'
export { type Builder, float } from './emit.js'
export type { Attribute, DataType, Graph, Initializer, Node, Storage, Value, ValueType } from './graph.js'
export { type DecodeOptions, decodeOnnx } from './onnx/read.js'
export { encodeOnnx } from './onnx/write.js'
export * as operations from './ops/common.js'
export { type ComposeOptions, compose } from './passes/compose.js'
export { double } from './passes/double.js'
export { emulatedHalf } from './passes/emulated-half.js'
export { type HalfOptions, half } from './passes/half.js'
export { prune } from './passes/prune.js'
export { type VjpOptions, vjp } from './passes/vjp.js'
export { peakBytes } from './peak.js'
export {
  type Feeds,
  type Held,
  type OpenOptions,
  type Runtime,
  type RuntimeUsage,
  type Session,
  tensorOf,
} from './runtime.js'
