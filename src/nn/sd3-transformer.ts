/**
 * SD3Transformer2DModel (MMDiT): the denoising network of Stable Diffusion 3 and 3.5, from diffusers' configuration and
 * tensor names. Only the network: what its output means and guidance belong to where a model is put together.
 *
 * Source: Esser et al., Scaling Rectified Flow Transformers, ICML 2024; diffusers, transformer_sd3.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, reshape, transpose } from '../graph/ops/common.js'
import { feedForward, linear } from './attention.js'
import { type Heads, jointAttention, projected, rotatedAttention, type Streams } from './joint-attention.js'
import { conv2d, entriesOf, type Layers, silu } from './layers.js'
import { gated, modulated, modulations } from './modulation.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { unpatched } from './patches.js'
import { embedding, sinusoidal } from './time-embedding.js'

export interface Sd3TransformerConfig {
  readonly inChannels: number
  readonly outChannels: number
  /** Side of the latents it was trained on. */
  readonly sampleSize: number
  readonly patchSize: number
  readonly layers: number
  readonly heads: number
  /** Of the picture's tokens and the text's inside: heads times the width of each. */
  readonly width: number
  /** Of the states that it is told. */
  readonly statesWidth: number
  readonly pooledWidth: number
  /** Side of the stored table of positions, in patches. */
  readonly tableSize: number
  /** Whether queries and keys are normalised, head by head. */
  readonly normalizesQueries: boolean
  /** Blocks with a second attention over the picture alone. */
  readonly dualAttentionLayers: readonly number[]
}

/** Reads `config.json`; options that no published Stable Diffusion 3 has are refused by name. */
export function sd3TransformerConfig(config: ConfigReader): Sd3TransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  const heads = positive('num_attention_heads', 18)
  const width = heads * positive('attention_head_dim', 64)
  const captionWidth = config.integer('caption_projection_dim', 1152)
  if (captionWidth !== width) {
    const what = `the width of all heads (${width})`
    const got = `${captionWidth}`
    throw expected('bad-model', what, `\`caption_projection_dim\` in \`${config.file}\``, got, asPublished)
  }
  const inChannels = positive('in_channels', 16)
  const read: Sd3TransformerConfig = {
    inChannels,
    outChannels: config.value('out_channels') === null ? inChannels : positive('out_channels', 16),
    sampleSize: positive('sample_size', 128),
    patchSize: positive('patch_size', 2),
    layers: positive('num_layers', 18),
    heads,
    width,
    statesWidth: positive('joint_attention_dim', 4096),
    pooledWidth: positive('pooled_projection_dim', 2048),
    tableSize: positive('pos_embed_max_size', 96),
    normalizesQueries: normalizes(config),
    dualAttentionLayers: config.integers('dual_attention_layers', []),
  }
  config.done()
  return read
}

function normalizes(config: ConfigReader): boolean {
  if (!config.has('qk_norm')) return false
  const kind = config.string('qk_norm')
  if (kind === 'rms_norm') return true
  const only = 'Use a network of the Stable Diffusion 3 or 3.5 layout.'
  throw expected('unsupported', 'rms_norm or null', `\`qk_norm\` in \`${config.file}\``, kind, only)
}

interface Mmdit extends Layers {
  readonly config: Sd3TransformerConfig
  /** silu of what the time and the pooled prompt become, N × width. */
  readonly embedding: Value
}

/** What a layer makes of the embedding, `count` times N × 1 × width. */
const modulationsOf = (mmdit: Mmdit, name: string, count: number): Value[] =>
  modulations(mmdit, `${name}.linear`, mmdit.embedding, { count, width: mmdit.config.width })

const headsOf = ({ config: { heads, normalizesQueries } }: Mmdit): Heads => ({ heads, normalizes: normalizesQueries })

/** Attention of the picture to itself. */
const ownAttention = (mmdit: Mmdit, name: string, x: Value): Value => {
  const mixed = rotatedAttention(mmdit, projected(mmdit, name, x, headsOf(mmdit)), headsOf(mmdit))
  return linear(mmdit, `${name}.to_out.0`, mixed, mmdit.config.width)
}

/** JointTransformerBlock: both streams attend to both, then each goes through its feed-forward; all under modulation. */
function jointBlock(mmdit: Mmdit, index: number, { picture, text }: Streams): Streams {
  const { b, config } = mmdit
  const name = `transformer_blocks.${index}`
  const isDual = config.dualAttentionLayers.includes(index)
  const isLast = index === config.layers - 1
  const [offset, scale, gate, offsetWide, scaleWide, gateWide, offsetOwn, scaleOwn, gateOwn] = modulationsOf(
    mmdit,
    `${name}.norm1`,
    isDual ? 9 : 6,
  ) as [Value, Value, Value, Value, Value, Value, Value?, Value?, Value?]
  // The last block's norm of the text says the scale first.
  const ofText = modulationsOf(mmdit, `${name}.norm1_context`, isLast ? 2 : 6) as [Value, Value, ...Value[]]
  const [textOffset, textScale] = isLast ? [ofText[1], ofText[0]] : ofText

  const attended = { picture: modulated(b, picture, offset, scale), text: modulated(b, text, textOffset, textScale) }
  const mixed = jointAttention(mmdit, `${name}.attn`, attended, headsOf(mmdit))
  const out = (layer: string, x: Value) => linear(mmdit, `${name}.attn.${layer}`, x, config.width)
  let seen = gated(b, picture, gate, out('to_out.0', mixed.picture))
  if (offsetOwn && scaleOwn && gateOwn) {
    const own = ownAttention(mmdit, `${name}.attn2`, modulated(b, picture, offsetOwn, scaleOwn))
    seen = gated(b, seen, gateOwn, own)
  }
  const wide = feedForward(mmdit, `${name}.ff`, modulated(b, seen, offsetWide, scaleWide), 4 * config.width)
  const nextPicture = gated(b, seen, gateWide, wide)
  if (isLast) return { picture: nextPicture, text }

  const [, , textGate, textOffsetWide, textScaleWide, textGateWide] = ofText as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ]
  const read = gated(b, text, textGate, out('to_add_out', mixed.text))
  const textWide = feedForward(
    mmdit,
    `${name}.ff_context`,
    modulated(b, read, textOffsetWide, textScaleWide),
    4 * config.width,
  )
  return { picture: nextPicture, text: gated(b, read, textGateWide, textWide) }
}

/** Rows and columns of patches. */
type Patches = readonly [rows: number, columns: number]

/** The middle of the stored table, 1 × places × width. */
function positions(layers: Layers, { tableSize, width }: Sd3TransformerConfig, sides: Patches): Value {
  const [top, left] = sides.map((side) => Math.floor((tableSize - side) / 2)) as [number, number]
  const [rows, columns] = sides
  const places = Array.from({ length: rows * columns }, (_, i) => {
    return (top + Math.floor(i / columns)) * tableSize + left + (i % columns)
  })
  return entriesOf(layers, 'pos_embed.pos_embed', [1, tableSize ** 2, width], layers.b.indices(places), 1)
}

export interface Sd3TransformerInputs {
  /** N × inChannels × H × W; H and W multiples of the patch. */
  readonly sample: Value
  /** What the network is told, N. */
  readonly timestep: Value
  /** Of the prompt, N × tokens × statesWidth. */
  readonly states: Value
  /** The pooled prompt, N × pooledWidth. */
  readonly pooled: Value
}

/** The network's prediction N × outChannels × H × W, whatever it was trained to predict. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: Sd3TransformerConfig,
  { sample, timestep, states, pooled }: Sd3TransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { patchSize, width, outChannels } = config
  const sides = patchesOf(config, sample)
  const [batch, places] = [sample.shape[0]!, sides[0] * sides[1]]

  const times = sinusoidal(b, timestep, 256, { flipSinToCos: true, frequencyShift: 0 })
  const time = embedding(layers, 'time_text_embed.timestep_embedder', times, width)
  const told = add(b, time, embedding(layers, 'time_text_embed.text_embedder', pooled, width))
  const mmdit: Mmdit = { ...layers, config, embedding: silu(b, told) }

  const patches = conv2d(layers, 'pos_embed.proj', sample, width, {
    kernel: patchSize,
    stride: patchSize,
    padding: 0,
  })
  const sequence = transpose(b, reshape(b, patches, [batch, width, places]), [0, 2, 1])
  let streams: Streams = {
    picture: add(b, sequence, positions(layers, config, sides)),
    text: linear(layers, 'context_embedder', states, width),
  }
  for (let i = 0; i < config.layers; i++) streams = jointBlock(mmdit, i, streams)

  const [scale, offset] = modulationsOf(mmdit, 'norm_out', 2) as [Value, Value]
  const values = linear(layers, 'proj_out', modulated(b, streams.picture, offset, scale), patchSize ** 2 * outChannels)
  const [, , height, wide] = sample.shape as [number, number, number, number]
  return unpatched(b, values, { side: patchSize, height, width: wide, order: 'channels-last' })
}

/** The largest height and width of what the network takes: its positions end there. */
export const largestSide = ({ tableSize, patchSize }: Sd3TransformerConfig): number => tableSize * patchSize

function patchesOf(config: Sd3TransformerConfig, { shape: [, channels, ...sides] }: Value): Patches {
  const { inChannels, patchSize } = config
  const largest = largestSide(config)
  if (channels === inChannels && sides.every((side) => side % patchSize === 0 && side <= largest)) {
    return sides.map((side) => side / patchSize) as unknown as Patches
  }
  throw expected(
    'bad-shape',
    `latents of ${inChannels} channels with sides that are multiples of ${patchSize} up to ${largest}`,
    'the denoising network',
    [channels, ...sides].join('×'),
    'Pad, crop or resize the picture first.',
  )
}

export interface Sd3TransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  readonly tokens: number
}

/** The inputs of this size; the sample under the name that is given. */
export function sd3TransformerInputs(
  b: Builder,
  config: Sd3TransformerConfig,
  { batch, height, width, tokens }: Sd3TransformerSize,
  sample = 'hidden_states',
): Sd3TransformerInputs {
  const input = (name: string, ...shape: number[]) => b.input(name, 'float32', [batch, ...shape])
  return {
    sample: input(sample, config.inChannels, height, width),
    timestep: input('timestep'),
    states: input('encoder_hidden_states', tokens, config.statesWidth),
    pooled: input('pooled_projections', config.pooledWidth),
  }
}

/**
 * The network as a graph: `hidden_states` (or the name that is given), `timestep`, `encoder_hidden_states`,
 * `pooled_projections` → `out`.
 */
export function sd3TransformerGraph(
  config: Sd3TransformerConfig,
  weights: WeightSource,
  size: Sd3TransformerSize,
  sample?: string,
): Graph {
  const b = builder()
  b.output(predict(b, checkpointParameters(b, weights), config, sd3TransformerInputs(b, config, size, sample)), 'out')
  return b.finish('sd3-transformer-2d')
}
