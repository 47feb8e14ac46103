/**
 * FluxTransformer2DModel: the denoising network of FLUX.1, from diffusers' configuration and tensor names. Only the network: what
 * its output means and guidance belong to where a model is put together.
 *
 * Source: Black Forest Labs, FLUX.1, 2024; diffusers, transformer_flux.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, concat, reshape, scale, singleScope, slice } from '../graph/ops/common.js'
import { geluTanh, linear } from './attention.js'
import {
  doubleStreamBlock,
  type Heads,
  type Modulation,
  projected,
  rotatedAttention,
  type Streams,
} from './joint-attention.js'
import { type Layers, silu } from './layers.js'
import { gated, modulated, modulations } from './modulation.js'
import {
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { patched, unpatched } from './patches.js'
import { type Axes, anglesOf, axisWidths, type Rotation, rotationAt, rotationBy } from './rotary.js'
import { embedding, sinusoidal, throughThousandths } from './time-embedding.js'

export interface FluxTransformerConfig {
  /** Of a token, in and out: `packing`² times those of the latent. */
  readonly inChannels: number
  readonly outChannels: number
  readonly doubleLayers: number
  readonly singleLayers: number
  readonly heads: number
  /** Of the tokens inside: heads times the width of each. */
  readonly width: number
  /** Of the states that it is told. */
  readonly statesWidth: number
  readonly pooledWidth: number
  /** Whether it is told its guidance. */
  readonly embedsGuidance: boolean
  /** Channels of a head that turn with each number of a token's place. */
  readonly axes: readonly number[]
}

/** Rows and columns of a latent that make a token. */
export const packing = 2

/** Reads `config.json`; options that no published FLUX.1 has are refused by name. */
export function fluxTransformerConfig(config: ConfigReader): FluxTransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  const patch = config.integer('patch_size', 1)
  if (patch !== 1) {
    throw expected('unsupported', '1', `\`patch_size\` in \`${config.file}\``, `${patch}`, 'Use a FLUX.1.')
  }
  const headWidth = positive('attention_head_dim', 128)
  const axes = axisWidths(config, headWidth, [16, 56, 56])
  const inChannels = positive('in_channels', 64)
  const heads = positive('num_attention_heads', 24)
  const read: FluxTransformerConfig = {
    inChannels,
    outChannels: config.has('out_channels') ? positive('out_channels', inChannels) : inChannels,
    doubleLayers: positive('num_layers', 19),
    singleLayers: positive('num_single_layers', 38),
    heads,
    width: heads * headWidth,
    statesWidth: positive('joint_attention_dim', 4096),
    pooledWidth: positive('pooled_projection_dim', 768),
    embedsGuidance: config.boolean('guidance_embeds', false),
    axes,
  }
  config.done()
  return read
}

interface Flux extends Layers {
  readonly config: FluxTransformerConfig
  /** silu of what time, guidance and the pooled prompt become, N × width. */
  readonly embedding: Value
  readonly attention: Heads
}

const modulationsOf = (flux: Flux, name: string, count: number): Value[] =>
  modulations(flux, `${name}.linear`, flux.embedding, { count, width: flux.config.width })

const doubleBlock = (flux: Flux, index: number, streams: Streams): Streams => {
  const name = `transformer_blocks.${index}`
  const of = (norm: string) => modulationsOf(flux, `${name}.${norm}`, 6) as unknown as Modulation
  return doubleStreamBlock(flux, name, streams, {
    ...flux.attention,
    modulations: { picture: of('norm1'), text: of('norm1_context') },
    feedForwards: { picture: 'ff', text: 'ff_context' },
  })
}

/** Attention and feed-forward side by side over all tokens, and one layer out of both. */
function singleBlock(flux: Flux, index: number, x: Value): Value {
  const { b, config, attention } = flux
  const name = `single_transformer_blocks.${index}`
  const [offset, scale, gate] = modulationsOf(flux, `${name}.norm`, 3) as [Value, Value, Value]
  const told = modulated(b, x, offset, scale)
  const mixed = rotatedAttention(flux, projected(flux, `${name}.attn`, told, attention), attention)
  const wide = geluTanh(b, linear(flux, `${name}.proj_mlp`, told, 4 * config.width))
  return gated(b, x, gate, linear(flux, `${name}.proj_out`, concat(b, [mixed, wide], 2), config.width))
}

export interface FluxTransformerInputs {
  /** The picture, N × tokens × inChannels. */
  readonly picture: Value
  /** Thousand times the share of noise, N. */
  readonly time: Value
  /** Of the prompt, N × tokens × statesWidth. */
  readonly states: Value
  /** The pooled prompt, N × pooledWidth. */
  readonly pooled: Value
  /** Where the network is told its guidance, N or N × 1. */
  readonly guidance?: Value | undefined
  /** Of all tokens, the text's first. */
  readonly rotation: Rotation
}

const timeWidth = 256
const cosineFirst = { flipSinToCos: true, frequencyShift: 0 } as const

/** The network's prediction N × tokens × outChannels, whatever it was trained to predict. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: FluxTransformerConfig,
  { picture, time, states, pooled, guidance, rotation }: FluxTransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { width } = config
  const embedded = (name: string, x: Value) => embedding(layers, `time_text_embed.${name}`, x, width)
  const ofTime = embedded('timestep_embedder', sinusoidal(b, time, timeWidth, cosineFirst))
  const timeAndGuidance = guidance
    ? add(b, ofTime, embedded('guidance_embedder', guidanceSinusoids(b, guidance)))
    : ofTime
  const told = silu(b, add(b, timeAndGuidance, embedded('text_embedder', pooled)))
  const flux: Flux = { ...layers, config, embedding: told, attention: { heads: config.heads, rotation } }

  let streams: Streams = {
    text: linear(layers, 'context_embedder', states, width),
    picture: linear(layers, 'x_embedder', picture, width),
  }
  for (let i = 0; i < config.doubleLayers; i++) streams = doubleBlock(flux, i, streams)
  let all = concat(b, [streams.text, streams.picture], 1)
  for (let i = 0; i < config.singleLayers; i++) all = singleBlock(flux, i, all)

  const seen = slice(b, all, 1, states.shape[1]!, all.shape[1]!)
  const [last, offset] = modulationsOf(flux, 'norm_out', 2) as [Value, Value]
  return linear(layers, 'proj_out', modulated(b, seen, offset, last), config.outChannels)
}

/** Thousand times the weight, as times are told; in 32 bits also where the rest has 16, which would tell 3300 by twos. */
function guidanceSinusoids(b: Builder, guidance: Value): Value {
  const single = b.within(singleScope)
  return sinusoidal(
    single,
    scale(single, reshape(single, guidance, [guidance.shape[0]!]), 1000),
    timeWidth,
    cosineFirst,
  )
}

const theta = 10_000
const axesOf = ({ axes }: FluxTransformerConfig): Axes => ({ widths: axes, theta })

/** The places of all tokens of a latent: (0, 0, 0) of the text's, (0, row, column) of the picture's. */
const placesOf = (tokens: number, rows: number, columns: number): readonly (readonly number[])[] => [
  ...Array.from({ length: tokens }, () => [0, 0, 0]),
  ...Array.from({ length: rows * columns }, (_, i) => [0, Math.floor(i / columns), i % columns]),
]

export interface FluxTransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  /** Of the text. */
  readonly tokens: number
}

/** The values of a condition, as inputs. */
const toldInputs = (b: Builder, config: FluxTransformerConfig, batch: number, tokens: number) => ({
  states: b.input('encoder_hidden_states', 'float32', [batch, tokens, config.statesWidth]),
  pooled: b.input('pooled_projections', 'float32', [batch, config.pooledWidth]),
})

/**
 * The network on latents, which it packs: `sample` N × channels × height × width, `timestep` (thousand times the share of noise),
 * `encoder_hidden_states`, `pooled_projections` and, where it is told one, `guidance` N × 1 → `out`, of the sample's shape.
 */
export function fluxLatentGraph(
  config: FluxTransformerConfig,
  weights: WeightSource,
  { batch, height, width, tokens }: FluxTransformerSize,
): Graph {
  const b = builder()
  const sample = b.input('sample', 'float32', [batch, config.inChannels / packing ** 2, height, width])
  const timestep = b.input('timestep', 'float32', [batch])
  const told = toldInputs(b, config, batch, tokens)
  const guidance = config.embedsGuidance ? b.input('guidance', 'float32', [batch, 1]) : undefined
  const places = placesOf(tokens, height / packing, width / packing)
  const out = predict(b, checkpointParameters(b, weights), config, {
    ...told,
    picture: patched(b, sample, packing, 'channels-first'),
    time: throughThousandths(b, timestep),
    guidance,
    rotation: rotationBy(b, anglesOf(places, axesOf(config))),
  })
  b.output(unpatched(b, out, { side: packing, height, width, order: 'channels-first' }), 'out')
  return b.finish('flux-transformer-2d')
}

/** The inputs of the network as its own tools name them, for so many tokens of the picture and of the text. */
export function fluxTransformerInputs(
  b: Builder,
  config: FluxTransformerConfig,
  { batch, places, tokens }: { readonly batch: number; readonly places: number; readonly tokens: number },
): FluxTransformerInputs {
  const picture = b.input('hidden_states', 'float32', [batch, places, config.inChannels])
  const time = scale(b, b.input('timestep', 'float32', [batch]), 1000)
  const told = toldInputs(b, config, batch, tokens)
  const ids = [b.input('txt_ids', 'float32', [tokens, 3]), b.input('img_ids', 'float32', [places, 3])]
  const guidance = config.embedsGuidance ? b.input('guidance', 'float32', [batch]) : undefined
  return { picture, time, ...told, guidance, rotation: rotationAt(b, concat(b, ids, 0), axesOf(config)) }
}

/**
 * The network as its own tools run it: `hidden_states` (packed), `timestep` (the share of noise), `encoder_hidden_states`,
 * `pooled_projections`, `txt_ids`, `img_ids` and, where it is told one, `guidance` → `out`.
 */
export function fluxTransformerGraph(
  config: FluxTransformerConfig,
  weights: WeightSource,
  size: { readonly batch: number; readonly places: number; readonly tokens: number },
): Graph {
  const b = builder()
  b.output(predict(b, checkpointParameters(b, weights), config, fluxTransformerInputs(b, config, size)), 'out')
  return b.finish('flux-transformer-2d')
}
