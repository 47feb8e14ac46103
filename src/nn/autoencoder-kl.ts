/**
 * AutoencoderKL: the autoencoder of Stable Diffusion 1, 2 and XL, from diffusers' configuration and tensor names.
 * Only the network: latents here are the network's own (diffusers' `encode` and `decode`); the scale factor is applied
 * where a model is put together. Not the training loss (training/).
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/builder.js'
import type { Value } from '../graph/graph.js'
import { slice } from '../graph/ops/common.js'
import { upsampleNearest } from '../graph/ops/pooling.js'
import {
  conv2d,
  downsample,
  groupNorm2d,
  type Layers,
  type NormOptions,
  resnetBlock,
  silu,
  spatialAttention,
} from './layers.js'
import { type HalfGraph, networkGraph } from './network-graph.js'
import type { ConfigReader, Parameters } from './parameters.js'

export interface AutoencoderKlConfig {
  readonly inChannels: number
  readonly outChannels: number
  readonly latentChannels: number
  readonly blockOutChannels: readonly number[]
  /** Of the decoder, where they are others. */
  readonly decoderBlockOutChannels?: readonly number[] | undefined
  readonly layersPerBlock: number
  readonly normNumGroups: number
  readonly midBlockAttention: boolean
  readonly quantConv: boolean
  readonly postQuantConv: boolean
}

/** What a class leaves unsaid. */
export interface AutoencoderKlDefaults {
  readonly blockOutChannels: readonly number[]
  readonly latentChannels: number
  readonly layersPerBlock: number
}

const ownDefaults: AutoencoderKlDefaults = { blockOutChannels: [64], latentChannels: 4, layersPerBlock: 1 }

/** The one type that blocks of each half may have, where the configuration states types. */
const blockTypes = { down_block_types: 'DownEncoderBlock2D', up_block_types: 'UpDecoderBlock2D' } as const

/** Reads `config.json`; options that no published Stable Diffusion autoencoder uses are refused by name. */
export function autoencoderKlConfig(config: ConfigReader, defaults = ownDefaults): AutoencoderKlConfig {
  const only = (field: string, found: readonly string[], supported: string) => {
    const other = found.find((value) => value !== supported)
    if (other !== undefined) {
      throw expected(
        'unsupported',
        supported,
        `\`${field}\` in \`${config.file}\``,
        other,
        'Use an autoencoder of the Stable Diffusion 1, 2 or XL layout.',
      )
    }
  }
  const blockOutChannels = config.integers('block_out_channels', defaults.blockOutChannels)
  for (const [field, supported] of Object.entries(blockTypes)) {
    if (config.value(field) === undefined) continue
    const found = config.strings(field)
    only(field, found, supported)
    if (found.length === blockOutChannels.length) continue
    const what = `one ${supported} for each of ${blockOutChannels.length} \`block_out_channels\``
    const remedy = 'Use the configuration that the weights were published with.'
    throw expected('bad-model', what, `\`${field}\` in \`${config.file}\``, `${found.length}`, remedy)
  }
  only('act_fn', [config.string('act_fn', 'silu')], 'silu')
  const normNumGroups = config.integer('norm_num_groups', 32)
  checkStages(config.file, 'block_out_channels', blockOutChannels, normNumGroups)
  return {
    inChannels: config.integer('in_channels', 3),
    outChannels: config.integer('out_channels', 3),
    latentChannels: config.integer('latent_channels', defaults.latentChannels),
    blockOutChannels,
    layersPerBlock: config.integer('layers_per_block', defaults.layersPerBlock),
    normNumGroups,
    midBlockAttention: config.boolean('mid_block_add_attention', true),
    quantConv: config.boolean('use_quant_conv', true),
    postQuantConv: config.boolean('use_post_quant_conv', true),
  }
}

/** Throws `bad-model` where there is no stage, or groups do not divide the channels of one. */
export function checkStages(file: string, field: string, stages: readonly number[], groups: number): void {
  if (groups >= 1 && stages.length > 0 && stages.every((channels) => channels >= 1 && channels % groups === 0)) return
  throw expected(
    'bad-model',
    `${field} that norm_num_groups (${groups}) divides`,
    `\`${file}\``,
    `[${stages}]`,
    'Use the configuration that the weights were published with.',
  )
}

/** Fields that change nothing of the network that is built here. */
export const autoencoderKlHarmless: Readonly<Record<string, string>> = {
  sample_size: 'the size of the pictures in training; the network takes others',
  force_upcast: 'where float16 overflows: weights are computed with in float32',
  use_slicing: 'how memory is saved',
  use_tiling: 'how memory is saved',
}

/** Pixels per latent entry along each axis. */
export const downscaling = (config: AutoencoderKlConfig): number => 2 ** (config.blockOutChannels.length - 1)

/** The epsilon of every normalisation of AutoencoderKL. */
const epsilon = 1e-6

function midBlock(layers: Layers, name: string, x: Value, config: AutoencoderKlConfig, norm: NormOptions): Value {
  const channels = x.shape[1]!
  const first = resnetBlock(layers, `${name}.resnets.0`, x, channels, norm)
  const attended = config.midBlockAttention ? spatialAttention(layers, `${name}.attentions.0`, first, norm) : first
  return resnetBlock(layers, `${name}.resnets.1`, attended, channels, norm)
}

/**
 * Encoder: image N × 3 × H × W → mean and logarithm of the variance (clamped to [−30, 20]) of the posterior,
 * N × latentChannels × H/f × W/f with f = 2^(blocks − 1).
 */
export function encode(
  b: Builder,
  parameters: Parameters,
  config: AutoencoderKlConfig,
  image: Value,
): { mean: Value; logvar: Value } {
  const layers: Layers = { b, parameters }
  const norm: NormOptions = { groups: config.normNumGroups, epsilon }
  const last = config.blockOutChannels.length - 1
  let x = conv2d(layers, 'encoder.conv_in', image, config.blockOutChannels[0]!)
  config.blockOutChannels.forEach((channels, i) => {
    for (let j = 0; j < config.layersPerBlock; j++) {
      x = resnetBlock(layers, `encoder.down_blocks.${i}.resnets.${j}`, x, channels, norm)
    }
    if (i < last) x = downsample(layers, `encoder.down_blocks.${i}.downsamplers.0`, x)
  })
  x = midBlock(layers, 'encoder.mid_block', x, config, norm)
  x = silu(b, groupNorm2d(layers, 'encoder.conv_norm_out', x, norm))
  let moments = conv2d(layers, 'encoder.conv_out', x, 2 * config.latentChannels)
  if (config.quantConv) moments = conv2d(layers, 'quant_conv', moments, 2 * config.latentChannels, { kernel: 1 })
  const logvar = slice(b, moments, 1, config.latentChannels, 2 * config.latentChannels)
  return {
    mean: slice(b, moments, 1, 0, config.latentChannels),
    logvar: b.emit('Clip', [logvar, b.scalar(logvar.dtype, -30), b.scalar(logvar.dtype, 20)]),
  }
}

/** Decoder: latent N × latentChannels × h × w → image N × 3 × f·h × f·w. */
export function decode(b: Builder, parameters: Parameters, config: AutoencoderKlConfig, latent: Value): Value {
  const layers: Layers = { b, parameters }
  const norm: NormOptions = { groups: config.normNumGroups, epsilon }
  const widths = [...(config.decoderBlockOutChannels ?? config.blockOutChannels)].reverse()
  let x = config.postQuantConv
    ? conv2d(layers, 'post_quant_conv', latent, config.latentChannels, { kernel: 1 })
    : latent
  x = conv2d(layers, 'decoder.conv_in', x, widths[0]!)
  x = midBlock(layers, 'decoder.mid_block', x, config, norm)
  widths.forEach((channels, i) => {
    for (let j = 0; j <= config.layersPerBlock; j++) {
      x = resnetBlock(layers, `decoder.up_blocks.${i}.resnets.${j}`, x, channels, norm)
    }
    if (i < widths.length - 1)
      x = conv2d(layers, `decoder.up_blocks.${i}.upsamplers.0.conv`, upsampleNearest(b, x, 2), channels)
  })
  x = silu(b, groupNorm2d(layers, 'decoder.conv_norm_out', x, norm))
  return conv2d(layers, 'decoder.conv_out', x, config.outChannels)
}

/** The encoder as a graph: `image` → `mean`, `logvar`. */
export const encoderGraph: HalfGraph<AutoencoderKlConfig> = (config, weights, batch, height, width) =>
  networkGraph(
    'autoencoder-kl encoder',
    weights,
    { name: 'image', shape: [batch, config.inChannels, height, width] },
    (b, parameters, image) => encode(b, parameters, config, image),
  )

/** The decoder as a graph: `latent` → `decoded`, for pictures of the given size. */
export const decoderGraph: HalfGraph<AutoencoderKlConfig> = (config, weights, batch, height, width) => {
  const sides = [height, width].map((side) => side / downscaling(config))
  const input = { name: 'latent', shape: [batch, config.latentChannels, ...sides] }
  return networkGraph('autoencoder-kl decoder', weights, input, (b, parameters, latent) => ({
    decoded: decode(b, parameters, config, latent),
  }))
}
