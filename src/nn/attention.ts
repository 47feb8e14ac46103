/** Linear layers and attention over sequences N × length × channels, as transformers and diffusers' attention have them. */
import { type Builder, float } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { blockProduct } from '../graph/ops/block-products.js'
import { add, concat, expand, mean, mul, reshape, scale, singleScope, slice, transpose } from '../graph/ops/common.js'
import { gemmWithBias, matmul } from '../graph/ops/matmul.js'
import { byRootMeanSquare } from '../graph/ops/normalization.js'
import type { Layers } from './layers.js'

/** x·Wᵀ + bias over the last axis; weights stay as checkpoints hold them, rows per output, also in blocks of a few bits. */
export function linear({ b, parameters }: Layers, name: string, x: Value, channels: number, bias = true): Value {
  const width = x.shape.at(-1)!
  const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1)
  const flat = reshape(b, x, [rows, width])
  const [matrixName, shape] = [`${name}.weight`, [channels, width]] as const
  const matrix = parameters.blocks?.(matrixName, shape) ?? parameters.value(matrixName, shape)
  const shift = bias ? parameters.value(`${name}.bias`, [channels]) : undefined
  const product = 'bits' in matrix ? blockProduct(b, flat, matrix, shift) : gemmWithBias(b, flat, matrix, shift)
  return reshape(b, product, [...x.shape.slice(0, -1), channels])
}

/** Normalises each entry of a sequence over its channels. */
export function layerNorm({ b, parameters }: Layers, name: string, x: Value, epsilon = 1e-5): Value {
  const channels = x.shape.at(-1)!
  const weight = parameters.value(`${name}.weight`, [channels])
  const bias = parameters.value(`${name}.bias`, [channels])
  return b.emit('LayerNormalization', [x, weight, bias], { axis: -1, epsilon: float(epsilon) })
}

/** The same without weights. */
export function plainLayerNorm(b: Builder, x: Value, epsilon: number): Value {
  const channels = x.shape.at(-1)!
  const ones = b.constant(x.dtype, [channels], Array<number>(channels).fill(1))
  return b.emit('LayerNormalization', [x, ones], { axis: -1, epsilon: float(epsilon) })
}

/** x/√(mean(x²) + ε)·weight over the last axis. */
export function rmsNorm({ b, parameters }: Layers, name: string, x: Value, epsilon: number): Value {
  const weight = parameters.value(`${name}.weight`, [x.shape.at(-1)!])
  return mul(b, byRootMeanSquare(b.within(singleScope), x, [x.shape.length - 1], epsilon).normal, weight)
}

/** N × length × channels as N × length × heads × channels of each, and back. */
export const byHeads = (b: Builder, x: Value, heads: number): Value => {
  const [batch, length, channels] = x.shape as [number, number, number]
  return reshape(b, x, [batch, length, heads, channels / heads])
}
export const joined = (b: Builder, x: Value): Value => {
  const [batch, length, heads, width] = x.shape as [number, number, number, number]
  return reshape(b, x, [batch, length, heads * width])
}

const splitHeads = (b: Builder, x: Value, heads: number, perm: readonly number[]): Value =>
  transpose(b, byHeads(b, x, heads), perm)

/** Heads of keys or values, each for as many heads of queries: N × M × own·d → N × M × heads·d. */
function shared(b: Builder, x: Value, own: number, heads: number): Value {
  if (own === heads) return x
  const [batch, length, channels] = x.shape as [number, number, number]
  const [group, width] = [heads / own, channels / own]
  const wide = expand(b, reshape(b, x, [batch, length, own, 1, width]), [batch, length, own, group, width])
  return reshape(b, wide, [batch, length, heads * width])
}

/** Scores held at once: 256 MiB in float32. A picture of 512 × 512 would otherwise need gigabytes at SD's first level. */
const largestScores = 2 ** 26

/** Far below every score: what is hidden has the weight 0. */
export const hidden = -1e30

export interface AttentionOptions {
  /** L × M, heads × L × M, or N × 1 × 1 × M and N × 1 × L × M, added to the scores. */
  readonly mask?: Value | undefined
  /** What scores are multiplied by. Default 1/√d. */
  readonly factor?: number
  /** Heads of keys and values where they are fewer, each for a group of queries' heads. */
  readonly keyHeads?: number
  /** Is told softmax(…), the mean over heads, N × L × M: where each entry looks. */
  readonly looks?: ((probabilities: Value) => void) | undefined
}

/**
 * Multi-head attention: softmax(q·kᵀ/√d + mask)·v for each head. query N × L × C, key and value N × M × C.
 *
 * Where the scores of all heads would be large, a few heads are computed after the other: the same numbers, less memory.
 */
export function attention(
  b: Builder,
  query: Value,
  key: Value,
  value: Value,
  heads: number,
  { mask, looks, keyHeads = heads, factor = (query.shape[2]! / heads) ** -0.5 }: AttentionOptions = {},
): Value {
  const [batch, length, channels] = query.shape as [number, number, number]
  const q = splitHeads(b, scale(b, query, factor), heads, [0, 2, 1, 3])
  const k = splitHeads(b, shared(b, key, keyHeads, heads), heads, [0, 2, 3, 1])
  const v = splitHeads(b, shared(b, value, keyHeads, heads), heads, [0, 2, 1, 3])
  const looked: Value[] = []
  const mix = (from: number, to: number): Value => {
    const part = (x: Value) => slice(b, x, 1, from, to)
    const scores = matmul(b, part(q), part(k))
    const added = mask?.shape.length === 3 ? slice(b, mask, 0, from, to) : mask
    const probabilities = b.emit('Softmax', [added ? add(b, scores, added) : scores], { axis: -1 })
    if (looks) looked.push(scale(b, mean(b, probabilities, [1], false), (to - from) / heads))
    return matmul(b, probabilities, part(v))
  }
  const perHead = batch * length * key.shape[1]!
  const together = Math.min(heads, Math.max(1, Math.floor(largestScores / perHead)))
  const parts: Value[] = []
  for (let from = 0; from < heads; from += together) parts.push(mix(from, Math.min(heads, from + together)))
  looks?.(looked.reduce((sum, some) => add(b, sum, some)))
  return reshape(b, transpose(b, concat(b, parts, 1), [0, 2, 1, 3]), [batch, length, channels])
}

/** x·σ(1.702·x), CLIP's approximation of GELU. */
export const quickGelu = (b: Builder, x: Value): Value => mul(b, x, b.emit('Sigmoid', [scale(b, x, 1.702)]))
/** The Gaussian error linear unit x·Φ(x). */
export const gelu = (b: Builder, x: Value): Value => b.emit('Gelu', [x])
/** Its approximation x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2. */
export const geluTanh = (b: Builder, x: Value): Value => b.emit('Gelu', [x], { approximate: 'tanh' })

/** linear(gelu(linear(x))): diffusers' FeedForward with `gelu-approximate`. */
export function feedForward(layers: Layers, name: string, x: Value, innerWidth: number): Value {
  const wide = geluTanh(layers.b, linear(layers, `${name}.net.0.proj`, x, innerWidth))
  return linear(layers, `${name}.net.2`, wide, x.shape.at(-1)!)
}
