/**
 * UNet2DConditionModel: the denoising network of Stable Diffusion 1, 2 and XL, from diffusers' configuration and tensor
 * names. Only the network: what its output means (noise, velocity) and guidance belong to where a model is put together.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, concat, mul, reshape, slice, transpose } from '../graph/ops/common.js'
import { doubleNearest } from '../graph/ops/pooling.js'
import { prune } from '../graph/passes/prune.js'
import { attention, gelu, layerNorm, linear } from './attention.js'
import { conv2d, groupNorm2d, type Layers, type NormOptions, resnetBlock, silu } from './layers.js'
import { checkpointParameters, type Parameters, type WeightSource } from './parameters.js'
import { embedding, sinusoidal } from './time-embedding.js'
import type { Unet2dConditionConfig } from './unet-2d-condition-config.js'

export * from './unet-2d-condition-config.js'

/** Keys and values of one cross-attention layer, N × tokens × channels each, heads not yet split. */
export type CrossAttention = (layer: string, channels: number) => { readonly key: Value; readonly value: Value }

/** What a time is told by besides itself in Stable Diffusion XL. */
export interface AddedConditions {
  /** The pooled embedding of the prompt, N × projected width. */
  readonly textEmbeds: Value
  /** Original size, crop and target size of the picture, N × 6. */
  readonly timeIds: Value
}

/** What makes a network of pictures one of clips: samples are frames, so many of each clip in a row. */
export interface Clips {
  readonly frames: number
  /** What a transformer block of this name does along the frames, with residual: N·frames × places × channels → the same. */
  along(layers: Layers, name: string, x: Value, heads: number): Value
}

export interface UnetInputs {
  /** N × inChannels × H × W, of any height and width: a side of n is halved to ⌈n/2⌉, and enlarged to n again. */
  readonly sample: Value
  /** What the network is told, N. */
  readonly timestep: Value
  readonly text: CrossAttention
  readonly added?: AddedConditions | undefined
  /** Is told where each cross-attention layer looks: the mean over heads, N × tokens × height × width of the layer. */
  readonly looks?: ((layer: string, probabilities: Value) => void) | undefined
  readonly clips?: Clips
}

interface Unet extends Layers, Pick<UnetInputs, 'text' | 'looks' | 'clips'> {
  readonly config: Unet2dConditionConfig
  readonly norm: NormOptions
  /** silu of the time embedding, N × 4·block_out_channels[0]. */
  readonly embedding: Value
}

function timeEmbedding(layers: Layers, config: Unet2dConditionConfig, { timestep, added }: UnetInputs): Value {
  const { b } = layers
  const width = 4 * config.blockOutChannels[0]!
  const time = embedding(layers, 'time_embedding', sinusoidal(b, timestep, config.blockOutChannels[0]!, config), width)
  if (!added) return time
  const [batch, count] = added.timeIds.shape as [number, number]
  const idWidth = config.additionTimeEmbedDim!
  const ids = sinusoidal(b, reshape(b, added.timeIds, [batch * count]), idWidth, config)
  const conditions = concat(b, [added.textEmbeds, reshape(b, ids, [batch, count * idWidth])], 1)
  return add(b, time, embedding(layers, 'add_embedding', conditions, width))
}

function resnet(unet: Unet, name: string, x: Value, channels: number): Value {
  const time = linear(unet, `${name}.time_emb_proj`, unet.embedding, channels)
  return resnetBlock(unet, name, x, channels, unet.norm, reshape(unet.b, time, [x.shape[0]!, channels, 1, 1]))
}

/**
 * BasicTransformerBlock: self-attention, cross-attention to the prompt, of clips what is along the frames, gated feed-forward,
 * each with residual. The sequence x is the places of a picture of `sides`.
 */
function transformerBlock(unet: Unet, name: string, x: Value, heads: number, sides: readonly number[]): Value {
  const { b } = unet
  const channels = x.shape[2]!
  const project = (part: string, input: Value) => linear(unet, `${name}.${part}`, input, channels, false)
  const out = (part: string, input: Value) => linear(unet, `${name}.${part}.to_out.0`, input, channels)
  const own = layerNorm(unet, `${name}.norm1`, x)
  const [query, key, value] = ['to_q', 'to_k', 'to_v'].map((part) => project(`attn1.${part}`, own)) as [
    Value,
    Value,
    Value,
  ]
  const attended = add(b, x, out('attn1', attention(b, query, key, value, heads)))
  const asked = project('attn2.to_q', layerNorm(unet, `${name}.norm2`, attended))
  const text = unet.text(`${name}.attn2`, channels)
  const { looks } = unet
  const tellLooks = (probabilities: Value): void => {
    const [batch, , tokens] = probabilities.shape as [number, number, number]
    looks?.(`${name}.attn2`, reshape(b, transpose(b, probabilities, [0, 2, 1]), [batch, tokens, ...sides]))
  }
  const mixed = attention(b, asked, text.key, text.value, heads, { looks: looks && tellLooks })
  const still = add(b, attended, out('attn2', mixed))
  const told = unet.clips ? unet.clips.along(unet, name, still, heads) : still
  const wide = linear(unet, `${name}.ff.net.0.proj`, layerNorm(unet, `${name}.norm3`, told), 8 * channels)
  const hidden = mul(b, slice(b, wide, 2, 0, 4 * channels), gelu(b, slice(b, wide, 2, 4 * channels, 8 * channels)))
  return add(b, told, linear(unet, `${name}.ff.net.2`, hidden, channels))
}

/** The epsilon of Transformer2DModel's normalisation; that of the residual blocks is configured. */
const transformerEpsilon = 1e-6

/** Transformer2DModel: the places of a picture as a sequence, through `depth` blocks, with residual. */
function transformer(unet: Unet, name: string, x: Value, { heads, depth }: { heads: number; depth: number }): Value {
  const { b, config } = unet
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const normalized = groupNorm2d(unet, `${name}.norm`, x, { groups: config.normNumGroups, epsilon: transformerEpsilon })
  const toSequence = (picture: Value) => transpose(b, reshape(b, picture, [batch, channels, height * width]), [0, 2, 1])
  const toPicture = (sequence: Value) => reshape(b, transpose(b, sequence, [0, 2, 1]), x.shape)
  let sequence = config.useLinearProjection
    ? linear(unet, `${name}.proj_in`, toSequence(normalized), channels)
    : toSequence(conv2d(unet, `${name}.proj_in`, normalized, channels, { kernel: 1 }))
  for (let i = 0; i < depth; i++) {
    sequence = transformerBlock(unet, `${name}.transformer_blocks.${i}`, sequence, heads, [height, width])
  }
  const projected = config.useLinearProjection
    ? toPicture(linear(unet, `${name}.proj_out`, sequence, channels))
    : conv2d(unet, `${name}.proj_out`, toPicture(sequence), channels, { kernel: 1 })
  return add(b, x, projected)
}

/** Keys and values from the prompt's states N × tokens × crossAttentionDim. */
export const fromStates =
  (b: Builder, parameters: Parameters, states: Value): CrossAttention =>
  (layer, channels) => ({
    key: linear({ b, parameters }, `${layer}.to_k`, states, channels, false),
    value: linear({ b, parameters }, `${layer}.to_v`, states, channels, false),
  })

/** The network's prediction N × outChannels × H × W, whatever it was trained to predict. */
export function predict(b: Builder, parameters: Parameters, config: Unet2dConditionConfig, inputs: UnetInputs): Value {
  const layers: Layers = { b, parameters }
  checkChannels(config, inputs.sample)
  const { text, looks, clips } = inputs
  const norm: NormOptions = {
    groups: config.normNumGroups,
    epsilon: config.normEpsilon,
    ...(clips && { frames: clips.frames }),
  }
  const unet: Unet = {
    ...layers,
    config,
    norm,
    text,
    looks,
    ...(clips && { clips }),
    embedding: silu(b, timeEmbedding(layers, config, inputs)),
  }
  const { blocks, mid } = config
  const last = blocks.length - 1

  let x = conv2d(unet, 'conv_in', inputs.sample, config.blockOutChannels[0]!)
  const skips = [x]
  blocks.forEach(({ channels, attention: attends, heads, depth }, i) => {
    for (let j = 0; j < config.layersPerBlock; j++) {
      x = resnet(unet, `down_blocks.${i}.resnets.${j}`, x, channels)
      if (attends) x = transformer(unet, `down_blocks.${i}.attentions.${j}`, x, { heads, depth })
      skips.push(x)
    }
    if (i < last) {
      x = conv2d(unet, `down_blocks.${i}.downsamplers.0.conv`, x, channels, { stride: 2, padding: 1 })
      skips.push(x)
    }
  })
  x = resnet(unet, 'mid_block.resnets.0', x, mid.channels)
  x = transformer(unet, 'mid_block.attentions.0', x, mid)
  x = resnet(unet, 'mid_block.resnets.1', x, mid.channels)
  blocks.toReversed().forEach(({ channels, upAttention, heads, depth }, i) => {
    for (let j = 0; j <= config.layersPerBlock; j++) {
      x = resnet(unet, `up_blocks.${i}.resnets.${j}`, concat(b, [x, skips.pop()!], 1), channels)
      if (upAttention) x = transformer(unet, `up_blocks.${i}.attentions.${j}`, x, { heads, depth })
    }
    if (i < last) {
      const { shape } = skips.at(-1)!
      x = conv2d(unet, `up_blocks.${i}.upsamplers.0.conv`, doubleNearest(b, x, shape.slice(2)), channels)
    }
  })
  x = silu(b, groupNorm2d(unet, 'conv_norm_out', x, norm))
  return conv2d(unet, 'conv_out', x, config.outChannels)
}

function checkChannels(config: Unet2dConditionConfig, sample: Value): void {
  if (sample.shape[1] === config.inChannels) return
  throw expected(
    'bad-shape',
    `latents of ${config.inChannels} channels`,
    'the denoising network',
    sample.shape.slice(1).join('×'),
    'Latents belong to the model that made them.',
  )
}

export interface UnetSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  readonly tokens: number
}

/** Every cross-attention layer, in the order of the network. */
export function crossAttentionLayers(config: Unet2dConditionConfig): { layer: string; channels: number }[] {
  const { blocks, mid, layersPerBlock } = config
  const at = (name: string, channels: number, count: number, depth: number) =>
    Array.from({ length: count * depth }, (_, k) => ({
      layer: `${name}.attentions.${Math.floor(k / depth)}.transformer_blocks.${k % depth}.attn2`,
      channels,
    }))
  return [
    ...blocks.flatMap(({ channels, attention: attends, depth }, i) =>
      attends ? at(`down_blocks.${i}`, channels, layersPerBlock, depth) : [],
    ),
    ...at('mid_block', mid.channels, 1, mid.depth),
    ...blocks
      .toReversed()
      .flatMap(({ channels, upAttention, depth }, i) =>
        upAttention ? at(`up_blocks.${i}`, channels, layersPerBlock + 1, depth) : [],
      ),
  ]
}

function sampleInputs(b: Builder, config: Unet2dConditionConfig, { batch, height, width }: UnetSize) {
  const sample = b.input('sample', 'float32', [batch, config.inChannels, height, width])
  const timestep = b.input('timestep', 'float32', [batch])
  if (config.additionEmbedType === undefined) return { sample, timestep }
  const textEmbeds = b.input('text_embeds', 'float32', [batch, config.textEmbedWidth!])
  return { sample, timestep, added: { textEmbeds, timeIds: b.input('time_ids', 'float32', [batch, 6]) } }
}

const statesInput = (b: Builder, config: Unet2dConditionConfig, batch: number, tokens: number): Value =>
  b.input('encoder_hidden_states', 'float32', [batch, tokens, config.crossAttentionDim])

/** The network as a graph: `sample`, `timestep`, `encoder_hidden_states` (XL: `text_embeds`, `time_ids`) → `out`. */
export function unetGraph(config: Unet2dConditionConfig, weights: WeightSource, size: UnetSize): Graph {
  const b = builder()
  const inputs = sampleInputs(b, config, size)
  const parameters = checkpointParameters(b, weights)
  const text = fromStates(b, parameters, statesInput(b, config, size.batch, size.tokens))
  b.output(predict(b, parameters, config, { ...inputs, text }), 'out')
  return b.finish('unet-2d-condition')
}

/** What of the network depends on the prompt alone: `encoder_hidden_states` → `<layer>.key`, `<layer>.value`, … */
export function keyValueGraph(
  config: Unet2dConditionConfig,
  weights: WeightSource,
  { batch, tokens }: Pick<UnetSize, 'batch' | 'tokens'>,
): Graph {
  const b = builder()
  const text = fromStates(b, checkpointParameters(b, weights), statesInput(b, config, batch, tokens))
  for (const { layer, channels } of crossAttentionLayers(config)) {
    const { key, value } = text(layer, channels)
    b.output(key, `${layer}.key`)
    b.output(value, `${layer}.value`)
  }
  return b.finish('unet-2d-condition keys and values')
}

/** Keys and values that `keyValueGraph` computed, as inputs. */
export const cachedText =
  (b: Builder, { batch, tokens }: Pick<UnetSize, 'batch' | 'tokens'>): CrossAttention =>
  (layer, channels) => ({
    key: b.input(`${layer}.key`, 'float32', [batch, tokens, channels]),
    value: b.input(`${layer}.value`, 'float32', [batch, tokens, channels]),
  })

/** The rest: `sample`, `timestep`, `<layer>.key`, `<layer>.value`, … (XL: `text_embeds`, `time_ids`) → `out`. */
export function cachedUnetGraph(config: Unet2dConditionConfig, weights: WeightSource, size: UnetSize): Graph {
  const b = builder()
  const inputs = { ...sampleInputs(b, config, size), text: cachedText(b, size) }
  b.output(predict(b, checkpointParameters(b, weights), config, inputs), 'out')
  return b.finish('unet-2d-condition with cached text')
}

/**
 * From the same inputs to where the places of the picture look: `<layer>.looks` for each cross-attention layer, the mean
 * over heads of softmax(q·kᵀ/√d), N × tokens × height × width of the layer. Without what only the prediction needs.
 */
export function looksGraph(config: Unet2dConditionConfig, weights: WeightSource, size: UnetSize): Graph {
  const b = builder()
  const looks = (layer: string, probabilities: Value): void => {
    b.output(probabilities, `${layer}.looks`)
  }
  const inputs = { ...sampleInputs(b, config, size), text: cachedText(b, size), looks }
  predict(b, checkpointParameters(b, weights), config, inputs)
  return prune(b.finish('unet-2d-condition, where it looks'))
}
