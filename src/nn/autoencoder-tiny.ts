/**
 * AutoencoderTiny (TAESD): the small distilled autoencoder, from diffusers' configuration and tensor names. It has no
 * posterior: its encoder yields one latent. Only the network: the scale factor is applied where a model is put together.
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/builder.js'
import type { Value } from '../graph/graph.js'
import { add, scale, shift } from '../graph/ops/common.js'
import { upsampleNearest } from '../graph/ops/pooling.js'
import { conv2d, type Layers } from './layers.js'
import { type HalfGraph, networkGraph } from './network-graph.js'
import type { ConfigReader, Parameters } from './parameters.js'

export interface AutoencoderTinyConfig {
  readonly inChannels: number
  readonly outChannels: number
  readonly latentChannels: number
  readonly encoderBlockOutChannels: readonly number[]
  readonly decoderBlockOutChannels: readonly number[]
  readonly numEncoderBlocks: readonly number[]
  readonly numDecoderBlocks: readonly number[]
}

const published = 'Use an autoencoder of the TAESD layout.'

/** The number of blocks at each resolution and their channels; diffusers has no layer that changes the channels. */
function stages(config: ConfigReader, blocks: string, channels: string, defaultBlocks: readonly number[]) {
  const counts = config.integers(blocks, defaultBlocks)
  const widths = config.integers(channels, [64, 64, 64, 64])
  if (counts.length !== widths.length || counts.length === 0 || new Set(widths).size !== 1) {
    throw expected(
      'bad-model',
      `one width, as many times as \`${blocks}\` has entries,`,
      `\`${channels}\` in \`${config.file}\``,
      `[${widths}] and [${counts}]`,
      published,
    )
  }
  return { counts, widths }
}

/** Reads `config.json`; options that no published TAESD has are refused by name. */
export function autoencoderTinyConfig(config: ConfigReader): AutoencoderTinyConfig {
  const only = (field: string, found: number | string, supported: number | string) => {
    if (found === supported) return
    throw expected('unsupported', `${supported}`, `\`${field}\` in \`${config.file}\``, `${found}`, published)
  }
  only('act_fn', config.string('act_fn', 'relu'), 'relu')
  only('upsampling_scaling_factor', config.integer('upsampling_scaling_factor', 2), 2)
  const encoder = stages(config, 'num_encoder_blocks', 'encoder_block_out_channels', [1, 3, 3, 3])
  const decoder = stages(config, 'num_decoder_blocks', 'decoder_block_out_channels', [3, 3, 3, 1])
  if (encoder.counts.length !== decoder.counts.length) {
    throw expected(
      'unsupported',
      'as many stages in the decoder as in the encoder',
      `\`num_decoder_blocks\` in \`${config.file}\``,
      `[${encoder.counts}] and [${decoder.counts}]`,
      published,
    )
  }
  return {
    inChannels: config.integer('in_channels', 3),
    outChannels: config.integer('out_channels', 3),
    latentChannels: config.integer('latent_channels', 4),
    encoderBlockOutChannels: encoder.widths,
    decoderBlockOutChannels: decoder.widths,
    numEncoderBlocks: encoder.counts,
    numDecoderBlocks: decoder.counts,
  }
}

/** Fields that change nothing of the network that is built here. */
export const autoencoderTinyHarmless: Readonly<Record<string, string>> = {
  block_out_channels: 'repeats encoder_block_out_channels',
  force_upcast: 'where float16 overflows: weights are computed with in float32',
  latent_magnitude: 'for showing latents as pictures',
  latent_shift: 'for showing latents as pictures',
}

/** Pixels per latent entry along each axis. */
export const downscaling = (config: AutoencoderTinyConfig): number => 2 ** (config.numEncoderBlocks.length - 1)

/** relu(x + conv(relu(conv(relu(conv(x)))))). */
function block(layers: Layers, name: string, x: Value): Value {
  const { b } = layers
  const channels = x.shape[1]!
  const first = b.emit('Relu', [conv2d(layers, `${name}.conv.0`, x, channels)])
  const second = b.emit('Relu', [conv2d(layers, `${name}.conv.2`, first, channels)])
  return b.emit('Relu', [add(b, conv2d(layers, `${name}.conv.4`, second, channels), x)])
}

/** Names of the entries of a torch.nn.Sequential: each call is the next one. */
function sequence(part: string): () => string {
  let count = 0
  return () => `${part}.layers.${count++}`
}

/** Encoder: image N × 3 × H × W in [−1, 1] → N × latentChannels × H/f × W/f with f = 2^(stages − 1). */
export function encode(b: Builder, parameters: Parameters, config: AutoencoderTinyConfig, image: Value): Value {
  const layers: Layers = { b, parameters }
  const next = sequence('encoder')
  // TAESD's own pictures are in [0, 1].
  let x = scale(b, shift(b, image, 1), 0.5)
  config.numEncoderBlocks.forEach((count, i) => {
    const channels = config.encoderBlockOutChannels[i]!
    x = conv2d(layers, next(), x, channels, i === 0 ? {} : { stride: 2, bias: false })
    for (let j = 0; j < count; j++) x = block(layers, next(), x)
  })
  return conv2d(layers, next(), x, config.latentChannels)
}

/** Decoder: latent N × latentChannels × h × w → image N × 3 × f·h × f·w. Latents saturate at ±3. */
export function decode(b: Builder, parameters: Parameters, config: AutoencoderTinyConfig, latent: Value): Value {
  const layers: Layers = { b, parameters }
  const next = sequence('decoder')
  const last = config.numDecoderBlocks.length - 1
  let x = scale(b, b.emit('Tanh', [scale(b, latent, 1 / 3)]), 3)
  x = b.emit('Relu', [conv2d(layers, next(), x, config.decoderBlockOutChannels[0]!)])
  // Activation and upsampling are entries of the sequence too, without weights.
  next()
  config.numDecoderBlocks.forEach((count, i) => {
    const channels = config.decoderBlockOutChannels[i]!
    for (let j = 0; j < count; j++) x = block(layers, next(), x)
    if (i < last) {
      next()
      x = conv2d(layers, next(), upsampleNearest(b, x, 2), channels, { bias: false })
    }
  })
  return shift(b, scale(b, conv2d(layers, next(), x, config.outChannels), 2), -1)
}

/** The encoder as a graph: `image` → `encoded`. */
export const encoderGraph: HalfGraph<AutoencoderTinyConfig> = (config, weights, batch, height, width) =>
  networkGraph(
    'autoencoder-tiny encoder',
    weights,
    { name: 'image', shape: [batch, config.inChannels, height, width] },
    (b, parameters, image) => ({ encoded: encode(b, parameters, config, image) }),
  )

/** The decoder as a graph: `latent` → `decoded`, for pictures of the given size. */
export const decoderGraph: HalfGraph<AutoencoderTinyConfig> = (config, weights, batch, height, width) => {
  const sides = [height, width].map((side) => side / downscaling(config))
  const input = { name: 'latent', shape: [batch, config.latentChannels, ...sides] }
  return networkGraph('autoencoder-tiny decoder', weights, input, (b, parameters, latent) => ({
    decoded: decode(b, parameters, config, latent),
  }))
}
