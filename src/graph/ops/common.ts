/** What gradient rules of several families need: sums that undo broadcasting, and sums that stay accurate. */
import type { Builder } from '../emit.js'
import type { DataType, Value } from '../graph.js'
import { broadcastShape, type NodeView, type Operator } from '../operator.js'

/**
 * Where arithmetic stays in float32 when the graph around it is computed in 16 bits (half.ts): within what is one kernel on
 * a device, such as the gradient of a normalisation, whose squares would overflow if every step were rounded.
 */
export const singleScope = 'single'

export const add = (b: Builder, x: Value, y: Value): Value => b.emit('Add', [x, y])
export const sub = (b: Builder, x: Value, y: Value): Value => b.emit('Sub', [x, y])
export const mul = (b: Builder, x: Value, y: Value): Value => b.emit('Mul', [x, y])
export const div = (b: Builder, x: Value, y: Value): Value => b.emit('Div', [x, y])
export const neg = (b: Builder, x: Value): Value => b.emit('Neg', [x])
export const cast = (b: Builder, x: Value, to: DataType): Value =>
  x.dtype === to ? x : b.emit('Cast', [x], { to: dataTypeCode[to] })
/** x·value and x + value, with a constant of x's type. */
export const scale = (b: Builder, x: Value, value: number): Value =>
  value === 1 ? x : mul(b, x, b.scalar(x.dtype, value))
export const shift = (b: Builder, x: Value, value: number): Value => add(b, x, b.scalar(x.dtype, value))
/** x cut to [lowest, highest]; its gradient is zero where it cuts. */
export const clip = (b: Builder, x: Value, lowest: number, highest: number): Value =>
  b.emit('Clip', [x, b.scalar(x.dtype, lowest), b.scalar(x.dtype, highest)])

export const reshape = (b: Builder, x: Value, shape: readonly number[]): Value =>
  shape.length === x.shape.length && shape.every((size, i) => size === x.shape[i])
    ? x
    : b.emit('Reshape', [x, b.indices(shape)], { allowzero: shape.includes(0) ? 1 : undefined })
export const transpose = (b: Builder, x: Value, perm: readonly number[]): Value =>
  perm.every((axis, i) => axis === i) ? x : b.emit('Transpose', [x], { perm })
export const expand = (b: Builder, x: Value, shape: readonly number[]): Value => b.emit('Expand', [x, b.indices(shape)])
export const concat = (b: Builder, parts: readonly Value[], axis: number): Value =>
  parts.length === 1 ? parts[0]! : b.emit('Concat', parts, { axis })

/** x[start : end : step] along several axes. */
export const sliceAxes = (
  b: Builder,
  x: Value,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[] = axes.map(() => 1),
): Value =>
  axes.every((axis, i) => starts[i] === 0 && ends[i]! >= x.shape[axis]! && steps[i] === 1)
    ? x
    : b.emit('Slice', [x, b.indices(starts), b.indices(ends), b.indices(axes), b.indices(steps)])

/** x[start : end : step] along one axis. */
export const slice = (b: Builder, x: Value, axis: number, start: number, end: number, step = 1): Value =>
  sliceAxes(b, x, [axis], [start], [end], [step])

/** x with its order along some axes reversed. */
export const reverse = (b: Builder, x: Value, ...axes: readonly number[]): Value =>
  axes.length === 0
    ? x
    : sliceAxes(
        b,
        x,
        axes,
        axes.map(() => -1),
        axes.map(() => -Number.MAX_SAFE_INTEGER),
        axes.map(() => -1),
      )

/** Zeros around x: `pads` is every axis' begin, then every axis' end. */
export const pad = (b: Builder, x: Value, pads: readonly number[]): Value =>
  pads.every((p) => p === 0) ? x : b.emit('Pad', [x, b.indices(pads), b.scalar(x.dtype, 0)])

/** Swaps the last two axes. */
export const swapLast = (b: Builder, x: Value): Value => {
  const rank = x.shape.length
  return transpose(b, x, [...Array(rank - 2).keys(), rank - 1, rank - 2])
}

export const mean = (b: Builder, x: Value, axes: readonly number[], keepdims = true): Value =>
  axes.length === 0 ? x : b.emit('ReduceMean', [x, b.indices(axes)], { keepdims: keepdims ? 1 : 0 })

/** Above this many terms a float32 ReduceSum of ONNX Runtime loses digits (1.8e-4 at 524,288); ReduceMean does not. */
const plainSumLimit = 1024

/** Σ over axes. */
export function sum(b: Builder, x: Value, axes: readonly number[], keepdims = true): Value {
  if (axes.length === 0) return x
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1)
  return count <= plainSumLimit
    ? b.emit('ReduceSum', [x, b.indices(axes)], { keepdims: keepdims ? 1 : 0 })
    : scale(b, mean(b, x, axes, keepdims), count)
}

/** The cotangent of something that was broadcast from `shape`: sums over what broadcasting repeated. */
export function unbroadcast(b: Builder, x: Value, shape: readonly number[]): Value {
  const extra = x.shape.length - shape.length
  const axes = [...x.shape.keys()].filter((i) => i < extra || (shape[i - extra] === 1 && x.shape[i] !== 1))
  return reshape(b, sum(b, x, axes), shape)
}

/** 1 where the condition holds, 0 elsewhere. */
export const indicator = (b: Builder, condition: Value, dtype: DataType): Value => cast(b, condition, dtype)

/** ONNX's codes of data types. */
export const dataTypeCode: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
}

export const dataTypeOfCode = (code: number): DataType | undefined =>
  (Object.keys(dataTypeCode) as DataType[]).find((dtype) => dataTypeCode[dtype] === code)

/** The result has the type of the first input. */
export const likeFirst = (node: NodeView) => [{ dtype: node.input(0).dtype, shape: node.input(0).shape }]

/** The result has the dtype of the first input and the inputs' broadcast shape. */
export const broadcastTypes = (node: NodeView) => [
  { dtype: node.input(0).dtype, shape: broadcastShape(...node.inputs.map((_, i) => node.input(i).shape)) },
]

/** Elementwise arithmetic on known numbers, with broadcasting of single numbers. */
export function foldElementwise(f: (...values: number[]) => number): NonNullable<Operator['fold']> {
  return (node) => {
    const inputs = node.inputs.map((_, i) => node.known(i))
    if (inputs.some((input) => input === undefined)) return undefined
    const length = Math.max(...inputs.map((input) => input!.length))
    if (inputs.some((input) => input!.length !== 1 && input!.length !== length)) return undefined
    return Array.from({ length }, (_, i) => f(...inputs.map((input) => input![input!.length === 1 ? 0 : i]!)))
  }
}
