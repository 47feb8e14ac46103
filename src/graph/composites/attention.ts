/**
 * Attention in its exported forms, as matrix products and a softmax: softmax(scale·Q·Kᵀ + bias)·V for each head.
 * B batch, N heads, S queries, L keys, H numbers of a head.
 *
 * Sources: https://onnx.ai/onnx/operators/onnx__Attention.html,
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import type { NodeView } from '../operator.js'
import { add, cast, concat, expand, mul, reshape, scale, slice, swapLast, transpose } from '../ops/common.js'
import { matmul } from '../ops/matmul.js'
import { type Composite, unsupportedForm, withoutInputs } from './composite.js'

/** B × S × N·H as B × N × S × H. */
function splitHeads(b: Builder, x: Value, heads: number): Value {
  const [batch, places, width] = x.shape as [number, number, number]
  return transpose(b, reshape(b, x, [batch, places, heads, width / heads]), [0, 2, 1, 3])
}

/** B × N × S × H as B × S × N·H. */
function joinHeads(b: Builder, x: Value): Value {
  const [batch, heads, places, size] = x.shape as [number, number, number, number]
  return reshape(b, transpose(b, x, [0, 2, 1, 3]), [batch, places, heads * size])
}

/** Every head `count` times, one after the other: keys and values that groups of queries share. */
function repeatHeads(b: Builder, x: Value, count: number): Value {
  if (count === 1) return x
  const [batch, heads, places, size] = x.shape as [number, number, number, number]
  const open = reshape(b, x, [batch, heads, 1, places, size])
  return reshape(b, expand(b, open, [batch, heads, count, places, size]), [batch, heads * count, places, size])
}

/** 0 where the condition holds, `otherwise` elsewhere. */
const zeroWhere = (b: Builder, condition: Value, like: Value, otherwise: number): Value =>
  b.emit('Where', [cast(b, condition, 'bool'), b.scalar(like.dtype, 0), b.scalar(like.dtype, otherwise)])

/** S × L: 0 where query i may see key j ≤ i + offset, `otherwise` elsewhere. */
function causalBias(b: Builder, scores: Value, offset: number, otherwise: number): Value {
  const ones = expand(b, b.scalar('float32', 1), scores.shape.slice(2))
  return zeroWhere(b, b.emit('Trilu', [ones, b.scalar('int64', offset)], { upper: 0 }), scores, otherwise)
}

interface Heads {
  /** B × N × S × H */
  readonly query: Value
  /** B × M × L × H, where M divides N. */
  readonly key: Value
  readonly value: Value
}

interface Scores {
  /** scale·Q·Kᵀ, B × N × S × L. */
  readonly raw: Value
  readonly capped: Value
  readonly biased: Value
  readonly weights: Value
}

interface Attended extends Scores {
  /** B × N × S × H */
  readonly result: Value
}

/** softmax(cap(scale·Q·Kᵀ) + Σ bias)·V with cap(x) = softcap·tanh(x/softcap), or x where there is no softcap. */
function attend(
  b: Builder,
  { query, key, value }: Heads,
  factor: number,
  biases: (scores: Value) => readonly (Value | undefined)[],
  softcap = 0,
): Attended {
  const group = query.shape[1]! / key.shape[1]!
  const raw = matmul(b, scale(b, query, factor), swapLast(b, repeatHeads(b, key, group)))
  const capped = softcap === 0 ? raw : scale(b, b.emit('Tanh', [scale(b, raw, 1 / softcap)]), softcap)
  const biased = biases(raw).reduce<Value>((sum, bias) => (bias ? add(b, sum, bias) : sum), capped)
  const weights = b.emit('Softmax', [biased], { axis: -1 })
  return { raw, capped, biased, weights, result: matmul(b, weights, repeatHeads(b, value, group)) }
}

const rootOf = ({ shape }: Value): number => Math.sqrt(shape.at(-1)!)

/** The past keys or values before the present ones. */
const afterPast = (b: Builder, past: Value | undefined, present: Value): Value =>
  past ? concat(b, [past, present], 2) : present

/**
 * ai.onnx Attention, since set 23: queries, keys and values with or without an axis of heads, grouped queries, masks of
 * booleans (true is seen) or numbers (added), causal masks, past keys and values. A softcap is applied before masks, as
 * ONNX Runtime does; the first text of set 23 had it after them.
 */
export const attention: Composite = (b, node) => {
  withoutInputs(node, { 6: 'nonpad_kv_seqlen' })
  const [query, key, value] = [node.input(0), node.input(1), node.input(2)]
  const isFlat = query.shape.length === 3
  const heads = (x: Value, attribute: string): Value => {
    if (x.shape.length === 4) return x
    const count = node.integer(attribute, 0)
    if (count < 1) throw unsupportedForm(node, `\`${attribute}\` for inputs of three axes`, 'none')
    return splitHeads(b, x, count)
  }
  const [, , , mask, pastKey, pastValue] = node.inputs
  const all: Heads = {
    query: heads(query, 'q_num_heads'),
    key: afterPast(b, pastKey, heads(key, 'kv_num_heads')),
    value: afterPast(b, pastValue, heads(value, 'kv_num_heads')),
  }
  const length = all.key.shape[2]!
  if (mask && mask.shape.at(-1) !== length && mask.shape.at(-1) !== 1) {
    throw unsupportedForm(node, `a mask of ${length} keys`, `[${mask.shape}]`)
  }
  const none = Number.NEGATIVE_INFINITY
  const factor = node.float('scale', 0) || 1 / rootOf(all.query)
  const attended = attend(
    b,
    all,
    factor,
    (scores) => [
      mask && (mask.dtype === 'bool' ? zeroWhere(b, mask, scores, none) : cast(b, mask, scores.dtype)),
      node.integer('is_causal', 0) ? causalBias(b, scores, pastKey?.shape[2] ?? 0, none) : undefined,
    ],
    node.float('softcap', 0),
  )
  const { raw, capped, biased, weights, result } = attended
  const shown = [raw, capped, biased, weights][node.integer('qk_matmul_output_mode', 0)]
  return [isFlat ? joinHeads(b, result) : result, all.key, all.value, shown]
}

/**
 * The bias of ONNX Runtime's masks over keys: `filter` where the mask is 0. B × L, B × S × L, or B numbers of keys.
 */
function keyMask(b: Builder, node: NodeView, mask: Value, scores: Value): Value {
  const filter = node.float('mask_filter_value', -10000)
  const [batch = 1, , queries = 1, keys = 1] = scores.shape
  if (mask.shape.length === 1 && mask.shape[0] === batch) {
    const places = b.constant('int64', [1, 1, 1, keys], [...Array(keys).keys()])
    const lengths = reshape(b, cast(b, mask, 'int64'), [batch, 1, 1, 1])
    return zeroWhere(b, b.emit('Less', [places, lengths]), scores, filter)
  }
  if (mask.shape.length === 2 && mask.shape[1] === keys) {
    return zeroWhere(b, reshape(b, mask, [mask.shape[0]!, 1, 1, keys]), scores, filter)
  }
  if (mask.shape.length === 3) return zeroWhere(b, reshape(b, mask, [mask.shape[0]!, 1, queries, keys]), scores, filter)
  throw unsupportedForm(node, 'a mask of keys', `one of shape [${mask.shape}]`)
}

/** What both of ONNX Runtime's forms do once there are heads: masks, the added bias, and the heads joined again. */
function attendMasked(b: Builder, node: NodeView, heads: Heads, mask?: Value, bias?: Value): Value {
  const factor = node.float('scale', 0) || 1 / rootOf(heads.query)
  const { result } = attend(b, heads, factor, (scores) => [
    mask && keyMask(b, node, mask, scores),
    bias,
    node.integer('unidirectional', 0)
      ? causalBias(b, scores, scores.shape[3]! - scores.shape[2]!, Number.NEGATIVE_INFINITY)
      : undefined,
  ])
  return joinHeads(b, result)
}

/** The parts of x along its last axis. */
function parts(b: Builder, x: Value, sizes: readonly number[]): Value[] {
  let start = 0
  return sizes.map((size) => {
    start += size
    return slice(b, x, x.shape.length - 1, start - size, start)
  })
}

/** B × S × N × P × H, one of P things that lie together, as B × N × S × H. */
function unpacked(b: Builder, x: Value, index: number): Value {
  const [batch, places, heads, , size] = x.shape as [number, number, number, number, number]
  return transpose(b, reshape(b, slice(b, x, 3, index, index + 1), [batch, places, heads, size]), [0, 2, 1, 3])
}

/** com.microsoft MultiHeadAttention: queries, keys and values apart, or packed into one or two tensors. */
export const multiHeadAttention: Composite = (b, node) => {
  withoutInputs(node, { 8: 'past_sequence_length', 9: 'cache_indirection' })
  const [, keys, values, bias, mask, added, pastKey, pastValue] = node.inputs
  const count = node.integer('num_heads', 0)
  const query = node.input(0)
  const isPacked = query.shape.length === 5 || keys?.shape.length === 5
  if (bias && (isPacked || keys?.shape.length === 4)) throw unsupportedForm(node, 'no bias for packed inputs', 'one')
  const biasParts =
    bias && parts(b, bias, [query.shape.at(-1)!, node.input(1).shape.at(-1)!, node.input(2).shape.at(-1)!])
  const heads = (x: Value, i: number): Value =>
    x.shape.length === 4 ? x : splitHeads(b, biasParts ? add(b, x, biasParts[i]!) : x, count)
  const apart = (): Heads =>
    query.shape.length === 5
      ? { query: unpacked(b, query, 0), key: unpacked(b, query, 1), value: unpacked(b, query, 2) }
      : keys?.shape.length === 5
        ? { query: heads(query, 0), key: unpacked(b, keys, 0), value: unpacked(b, keys, 1) }
        : { query: heads(query, 0), key: heads(keys ?? node.input(1), 1), value: heads(values ?? node.input(2), 2) }
  const all = apart()
  const key = afterPast(b, pastKey, all.key)
  const value = afterPast(b, pastValue, all.value)
  return [attendMasked(b, node, { query: all.query, key, value }, mask, added), key, value]
}

/** com.microsoft Attention: x·W + bias is queries, keys and values, one beside the other. */
export const packedAttention: Composite = (b, node) => {
  withoutInputs(node, { 4: 'past', 6: 'past_sequence_length' })
  if (node.integer('do_rotary', 0)) throw unsupportedForm(node, 'do_rotary 0', '1')
  const [, , bias, mask, , added] = node.inputs
  const product = matmul(b, node.input(0), node.input(1))
  const width = product.shape.at(-1)! / 3
  const sizes = node.integers('qkv_hidden_sizes') ?? [width, width, width]
  const [query, key, value] = parts(b, bias ? add(b, product, bias) : product, sizes).map((x) =>
    splitHeads(b, x, node.integer('num_heads', 0)),
  ) as [Value, Value, Value]
  return [attendMasked(b, node, { query, key, value }, mask, added)]
}

/**
 * Rotates pairs of numbers by the angles of their places: (u, v) → (u·cos − v·sin, u·sin + v·cos). Pairs are neighbours
 * if interleaved, otherwise lie half of the rotated numbers apart; numbers beyond `rotary_embedding_dim` stay.
 */
function rotated(b: Builder, node: NodeView, cos: Value, sin: Value, positions: Value | undefined): Value {
  const x = node.input(0)
  const isFlat = x.shape.length === 3
  const half = cos.shape.at(-1)!
  const count = node.integer('num_heads', 0) || x.shape.at(-1)! / (node.integer('rotary_embedding_dim', 0) || 2 * half)
  const heads = isFlat ? splitHeads(b, x, count) : x
  const [batch, number, places, size] = heads.shape as [number, number, number, number]
  const angles = (table: Value): Value => {
    const rows = positions ? b.emit('Gather', [table, positions], { axis: 0 }) : table
    return cast(b, reshape(b, rows, [rows.shape[0]!, 1, places, half]), x.dtype)
  }
  const [c, s] = [angles(cos), angles(sin)]
  const turning = slice(b, heads, 3, 0, 2 * half)
  const interleaved = node.integer('interleaved', 0) === 1
  const [u, v] = interleaved
    ? [slice(b, turning, 3, 0, 2 * half, 2), slice(b, turning, 3, 1, 2 * half, 2)]
    : [slice(b, turning, 3, 0, half), slice(b, turning, 3, half, 2 * half)]
  const first = b.emit('Sub', [mul(b, u, c), mul(b, v, s)])
  const second = add(b, mul(b, u, s), mul(b, v, c))
  const open = (value: Value) => reshape(b, value, [batch, number, places, half, 1])
  const turned = interleaved
    ? reshape(b, concat(b, [open(first), open(second)], 4), turning.shape)
    : concat(b, [first, second], 3)
  const all = size > 2 * half ? concat(b, [turned, slice(b, heads, 3, 2 * half, size)], 3) : turned
  return isFlat ? joinHeads(b, all) : all
}

/** ai.onnx RotaryEmbedding, since set 23. */
export const rotaryEmbedding: Composite = (b, node) => [rotated(b, node, node.input(1), node.input(2), node.inputs[3])]

/** com.microsoft RotaryEmbedding: the places come first; one number is where the first of them lies. */
export const microsoftRotaryEmbedding: Composite = (b, node) => {
  if (node.integer('is_packed_batching', 0)) throw unsupportedForm(node, 'is_packed_batching 0', '1')
  if (node.float('scale', 1) !== 1) throw unsupportedForm(node, 'scale 1', `${node.float('scale', 1)}`)
  const positions = node.input(1)
  const places = node.input(0).shape.at(-2)!
  const following = () => add(b, positions, b.constant('int64', [1, places], [...Array(places).keys()]))
  return [rotated(b, node, node.input(2), node.input(3), positions.shape.length === 1 ? following() : positions)]
}
