/**
 * AutoencoderKLTemporalDecoder: Stable Diffusion's encoder, frame by frame, and a decoder whose residual blocks also look at the
 * frames before and after. From diffusers' configuration and tensor names. Only the network: its latents are diffusers' own.
 *
 * It looks ahead: a clip that is decoded in pieces is another one. Source: Blattmann et al., Stable Video Diffusion, 2023;
 * diffusers, autoencoder_kl_temporal_decoder.py.
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/builder.js'
import type { Value } from '../graph/graph.js'
import { add, mul, reshape, sub, transpose } from '../graph/ops/common.js'
import { conv } from '../graph/ops/convolution.js'
import { upsampleNearest } from '../graph/ops/pooling.js'
import { type AutoencoderKlConfig, encode as encodeFrames } from './autoencoder-kl.js'
import { conv2d, groupNorm2d, type Layers, type NormOptions, resnetBlock, silu, spatialAttention } from './layers.js'
import { networkGraph } from './network-graph.js'
import type { ConfigReader, Parameters, WeightSource } from './parameters.js'

/** Of every normalisation. */
const groups = 32

/** Reads `config.json`; what no published autoencoder of this class has is refused by name. */
export function autoencoderKlTemporalDecoderConfig(config: ConfigReader): AutoencoderKlConfig {
  const remedy = 'Use the configuration that the weights were published with.'
  const other = config.strings('down_block_types', ['DownEncoderBlock2D']).find((type) => type !== 'DownEncoderBlock2D')
  if (other !== undefined) {
    throw expected('unsupported', 'DownEncoderBlock2D', `\`down_block_types\` in \`${config.file}\``, other, remedy)
  }
  const blockOutChannels = config.integers('block_out_channels', [64])
  if (blockOutChannels.some((channels) => channels < 1 || channels % groups !== 0)) {
    const what = `block_out_channels that ${groups} divides`
    throw expected('bad-model', what, `\`${config.file}\``, `[${blockOutChannels}]`, remedy)
  }
  const layersPerBlock = config.integer('layers_per_block', 1)
  if (layersPerBlock < 1) {
    const got = `${layersPerBlock}`
    throw expected('bad-model', 'at least 1', `\`layers_per_block\` in \`${config.file}\``, got, remedy)
  }
  return {
    inChannels: config.integer('in_channels', 3),
    outChannels: config.integer('out_channels', 3),
    latentChannels: config.integer('latent_channels', 4),
    blockOutChannels,
    layersPerBlock,
    normNumGroups: groups,
    midBlockAttention: true,
    quantConv: true,
    postQuantConv: false,
  }
}

/** Fields that change nothing of the network that is built here. */
export const autoencoderKlTemporalDecoderHarmless: Readonly<Record<string, string>> = {
  sample_size: 'the size of the pictures in training; the network takes others',
  force_upcast: 'where float16 overflows: weights are computed with in float32',
}

/** What files hold of the decoder's middle that it never runs: its third block and later ones, and the attention of a single one. */
export const unusedTensors = ({ layersPerBlock }: AutoencoderKlConfig): RegExp =>
  layersPerBlock === 1 ? /^decoder\.mid_block\.attentions\./ : /^decoder\.mid_block\.resnets\.([2-9]|\d\d)/

const spatial: NormOptions = { groups, epsilon: 1e-6 }
const temporal: NormOptions = { groups, epsilon: 1e-5 }

/** Frames of one clip, frames × channels × height × width, as 1 × channels × frames × height × width, and back. */
const alongTime = (b: Builder, x: Value): Value => {
  const [frames, channels, ...sides] = x.shape as [number, number, ...number[]]
  return reshape(b, transpose(b, x, [1, 0, 2, 3]), [1, channels, frames, ...sides])
}
const asFrames = (b: Builder, x: Value): Value => {
  const [, channels, ...rest] = x.shape as [number, number, ...number[]]
  return transpose(b, reshape(b, x, [channels, ...rest]), [1, 0, 2, 3])
}

/** A convolution over three frames, with zeros beyond the clip. x: 1 × channels × frames × height × width. */
function timeConv({ b, parameters }: Layers, name: string, x: Value, channels: number): Value {
  const weight = parameters.value(`${name}.weight`, [channels, x.shape[1]!, 3, 1, 1])
  return conv(b, x, weight, parameters.value(`${name}.bias`, [channels]), { pads: [1, 0, 0, 1, 0, 0] })
}

/** A block of ResNet on every frame, then one along the frames, mixed: (1 − a)·spatial + a·temporal, a = sigmoid(mix_factor). */
function mixedBlock(layers: Layers, name: string, x: Value, channels: number): Value {
  const { b, parameters } = layers
  const still = resnetBlock(layers, `${name}.spatial_res_block`, x, channels, spatial)
  const block = `${name}.temporal_res_block`
  const clip = alongTime(b, still)
  const half = (part: 1 | 2, y: Value) =>
    timeConv(
      layers,
      `${block}.conv${part}`,
      silu(b, groupNorm2d(layers, `${block}.norm${part}`, y, temporal)),
      channels,
    )
  const moved = asFrames(b, add(b, clip, half(2, half(1, clip))))
  const share = b.emit('Sigmoid', [parameters.value(`${name}.time_mixer.mix_factor`, [1])])
  return add(b, still, mul(b, share, sub(b, moved, still)))
}

/** Encoder: frames N × 3 × H × W → mean and logarithm of the variance, each frame alone. */
export const encode = encodeFrames

/** Decoder: the latent frames of one clip, F × latentChannels × h × w → F × 3 × f·h × f·w. */
export function decode(b: Builder, parameters: Parameters, config: AutoencoderKlConfig, latent: Value): Value {
  const layers: Layers = { b, parameters }
  const widths = config.blockOutChannels.toReversed()
  let x = conv2d(layers, 'decoder.conv_in', latent, widths[0]!)
  x = mixedBlock(layers, 'decoder.mid_block.resnets.0', x, widths[0]!)
  if (config.layersPerBlock > 1) {
    x = spatialAttention(layers, 'decoder.mid_block.attentions.0', x, spatial)
    x = mixedBlock(layers, 'decoder.mid_block.resnets.1', x, widths[0]!)
  }
  widths.forEach((channels, i) => {
    const block = `decoder.up_blocks.${i}`
    for (let j = 0; j <= config.layersPerBlock; j++) x = mixedBlock(layers, `${block}.resnets.${j}`, x, channels)
    if (i < widths.length - 1) x = conv2d(layers, `${block}.upsamplers.0.conv`, upsampleNearest(b, x, 2), channels)
  })
  x = silu(b, groupNorm2d(layers, 'decoder.conv_norm_out', x, spatial))
  const frames = conv2d(layers, 'decoder.conv_out', x, config.outChannels)
  return asFrames(b, timeConv(layers, 'decoder.time_conv_out', alongTime(b, frames), config.outChannels))
}

/** The decoder as a graph, for a clip of so many frames: `latent` → `decoded`. */
export const decoderGraph = (
  config: AutoencoderKlConfig,
  weights: WeightSource,
  frames: number,
  sides: readonly [height: number, width: number],
) => {
  const shape = [
    frames,
    config.latentChannels,
    ...sides.map((side) => side / 2 ** (config.blockOutChannels.length - 1)),
  ]
  return networkGraph(
    'autoencoder-kl-temporal decoder',
    weights,
    { name: 'latent', shape },
    (b, parameters, latent) => ({
      decoded: decode(b, parameters, config, latent),
    }),
  )
}
