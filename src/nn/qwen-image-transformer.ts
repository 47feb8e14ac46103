/**
 * QwenImageTransformer2DModel: the denoising network of Qwen-Image, from diffusers' configuration and tensor names. Only the
 * network: what its output means and guidance belong to where a model is put together.
 *
 * Source: Qwen-Image Technical Report, 2025; diffusers, transformer_qwenimage.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { cast, pad, reshape, scale } from '../graph/ops/common.js'
import { hidden, linear, rmsNorm } from './attention.js'
import { doubleStreamBlock, type Heads, type Modulation, type Streams } from './joint-attention.js'
import { type Layers, silu } from './layers.js'
import { modulated, modulations } from './modulation.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { patched, unpatched } from './patches.js'
import { anglesOf, axisWidths, rotationBy } from './rotary.js'
import { embedding, sinusoidal, throughThousandths } from './time-embedding.js'

export interface QwenImageTransformerConfig {
  /** Rows and columns of a latent that make a token. */
  readonly patchSize: number
  /** Of the latent. */
  readonly channels: number
  readonly layers: number
  readonly heads: number
  /** Of the tokens inside: heads times the width of each. */
  readonly width: number
  /** Of the states that it is told. */
  readonly statesWidth: number
  /** Channels of a head that turn with each number of a token's place. */
  readonly axes: readonly number[]
}

/** Reads `config.json`; options of the networks that edit pictures or part them into layers are refused by name. */
export function qwenImageTransformerConfig(config: ConfigReader): QwenImageTransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  for (const field of ['guidance_embeds', 'zero_cond_t', 'use_additional_t_cond', 'use_layer3d_rope']) {
    if (!config.boolean(field, false)) continue
    throw expected('unsupported', 'false', `\`${field}\` in \`${config.file}\``, 'true', 'Use a Qwen-Image.')
  }
  const headWidth = positive('attention_head_dim', 128)
  const axes = axisWidths(config, headWidth, [16, 56, 56])
  const heads = positive('num_attention_heads', 24)
  const patchSize = positive('patch_size', 2)
  const inChannels = positive('in_channels', 64)
  const channels = config.has('out_channels') ? positive('out_channels', 16) : inChannels
  if (channels * patchSize ** 2 !== inChannels) {
    const what = `${patchSize ** 2} for each of out_channels (${channels * patchSize ** 2})`
    throw expected('bad-model', what, `\`in_channels\` in \`${config.file}\``, `${inChannels}`, asPublished)
  }
  const read: QwenImageTransformerConfig = {
    patchSize,
    channels,
    layers: positive('num_layers', 60),
    heads,
    width: heads * headWidth,
    statesWidth: positive('joint_attention_dim', 3584),
    axes,
  }
  config.done()
  return read
}

/**
 * The places of all tokens of a latent: those of the picture (0, row, column) counted from its middle, those of the text before
 * them in a row, all three numbers beyond the half of the longer side.
 */
function placesOf(tokens: number, rows: number, columns: number): readonly (readonly number[])[] {
  const beyond = Math.max(Math.floor(rows / 2), Math.floor(columns / 2))
  const [top, left] = [Math.ceil(rows / 2), Math.ceil(columns / 2)]
  return [
    ...Array.from({ length: tokens }, (_, i) => [beyond + i, beyond + i, beyond + i]),
    ...Array.from({ length: rows * columns }, (_, i) => [0, Math.floor(i / columns) - top, (i % columns) - left]),
  ]
}

/** 0 at what may be looked at, −10³⁰ at the tokens behind each row's own: N × 1 × 1 × all tokens. */
function maskOf(b: Builder, lengths: Value, tokens: number, places: number): Value {
  const batch = lengths.shape[0]!
  const order = b.constant(
    'float32',
    [1, tokens],
    Array.from({ length: tokens }, (_, i) => i),
  )
  const isOwn = b.emit('Less', [order, reshape(b, cast(b, lengths, 'float32'), [batch, 1])])
  const isBehind = cast(b, b.emit('Not', [isOwn]), 'float32')
  return pad(b, reshape(b, scale(b, isBehind, hidden), [batch, 1, 1, tokens]), [0, 0, 0, 0, 0, 0, 0, places])
}

interface QwenImage extends Layers {
  readonly config: QwenImageTransformerConfig
  /** silu of what the time becomes, N × width. */
  readonly embedding: Value
  readonly attention: Heads
}

function block(image: QwenImage, index: number, streams: Streams): Streams {
  const name = `transformer_blocks.${index}`
  const of = (layer: string) =>
    modulations(image, `${name}.${layer}`, image.embedding, {
      count: 6,
      width: image.config.width,
    }) as unknown as Modulation
  return doubleStreamBlock(image, name, streams, {
    ...image.attention,
    modulations: { picture: of('img_mod.1'), text: of('txt_mod.1') },
    feedForwards: { picture: 'img_mlp', text: 'txt_mlp' },
  })
}

export interface QwenImageTransformerInputs {
  /** N × channels × height × width, sides multiples of the patch. */
  readonly sample: Value
  /** Thousand times the share of noise, N. */
  readonly timestep: Value
  /** Of the prompt, N × tokens × statesWidth, and how many of the tokens are each row's own, N (int64). */
  readonly states: Value
  readonly lengths: Value
}

/** The network's prediction, of the sample's shape, whatever it was trained to predict. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: QwenImageTransformerConfig,
  { sample, timestep, states, lengths }: QwenImageTransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { width, patchSize: side } = config
  const [, , height, wide] = sample.shape as [number, number, number, number]
  const [rows, columns] = [height / side, wide / side]
  const tokens = states.shape[1]!
  const times = sinusoidal(b, throughThousandths(b, timestep), 256, { flipSinToCos: true, frequencyShift: 0 })
  const time = embedding(layers, 'time_text_embed.timestep_embedder', times, width)
  const angles = anglesOf(placesOf(tokens, rows, columns), {
    widths: config.axes,
    theta: 10_000,
    rounds: 'frequencies',
  })
  const image: QwenImage = {
    ...layers,
    config,
    embedding: silu(b, time),
    attention: {
      heads: config.heads,
      rotation: rotationBy(b, angles),
      mask: maskOf(b, lengths, tokens, rows * columns),
    },
  }
  let streams: Streams = {
    text: linear(layers, 'txt_in', rmsNorm(layers, 'txt_norm', states, 1e-6), width),
    picture: linear(layers, 'img_in', patched(b, sample, side, 'channels-first'), width),
  }
  for (let i = 0; i < config.layers; i++) streams = block(image, i, streams)

  const [last, offset] = modulations(image, 'norm_out.linear', image.embedding, { count: 2, width }) as [Value, Value]
  const seen = modulated(b, streams.picture, offset, last)
  const out = linear(layers, 'proj_out', seen, side ** 2 * config.channels)
  return unpatched(b, out, { side, height, width: wide, order: 'channels-first' })
}

export interface QwenImageTransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  /** Of the text. */
  readonly tokens: number
}

/** What the number of each row's own tokens is fed as. */
export const lengthsName = 'encoder_hidden_states_length'

/** The inputs of this size. */
export const qwenImageTransformerInputs = (
  b: Builder,
  config: QwenImageTransformerConfig,
  { batch, height, width, tokens }: QwenImageTransformerSize,
): QwenImageTransformerInputs => ({
  sample: b.input('sample', 'float32', [batch, config.channels, height, width]),
  timestep: b.input('timestep', 'float32', [batch]),
  states: b.input('encoder_hidden_states', 'float32', [batch, tokens, config.statesWidth]),
  lengths: b.input(lengthsName, 'int64', [batch]),
})

/**
 * The network as a graph, which packs latents itself: `sample`, `timestep` (thousand times the share of noise),
 * `encoder_hidden_states`, `encoder_hidden_states_length` → `out`.
 */
export function qwenImageTransformerGraph(
  config: QwenImageTransformerConfig,
  weights: WeightSource,
  size: QwenImageTransformerSize,
): Graph {
  const b = builder()
  const inputs = qwenImageTransformerInputs(b, config, size)
  b.output(predict(b, checkpointParameters(b, weights), config, inputs), 'out')
  return b.finish('qwen-image-transformer-2d')
}
