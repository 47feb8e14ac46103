/**
 * Flux2Transformer2DModel: the denoising network of FLUX.2, from diffusers' configuration and tensor names. Blocks share one
 * modulation, and no layer has a bias. Only the network: what its output means and guidance belong to where a model is put
 * together.
 *
 * Source: Black Forest Labs, FLUX.2, 2025; diffusers, transformer_flux2.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { concat, mul, reshape, scale, slice, transpose } from '../graph/ops/common.js'
import { byHeads, joined, linear, rmsNorm } from './attention.js'
import { doubleStreamBlock, type Heads, type Modulation, rotatedAttention, type Streams } from './joint-attention.js'
import { type Layers, silu } from './layers.js'
import { gated, modulated, modulations } from './modulation.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { type Axes, anglesOf, axisWidths, type Rotation, rotationAt, rotationBy } from './rotary.js'
import { embedding, sinusoidal, throughThousandths } from './time-embedding.js'

export interface Flux2TransformerConfig {
  readonly channels: number
  readonly width: number
  readonly heads: number
  readonly doubleLayers: number
  readonly singleLayers: number
  readonly statesWidth: number
  /** Of the feed-forwards inside. */
  readonly innerWidth: number
  /** Of the sinusoids of times. */
  readonly timeWidth: number
  readonly axes: Axes
}

const epsilon = 1e-6

/** Reads `config.json`; options that FLUX.2 klein does not have are refused by name. */
export function flux2TransformerConfig(config: ConfigReader): Flux2TransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  const only = (field: string, got: unknown, wanted: unknown) => {
    if (got === wanted) return
    const place = `\`${field}\` in \`${config.file}\``
    throw expected('unsupported', `${wanted}`, place, `${got}`, 'Use a FLUX.2 klein.')
  }
  const [heads, headWidth] = [positive('num_attention_heads', 48), positive('attention_head_dim', 128)]
  const width = heads * headWidth
  const channels = positive('in_channels', 128)
  only('patch_size', config.integer('patch_size', 1), 1)
  only('guidance_embeds', config.boolean('guidance_embeds', true), false)
  only('eps', config.number('eps', epsilon), epsilon)
  only('out_channels', config.has('out_channels') ? config.integer('out_channels') : channels, channels)
  const widths = axisWidths(config, headWidth, [32, 32, 32, 32])
  const ratio = config.number('mlp_ratio', 3)
  if (!(ratio > 0 && width * ratio >= 1)) {
    throw expected('bad-model', 'a positive number', `\`mlp_ratio\` in \`${config.file}\``, `${ratio}`, asPublished)
  }
  const read: Flux2TransformerConfig = {
    channels,
    width,
    heads,
    doubleLayers: config.integer('num_layers', 8),
    singleLayers: config.integer('num_single_layers', 48),
    statesWidth: positive('joint_attention_dim', 15360),
    innerWidth: Math.trunc(width * ratio),
    timeWidth: positive('timestep_guidance_channels', 256),
    axes: { widths, theta: config.number('rope_theta', 2000) },
  }
  config.done()
  return read
}

interface Flux2 extends Layers {
  readonly config: Flux2TransformerConfig
  readonly attention: Heads
}

/** silu(first half)·second half. */
function gatedHalves(b: Builder, x: Value): Value {
  const [axis, half] = [x.shape.length - 1, x.shape.at(-1)! / 2]
  return mul(b, silu(b, slice(b, x, axis, 0, half)), slice(b, x, axis, half, 2 * half))
}

/** linear_out(silu(a)·c) with (a, c) = linear_in(x). */
const feedForward =
  ({ innerWidth }: Flux2TransformerConfig) =>
  (layers: Layers, name: string, x: Value): Value => {
    const inner = gatedHalves(layers.b, linear(layers, `${name}.linear_in`, x, 2 * innerWidth, false))
    return linear(layers, `${name}.linear_out`, inner, x.shape.at(-1)!, false)
  }

/** Attention and feed-forward side by side over all tokens: one layer into both, and one out of both. */
function singleBlock(flux: Flux2, index: number, x: Value, [offset, scaling, gate]: readonly Value[]): Value {
  const { b, config, attention } = flux
  const { width, innerWidth, heads } = config
  const name = `single_transformer_blocks.${index}.attn`
  const told = modulated(b, x, offset!, scaling!, epsilon)
  const all = linear(flux, `${name}.to_qkv_mlp_proj`, told, 3 * width + 2 * innerWidth, false)
  const part = (i: number) => slice(b, all, 2, i * width, (i + 1) * width)
  const normal = (norm: string, own: Value) =>
    joined(b, rmsNorm(flux, `${name}.${norm}`, byHeads(b, own, heads), epsilon))
  const mixed = rotatedAttention(flux, [normal('norm_q', part(0)), normal('norm_k', part(1)), part(2)], attention)
  const wide = gatedHalves(b, slice(b, all, 2, 3 * width, 3 * width + 2 * innerWidth))
  return gated(b, x, gate!, linear(flux, `${name}.to_out`, concat(b, [mixed, wide], 2), width, false))
}

export interface Flux2TransformerInputs {
  /** The picture, N × tokens × channels. */
  readonly picture: Value
  /** Thousand times the share of noise, N. */
  readonly time: Value
  /** Of the prompt, N × tokens × statesWidth. */
  readonly states: Value
  /** Of all tokens, the text's first. */
  readonly rotation: Rotation
}

/** The network's prediction N × tokens × channels, whatever it was trained to predict. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: Flux2TransformerConfig,
  { picture, time, states, rotation }: Flux2TransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { width, heads, timeWidth } = config
  const times = sinusoidal(b, time, timeWidth, { flipSinToCos: true, frequencyShift: 0 })
  const told = silu(b, embedding(layers, 'time_guidance_embed.timestep_embedder', times, width, false))
  const modulation = (name: string, count: number) =>
    modulations(layers, `${name}.linear`, told, { count, width, bias: false })
  const attention: Heads = { heads, rotation, bias: false }
  const flux: Flux2 = { ...layers, config, attention }
  const double = {
    ...attention,
    modulations: {
      picture: modulation('double_stream_modulation_img', 6) as unknown as Modulation,
      text: modulation('double_stream_modulation_txt', 6) as unknown as Modulation,
    },
    feedForwards: { picture: 'ff', text: 'ff_context' },
    wide: feedForward(config),
  }
  let streams: Streams = {
    text: linear(layers, 'context_embedder', states, width, false),
    picture: linear(layers, 'x_embedder', picture, width, false),
  }
  for (let i = 0; i < config.doubleLayers; i++) {
    streams = doubleStreamBlock(layers, `transformer_blocks.${i}`, streams, double)
  }
  const single = modulation('single_stream_modulation', 3)
  let all = concat(b, [streams.text, streams.picture], 1)
  for (let i = 0; i < config.singleLayers; i++) all = singleBlock(flux, i, all, single)

  const seen = slice(b, all, 1, states.shape[1]!, all.shape[1]!)
  // The last norm says the scale first.
  const [last, offset] = modulation('norm_out', 2) as [Value, Value]
  return linear(layers, 'proj_out', modulated(b, seen, offset, last, epsilon), config.channels, false)
}

/** Places of all tokens: (0, 0, 0, position) of the text's, (0, row, column, 0) of the picture's. */
const placesOf = (tokens: number, rows: number, columns: number): readonly (readonly number[])[] => [
  ...Array.from({ length: tokens }, (_, i) => [0, 0, 0, i]),
  ...Array.from({ length: rows * columns }, (_, i) => [0, Math.floor(i / columns), i % columns, 0]),
]

export interface Flux2TransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  /** Of the text. */
  readonly tokens: number
}

/**
 * The network on latents: `sample` N × channels × height × width, each place a token, `timestep` (thousand times the share of
 * noise), `encoder_hidden_states` → `out`, of the sample's shape.
 */
export function flux2LatentGraph(
  config: Flux2TransformerConfig,
  weights: WeightSource,
  { batch, height, width, tokens }: Flux2TransformerSize,
): Graph {
  const b = builder()
  const { channels } = config
  const sample = b.input('sample', 'float32', [batch, channels, height, width])
  const timestep = b.input('timestep', 'float32', [batch])
  const states = b.input('encoder_hidden_states', 'float32', [batch, tokens, config.statesWidth])
  const out = predict(b, checkpointParameters(b, weights), config, {
    picture: transpose(b, reshape(b, sample, [batch, channels, height * width]), [0, 2, 1]),
    time: throughThousandths(b, timestep),
    states,
    rotation: rotationBy(b, anglesOf(placesOf(tokens, height, width), config.axes)),
  })
  b.output(reshape(b, transpose(b, out, [0, 2, 1]), [batch, channels, height, width]), 'out')
  return b.finish('flux-2-transformer-2d')
}

/** The inputs of the network as its own tools name them, for so many tokens of the picture and of the text. */
export function flux2TransformerInputs(
  b: Builder,
  config: Flux2TransformerConfig,
  { batch, places, tokens }: { readonly batch: number; readonly places: number; readonly tokens: number },
): Flux2TransformerInputs {
  const picture = b.input('hidden_states', 'float32', [batch, places, config.channels])
  const time = scale(b, b.input('timestep', 'float32', [batch]), 1000)
  const states = b.input('encoder_hidden_states', 'float32', [batch, tokens, config.statesWidth])
  const ids = [b.input('txt_ids', 'float32', [tokens, 4]), b.input('img_ids', 'float32', [places, 4])]
  return { picture, time, states, rotation: rotationAt(b, concat(b, ids, 0), config.axes) }
}

/**
 * The network as its own tools run it: `hidden_states` (packed), `timestep` (the share of noise), `encoder_hidden_states`,
 * `txt_ids`, `img_ids` → `out`.
 */
export function flux2TransformerGraph(
  config: Flux2TransformerConfig,
  weights: WeightSource,
  size: { readonly batch: number; readonly places: number; readonly tokens: number },
): Graph {
  const b = builder()
  b.output(predict(b, checkpointParameters(b, weights), config, flux2TransformerInputs(b, config, size)), 'out')
  return b.finish('flux-2-transformer-2d')
}
