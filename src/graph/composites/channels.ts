/** Where channels lie: N × C × … first, as ONNX has them, or N × … × C last, as ONNX Runtime's forms for GPUs have. */
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import { transpose } from '../ops/common.js'

export function channelsFirst(b: Builder, x: Value): Value {
  const last = x.shape.length - 1
  return transpose(b, x, [0, last, ...Array.from({ length: last - 1 }, (_, i) => i + 1)])
}

export function channelsLast(b: Builder, x: Value): Value {
  return transpose(b, x, [0, ...Array.from({ length: x.shape.length - 2 }, (_, i) => i + 2), 1])
}
