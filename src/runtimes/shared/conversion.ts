/**
 * Host tensors to what a graph's inputs hold and back. Numbers that are not finite pass in both directions.
 */
import { expected } from '../../core/errors.js'
import { bytesOf, type DataType, type Graph, type Value } from '../../graph/graph.js'
import type { Feeds, Held } from '../../graph/runtime.js'
import { fromHalfBits, toHalfBits } from '../../math/half.js'
import { formatShape, sizeOf, type Tensor } from '../../math/tensor.js'
import { matchFeeds } from './feeds.js'
import type { PackedData, PackedTensor, PackedType } from './packed.js'

/** Whole numbers only: a silent truncation would run the network on something else. */
function whole<T extends PackedData>(input: Value, values: Float64Array, packed: T): T {
  for (let i = 0; i < packed.length; i++) {
    if (Number(packed[i]) !== values[i]) {
      throw expected(
        'bad-option',
        `${input.dtype} numbers`,
        `input \`${input.name}\``,
        String(values[i]),
        'Round first.',
      )
    }
  }
  return packed
}

const bigInteger = (value: number): bigint => (Number.isInteger(value) ? BigInt(value) : 0n)

const pack: { readonly [K in PackedType]: (values: Float64Array, input: Value) => PackedData } = {
  float64: (values) => values,
  float32: (values) => new Float32Array(values),
  float16: (values) => toHalfBits(values),
  int64: (values, input) => whole(input, values, BigInt64Array.from(values, bigInteger)),
  uint64: (values, input) => whole(input, values, BigUint64Array.from(values, bigInteger)),
  int32: (values, input) => whole(input, values, new Int32Array(values)),
  uint32: (values, input) => whole(input, values, new Uint32Array(values)),
  int16: (values, input) => whole(input, values, new Int16Array(values)),
  uint16: (values, input) => whole(input, values, new Uint16Array(values)),
  int8: (values, input) => whole(input, values, new Int8Array(values)),
  uint8: (values, input) => whole(input, values, new Uint8Array(values)),
  bool: (values, input) =>
    whole(
      input,
      values,
      Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
    ),
}

function numbers({ dtype, data }: PackedTensor): Float64Array {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const values = new Float64Array(data.length)
    for (let i = 0; i < values.length; i++) values[i] = Number(data[i])
    return values
  }
  if (dtype === 'float16') return fromHalfBits(data as Uint16Array)
  return data instanceof Float64Array ? data : new Float64Array(data)
}

const isPackedType = (dtype: DataType): dtype is PackedType => dtype !== 'bfloat16'

/** Most bytes of one tensor in a message between processes: a picture of 9000 × 9000 pixels in float32. */
const largestMessage = 2 ** 30

/** Throws `unsupported` when an input or output of the graph has a type or a size that cannot cross the border. */
export function checkTypes(graph: Graph): void {
  for (const { name, dtype, shape } of [...graph.inputs, ...graph.outputs]) {
    if (sizeOf(shape) * bytesOf[dtype] > largestMessage) {
      throw expected(
        'unsupported',
        'inputs and outputs of at most 1 GiB',
        `\`${graph.name}\``,
        `\`${name}\` of shape ${formatShape(shape)}`,
        'Use smaller sizes.',
      )
    }
    if (isPackedType(dtype)) continue
    const remedy = 'Add a Cast to float32 at the border of the graph.'
    throw expected(
      'unsupported',
      'inputs and outputs of a type other than bfloat16',
      `\`${graph.name}\``,
      `\`${name}\``,
      remedy,
    )
  }
}

/** A tensor as an input of this type holds it; `bad-option` for a fraction or an overflow where it holds whole numbers. */
export const packedAs = (dtype: PackedType, input: Value, { data }: Tensor): PackedTensor => ({
  dtype,
  shape: input.shape,
  data: pack[dtype](data, input),
})

/** A value that a runtime holds, and the input that is fed with it. */
export interface HeldFeed {
  readonly value: Held
  readonly input: Value
  readonly dtype: PackedType
}

/** What a run is fed, by the names of inputs: tensors as the inputs hold them, and values that the runtime holds. */
export interface PackedFeeds {
  readonly own: Readonly<Record<string, PackedTensor>>
  readonly held: ReadonlyMap<string, HeldFeed>
}

/** The feeds of a graph as its inputs hold them. Throws `bad-shape` when they do not fit, and as `packedAs`. */
export function packFeeds(graph: Graph, feeds: Feeds): PackedFeeds {
  const own: Record<string, PackedTensor> = {}
  const held = new Map<string, HeldFeed>()
  for (const { input, feed, held: value } of matchFeeds(graph, feeds)) {
    const { name, dtype } = input
    if (!isPackedType(dtype)) continue
    if (value) held.set(name, { value, input, dtype })
    else own[name] = packedAs(dtype, input, feed)
  }
  return { own, held }
}

/** Results as host tensors. */
export const unpackResults = (results: Readonly<Record<string, PackedTensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(results).map(([name, result]) => [name, { shape: result.shape, data: numbers(result) }]),
  )
