/**
 * LaVie's UNet3DConditionModel: Stable Diffusion's denoising network for clips. Convolutions and attention see each frame alone;
 * residual blocks are normalised over all frames, and every transformer block has attention along the frames. diffusers has
 * another network of this name.
 *
 * Source: Wang et al., LAVIE, arXiv 2309.15103; github.com/Vchitect/LaVie, base/models.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, concat, mul, reshape, slice, transpose } from '../graph/ops/common.js'
import { attention, byHeads, joined, layerNorm, linear } from './attention.js'
import { asClips, asFrames, forEachFrame } from './frames.js'
import type { Layers } from './layers.js'
import { type ConfigReader, checkpointParameters, type Parameters, type WeightSource } from './parameters.js'
import { relativePositions } from './relative-positions.js'
import { frequencies, type Rotation, rotate, rotationOf } from './rotary.js'
import { type CrossAttention, cachedText, fromStates, predict } from './unet-2d-condition.js'
import { readUnet, type Unet2dConditionConfig } from './unet-2d-condition-config.js'

/** Channels of a head that are turned by a frame's place, at most, and θ. */
const turned = { width: 32, theta: 10000 }

/** A narrower head is turned whole; the published network has none. */
const turnedOf = (headWidth: number): number => Math.min(turned.width, headWidth)

/** Reads `config.json`; options that the published network does not use are refused by name. */
export function unet3dConditionConfig(config: ConfigReader): Unet2dConditionConfig {
  const remedy = "Use the base network of LaVie, in its own pipeline's layout."
  const read = readUnet(config, {
    blocks: '3D',
    fixed: { use_first_frame: false, use_relative_position: false },
    absent: ['addition_embed_type'],
    remedy,
  })
  const odd = read.blocks.find(({ channels, heads }) => turnedOf(channels / heads) % 2 === 1)
  if (!odd) return read
  const got = `${odd.channels} for ${odd.heads} heads`
  const what = `heads of ${turned.width} channels or more, or of an even number`
  throw expected('bad-model', what, `\`block_out_channels\` in \`${config.file}\``, got, remedy)
}

/** Distances of frames: `num_buckets` and `max_distance` of the class. */
const buckets = { buckets: 32, maximumDistance: 32 }

/** The rotation at each frame: the file has its frequencies, since they were a parameter. */
function frameRotation({ b, parameters }: Layers, name: string, frames: number, width: number): Rotation {
  const pairs = width / 2
  const own = `${name}.freqs`
  const each = parameters.has(own)
    ? parameters.value(own, [pairs])
    : b.constant('float32', [pairs], frequencies(width, turned))
  const places = b.constant(each.dtype, [frames, 1, 1], [...Array(frames).keys()])
  return rotationOf(b, mul(b, places, reshape(b, each, [1, 1, pairs])))
}

/**
 * Attention of every place along the frames, with residual: x + W·softmax(R(q)·R(k)ᵀ/√d + table[j − i])·v of the normalised x.
 * R turns the first 32 channels of a head, or all that it has, by the frame's number.
 */
function alongFrames(layers: Layers, block: string, x: Value, heads: number, frames: number): Value {
  const { b } = layers
  const [all, places, channels] = x.shape as [number, number, number]
  const batch = all / frames
  const name = `${block}.attn_temp`
  const swapped = (value: Value, [one, other]: readonly [number, number]) =>
    transpose(b, reshape(b, value, [batch, one, other, channels]), [0, 2, 1, 3])
  const rows = reshape(b, swapped(x, [frames, places]), [batch * places, frames, channels])
  const own = layerNorm(layers, `${block}.norm_temp`, rows)
  const [query, key, value] = ['to_q', 'to_k', 'to_v'].map((part) =>
    linear(layers, `${name}.${part}`, own, channels, false),
  ) as [Value, Value, Value]
  const width = turnedOf(channels / heads)
  const rotation = frameRotation(layers, `${name}.rotary_emb`, frames, width)
  const turn = (part: Value): Value => {
    const split = byHeads(b, part, heads)
    const first = rotate(b, slice(b, split, 3, 0, width), rotation, 'neighbours')
    const all = split.shape[3]!
    return joined(b, all === width ? first : concat(b, [first, slice(b, split, 3, width, all)], 3))
  }
  const mask = relativePositions(layers, `${name}.time_rel_pos_bias`, { heads, ...buckets }, frames)
  const mixed = attention(b, turn(query), turn(key), value, heads, { mask })
  const told = add(b, rows, linear(layers, `${name}.to_out.0`, mixed, channels))
  return reshape(b, swapped(told, [places, frames]), x.shape)
}

/** Keys and values of a clip's text for each of its frames. */
const forFrames =
  (b: Builder, text: CrossAttention, frames: number): CrossAttention =>
  (layer, channels) => {
    const { key, value } = text(layer, channels)
    return { key: forEachFrame(b, key, frames), value: forEachFrame(b, value, frames) }
  }

export interface ClipInputs {
  /** N × inChannels × frames × H × W. */
  readonly sample: Value
  /** N. */
  readonly timestep: Value
  readonly text: CrossAttention
}

/** The network's prediction N × outChannels × frames × H × W. */
export function predictClips(
  b: Builder,
  parameters: Parameters,
  config: Unet2dConditionConfig,
  { sample, timestep, text }: ClipInputs,
): Value {
  const [batch, , frames] = sample.shape as [number, number, number]
  const predicted = predict(b, parameters, config, {
    sample: asFrames(b, sample),
    timestep: forEachFrame(b, timestep, frames),
    text: forFrames(b, text, frames),
    clips: { frames, along: (layers, block, x, heads) => alongFrames(layers, block, x, heads, frames) },
  })
  return asClips(b, predicted, batch)
}

export interface ClipUnetSize {
  readonly batch: number
  readonly frames: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  readonly tokens: number
}

/** The network as a graph: `sample`, `timestep` and `encoder_hidden_states` → `out`. */
export const clipUnetGraph = (config: Unet2dConditionConfig, weights: WeightSource, size: ClipUnetSize): Graph => {
  const { batch, tokens } = size
  return networkOf(config, weights, size, (b, parameters) =>
    fromStates(b, parameters, b.input('encoder_hidden_states', 'float32', [batch, tokens, config.crossAttentionDim])),
  )
}

/** The same after `keyValueGraph`: `sample`, `timestep`, `<layer>.key`, `<layer>.value`, … → `out`. */
export const cachedClipUnetGraph = (config: Unet2dConditionConfig, weights: WeightSource, size: ClipUnetSize): Graph =>
  networkOf(config, weights, size, (b) => cachedText(b, size))

function networkOf(
  config: Unet2dConditionConfig,
  weights: WeightSource,
  { batch, frames, height, width }: ClipUnetSize,
  textOf: (b: Builder, parameters: Parameters) => CrossAttention,
): Graph {
  const b = builder()
  const parameters = checkpointParameters(b, weights)
  const sample = b.input('sample', 'float32', [batch, config.inChannels, frames, height, width])
  const timestep = b.input('timestep', 'float32', [batch])
  b.output(predictClips(b, parameters, config, { sample, timestep, text: textOf(b, parameters) }), 'out')
  return b.finish('unet-3d-condition')
}
