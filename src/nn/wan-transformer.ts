/**
 * WanTransformer3DModel: the denoising network of Wan 2.1's text-to-video models, from diffusers' configuration and tensor names.
 * Only the network: what its output means and guidance belong to where a model is put together.
 *
 * Source: Wan Team, arXiv 2503.20314; diffusers, transformer_wan.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, reshape, slice, transpose } from '../graph/ops/common.js'
import { conv } from '../graph/ops/convolution.js'
import { attention, byHeads, feedForward, geluTanh, joined, layerNorm, linear, rmsNorm } from './attention.js'
import { type Layers, silu } from './layers.js'
import { gated, modulated } from './modulation.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { anglesOf, type Rotation, rotate, rotationBy } from './rotary.js'
import { embedding, sinusoidal } from './time-embedding.js'

/** Frames, rows and columns. */
export type Triple = readonly [frames: number, rows: number, columns: number]

export interface WanTransformerConfig {
  readonly inChannels: number
  readonly outChannels: number
  readonly patch: Triple
  readonly layers: number
  readonly heads: number
  /** Of the clip's tokens: heads times the width of each. */
  readonly width: number
  /** Inside the feed-forward. */
  readonly innerWidth: number
  /** Of the states that it is told. */
  readonly statesWidth: number
  /** Sines and cosines of the time. */
  readonly timeWidth: number
  /** Whether states are normalised before they look at the text. */
  readonly normalizesCross: boolean
  readonly epsilon: number
  /** Patches along an axis: its positions end there. */
  readonly positions: number
}

/** Reads `config.json`; options of networks that are also told a picture are refused by name. */
export function wanTransformerConfig(config: ConfigReader): WanTransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  for (const field of ['image_dim', 'added_kv_proj_dim', 'pos_embed_seq_len']) {
    if (!config.has(field)) continue
    const only = 'Use a text-to-video model; this one is told a picture, too.'
    throw expected('unsupported', 'null', `\`${field}\` in \`${config.file}\``, `${config.value(field)}`, only)
  }
  const norm = config.string('qk_norm', wholeNorm)
  if (norm !== wholeNorm) {
    throw expected('unsupported', wholeNorm, `\`qk_norm\` in \`${config.file}\``, norm, 'Use a model of Wan 2.1.')
  }
  const patch = config.integers('patch_size', [1, 2, 2])
  if (patch.length !== 3 || patch.some((side) => side < 1)) {
    const what = 'three positive integers'
    throw expected('bad-model', what, `\`patch_size\` in \`${config.file}\``, `[${patch}]`, asPublished)
  }
  const heads = positive('num_attention_heads', 40)
  const headWidth = positive('attention_head_dim', 128)
  if (headWidth % 2 !== 0 || headWidth < 6) {
    const what = 'an even number from 6 on'
    throw expected('bad-model', what, `\`attention_head_dim\` in \`${config.file}\``, `${headWidth}`, asPublished)
  }
  const inChannels = positive('in_channels', 16)
  const read: WanTransformerConfig = {
    inChannels,
    outChannels: config.value('out_channels') === null ? inChannels : positive('out_channels', 16),
    patch: patch as unknown as Triple,
    layers: positive('num_layers', 40),
    heads,
    width: heads * headWidth,
    innerWidth: positive('ffn_dim', 13824),
    statesWidth: positive('text_dim', 4096),
    timeWidth: positive('freq_dim', 256),
    normalizesCross: config.boolean('cross_attn_norm', true),
    epsilon: config.number('eps', 1e-6),
    positions: positive('rope_max_seq_len', 1024),
  }
  config.done()
  return read
}

/** Queries and keys are normalised over all heads together. */
const wholeNorm = 'rms_norm_across_heads'

interface Wan extends Layers {
  readonly config: WanTransformerConfig
  /** Where each token of the clip stands. */
  readonly rotation: Rotation
  /** Of the time, N × 6 × width. */
  readonly time: Value
  /** Of the text, N × tokens × width. */
  readonly text: Value
}

/** Row i of (table + values), N × rows × width, as N × 1 × width, for every row. */
function rowsOf({ b, parameters }: Layers, name: string, values: Value): Value[] {
  const [, rows, width] = values.shape as [number, number, number]
  const all = add(b, values, parameters.value(name, [1, rows, width]))
  return Array.from({ length: rows }, (_, i) => slice(b, all, 1, i, i + 1))
}

/** What x finds in `source`; positions turn queries and keys where they are given. */
function look(wan: Wan, name: string, x: Value, source: Value, rotation?: Rotation): Value {
  const { b, config } = wan
  const { heads, width, epsilon } = config
  const turned = (values: Value) =>
    rotation ? joined(b, rotate(b, byHeads(b, values, heads), rotation, 'neighbours')) : values
  const query = turned(rmsNorm(wan, `${name}.norm_q`, linear(wan, `${name}.to_q`, x, width), epsilon))
  const key = turned(rmsNorm(wan, `${name}.norm_k`, linear(wan, `${name}.to_k`, source, width), epsilon))
  const value = linear(wan, `${name}.to_v`, source, width)
  return linear(wan, `${name}.to_out.0`, attention(b, query, key, value, heads), width)
}

/** The clip looks at itself and, without a gate, at the text; then each token goes through the feed-forward. */
function block(wan: Wan, name: string, x: Value): Value {
  const { b, config, rotation, text, time } = wan
  const { epsilon, innerWidth } = config
  const [offset, scale, gate, offsetWide, scaleWide, gateWide] = rowsOf(wan, `${name}.scale_shift_table`, time) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ]
  const own = modulated(b, x, offset, scale, epsilon)
  const seen = gated(b, x, gate, look(wan, `${name}.attn1`, own, own, rotation))
  const asking = config.normalizesCross ? layerNorm(wan, `${name}.norm2`, seen, epsilon) : seen
  const read = add(b, seen, look(wan, `${name}.attn2`, asking, text))
  const wide = feedForward(wan, `${name}.ffn`, modulated(b, read, offsetWide, scaleWide, epsilon), innerWidth)
  return gated(b, read, gateWide, wide)
}

/** Channels of a head for frames, rows and columns: 4·⌊d/6⌋ less than all, and 2·⌊d/6⌋ each. */
function axisWidths({ width, heads }: WanTransformerConfig): Triple {
  const [head, side] = [width / heads, 2 * Math.floor(width / heads / 6)]
  return [head - 2 * side, side, side]
}

/** The places of all tokens, columns first. */
const placesOf = ([frames, rows, columns]: Triple): Triple[] =>
  Array.from({ length: frames * rows * columns }, (_, i) => [
    Math.floor(i / (rows * columns)),
    Math.floor(i / columns) % rows,
    i % columns,
  ])

export interface WanTransformerInputs {
  /** N × inChannels × frames × H × W, all multiples of the patch. */
  readonly sample: Value
  /** What the network is told, N. */
  readonly timestep: Value
  /** Of the prompt, N × tokens × statesWidth. */
  readonly states: Value
}

/** The network's prediction, N × outChannels × frames × H × W. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: WanTransformerConfig,
  { sample, timestep, states }: WanTransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { patch, width, epsilon, outChannels, inChannels } = config
  const counts = patchesOf(config, sample)
  const [batch, tokens] = [sample.shape[0]!, counts[0] * counts[1] * counts[2]]

  const times = sinusoidal(b, timestep, config.timeWidth, { flipSinToCos: true, frequencyShift: 0 })
  const time = embedding(layers, 'condition_embedder.time_embedder', times, width)
  const parts = linear(layers, 'condition_embedder.time_proj', silu(b, time), 6 * width)
  const words = geluTanh(b, linear(layers, 'condition_embedder.text_embedder.linear_1', states, width))
  const wan: Wan = {
    ...layers,
    config,
    rotation: rotationBy(b, anglesOf(placesOf(counts), { widths: axisWidths(config), theta: 10000 })),
    time: reshape(b, parts, [batch, 6, width]),
    text: linear(layers, 'condition_embedder.text_embedder.linear_2', words, width),
  }

  const weight = parameters.value('patch_embedding.weight', [width, inChannels, ...patch])
  const bias = parameters.value('patch_embedding.bias', [width])
  const patches = conv(b, sample, weight, bias, { strides: patch })
  let x = transpose(b, reshape(b, patches, [batch, width, tokens]), [0, 2, 1])
  for (let i = 0; i < config.layers; i++) x = block(wan, `blocks.${i}`, x)

  const told = reshape(b, time, [batch, 1, width])
  const table = parameters.value('scale_shift_table', [1, 2, width])
  const [offset, scale] = [0, 1].map((row) => add(b, told, slice(b, table, 1, row, row + 1))) as [Value, Value]
  const size = patch[0] * patch[1] * patch[2]
  const values = linear(layers, 'proj_out', modulated(b, x, offset, scale, epsilon), size * outChannels)
  const apart = reshape(b, values, [batch, ...counts, ...patch, outChannels])
  const [, , ...sides] = sample.shape
  return reshape(b, transpose(b, apart, [0, 7, 1, 4, 2, 5, 3, 6]), [batch, outChannels, ...sides])
}

/** The largest height and width of what the network takes. */
export const largestSide = ({ positions, patch }: WanTransformerConfig): number =>
  positions * Math.min(patch[1], patch[2])

function patchesOf({ inChannels, patch, positions }: WanTransformerConfig, { shape }: Value): Triple {
  const [, channels, ...sides] = shape
  const counts = sides.map((side, axis) => side / patch[axis]!)
  const isWhole = counts.every((count) => Number.isInteger(count) && count > 0 && count <= positions)
  if (channels === inChannels && counts.length === 3 && isWhole) return counts as unknown as Triple
  throw expected(
    'bad-shape',
    `latents of ${inChannels} channels whose frames, rows and columns are multiples of ${patch.join(', ')}, up to ${positions} each`,
    'the denoising network',
    [channels, ...sides].join('×'),
    'Choose another size.',
  )
}

export interface WanTransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly sides: Triple
  readonly tokens: number
}

/** The inputs of this size; the sample under the name that is given. */
export function wanTransformerInputs(
  b: Builder,
  config: WanTransformerConfig,
  { batch, sides, tokens }: WanTransformerSize,
  sample = 'hidden_states',
): WanTransformerInputs {
  const input = (name: string, ...shape: number[]) => b.input(name, 'float32', [batch, ...shape])
  return {
    sample: input(sample, config.inChannels, ...sides),
    timestep: input('timestep'),
    states: input('encoder_hidden_states', tokens, config.statesWidth),
  }
}

/** The network as a graph: `hidden_states` (or the name that is given), `timestep`, `encoder_hidden_states` → `out`. */
export function wanTransformerGraph(
  config: WanTransformerConfig,
  weights: WeightSource,
  size: WanTransformerSize,
  sample?: string,
): Graph {
  const b = builder()
  b.output(predict(b, checkpointParameters(b, weights), config, wanTransformerInputs(b, config, size, sample)), 'out')
  return b.finish('wan-transformer-3d')
}
