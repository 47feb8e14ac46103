/**
 * Two streams of tokens, a text's and a picture's, that attend to each other: what the transformers of Stable Diffusion 3, FLUX
 * and Qwen-Image are made of, under diffusers' names. The text stands first.
 *
 * Source: Esser et al., Scaling Rectified Flow Transformers, ICML 2024; diffusers, transformer_flux.py.
 */
import type { Value } from '../graph/graph.js'
import { concat, slice } from '../graph/ops/common.js'
import { attention, byHeads, feedForward, joined, linear, rmsNorm } from './attention.js'
import type { Layers } from './layers.js'
import { gated, modulated } from './modulation.js'
import { type Rotation, rotate } from './rotary.js'

/** N × tokens × width each. */
export interface Streams {
  readonly picture: Value
  readonly text: Value
}

export interface Heads {
  readonly heads: number
  /** Whether queries and keys are normalised, head by head. Default true. */
  readonly normalizes?: boolean
  /** Whether layers have biases. Default true. */
  readonly bias?: boolean
  /** Of all tokens, the text's first. */
  readonly rotation?: Rotation | undefined
  /** Added to the scores, N × 1 × 1 × all tokens. */
  readonly mask?: Value | undefined
}

const epsilon = 1e-6

/** Queries, keys and values of the tokens of one stream, N × tokens × width, by the names of their layers and norms. */
export function projected(
  layers: Layers,
  name: string,
  x: Value,
  { heads, normalizes = true, bias = true }: Heads,
  names: readonly (readonly [layer: string, norm?: string])[] = [['to_q', 'norm_q'], ['to_k', 'norm_k'], ['to_v']],
): [query: Value, key: Value, value: Value] {
  const { b } = layers
  const width = x.shape.at(-1)!
  return names.map(([layer, norm]) => {
    const own = linear(layers, `${name}.${layer}`, x, width, bias)
    if (!normalizes || norm === undefined) return own
    return joined(b, rmsNorm(layers, `${name}.${norm}`, byHeads(b, own, heads), epsilon))
  }) as [Value, Value, Value]
}

/** The layers of the text. */
const added = [['add_q_proj', 'norm_added_q'], ['add_k_proj', 'norm_added_k'], ['add_v_proj']] as const

/** Attention under a rotation of queries and keys, before the layer that goes out. */
export function rotatedAttention(
  { b }: Layers,
  [query, key, value]: readonly [Value, Value, Value],
  { heads, rotation, mask }: Heads,
): Value {
  const turned = (x: Value) => (rotation ? joined(b, rotate(b, byHeads(b, x, heads), rotation, 'neighbours')) : x)
  return attention(b, turned(query), turned(key), value, heads, { mask })
}

/** Attention of both streams to both, before the layers that go out. */
export function jointAttention(layers: Layers, name: string, { picture, text }: Streams, heads: Heads): Streams {
  const { b } = layers
  const [own, other] = [projected(layers, name, picture, heads), projected(layers, name, text, heads, added)]
  const all = own.map((part, i) => concat(b, [other[i]!, part], 1)) as [Value, Value, Value]
  const mixed = rotatedAttention(layers, all, heads)
  const tokens = text.shape[1]!
  return { text: slice(b, mixed, 1, 0, tokens), picture: slice(b, mixed, 1, tokens, mixed.shape[1]!) }
}

/** Of one stream in a block: offset, scale and gate of its attention, then of its feed-forward, N × 1 × width each. */
export type Modulation = readonly [
  offset: Value,
  scale: Value,
  gate: Value,
  offsetWide: Value,
  scaleWide: Value,
  gateWide: Value,
]

export interface DoubleStream extends Heads {
  readonly modulations: { readonly picture: Modulation; readonly text: Modulation }
  /** The names of the two feed-forwards. */
  readonly feedForwards: { readonly picture: string; readonly text: string }
  /** What they are. Default: linear, gelu, linear, four times as wide inside. */
  readonly wide?: (layers: Layers, name: string, x: Value) => Value
}

const widened = (layers: Layers, name: string, x: Value): Value => feedForward(layers, name, x, 4 * x.shape.at(-1)!)

/** A block: both streams attend to both, then each goes through a feed-forward of its own; all under modulation. */
export function doubleStreamBlock(
  layers: Layers,
  name: string,
  { picture, text }: Streams,
  block: DoubleStream,
): Streams {
  const { b } = layers
  const { modulations, feedForwards, bias = true, wide = widened } = block
  const before = (x: Value, [offset, scale]: Modulation) => modulated(b, x, offset, scale)
  const attended = { picture: before(picture, modulations.picture), text: before(text, modulations.text) }
  const mixed = jointAttention(layers, `${name}.attn`, attended, block)
  const after = (stream: keyof Streams, x: Value, out: string): Value => {
    const [, , gate, offsetWide, scaleWide, gateWide] = modulations[stream]
    const width = x.shape.at(-1)!
    const seen = gated(b, x, gate, linear(layers, `${name}.attn.${out}`, mixed[stream], width, bias))
    const told = modulated(b, seen, offsetWide, scaleWide)
    return gated(b, seen, gateWide, wide(layers, `${name}.${feedForwards[stream]}`, told))
  }
  return { picture: after('picture', picture, 'to_out.0'), text: after('text', text, 'to_add_out') }
}
