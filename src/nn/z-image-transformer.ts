/**
 * ZImageTransformer2DModel: the denoising network of Z-Image, from diffusers' configuration and tensor names. Picture and text
 * are refined apart, then are one sequence. Only the network: what its output means and guidance belong to where a model is
 * put together.
 *
 * Source: Z-Image Team, Z-Image, 2025; diffusers, transformer_z_image.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, cast, concat, expand, mul, pad, reshape, scale, shift, slice } from '../graph/ops/common.js'
import { attention, byHeads, hidden, joined, linear, plainLayerNorm, rmsNorm } from './attention.js'
import { type Layers, silu } from './layers.js'
import { gated, modulations, scaledBy } from './modulation.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { patched, unpatched } from './patches.js'
import { anglesOf, frequencies, type Rotation, rotate, rotationBy, rotationOf } from './rotary.js'
import { sinusoidal } from './time-embedding.js'

export interface ZImageTransformerConfig {
  readonly channels: number
  readonly patchSize: number
  readonly width: number
  readonly heads: number
  readonly layers: number
  /** Of the picture alone, and of the text alone. */
  readonly refinerLayers: number
  readonly captionWidth: number
  /** Channels of a head that turn with a token's frame, row and column. */
  readonly axesWidths: readonly number[]
  /** How many places each axis has. */
  readonly axesLengths: readonly number[]
  readonly theta: number
  readonly normEpsilon: number
  readonly normalizesQueries: boolean
  /** What times are multiplied by inside. */
  readonly timeScale: number
}

/** Reads `config.json`; options that no published Z-Image has are refused by name. */
export function zImageTransformerConfig(config: ConfigReader): ZImageTransformerConfig {
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  const only = (field: string, wanted: number) => {
    const got = config.integers(field, [wanted])
    if (got.length === 1 && got[0] === wanted) return
    throw expected('unsupported', `[${wanted}]`, `\`${field}\` in \`${config.file}\``, `[${got}]`, 'Use a Z-Image.')
  }
  only('all_patch_size', 2)
  only('all_f_patch_size', 1)
  if (config.has('siglip_feat_dim')) {
    const got = JSON.stringify(config.value('siglip_feat_dim'))
    const task = 'Use a text-to-image model; this one is shown pictures, too.'
    throw expected('unsupported', 'null', `\`siglip_feat_dim\` in \`${config.file}\``, got, task)
  }
  const [width, heads] = [positive('dim', 3840), positive('n_heads', 30)]
  const axesWidths = config.integers('axes_dims', [32, 48, 48])
  const axesLengths = config.integers('axes_lens', [1024, 512, 512])
  const sum = axesWidths.reduce((total, size) => total + size, 0)
  const isEven = axesWidths.every((size) => size > 0 && size % 2 === 0)
  if (axesWidths.length !== 3 || !isEven || sum * heads !== width) {
    const what = `three even numbers whose sum is that of a head (${width / heads})`
    throw expected('bad-model', what, `\`axes_dims\` in \`${config.file}\``, `[${axesWidths}]`, asPublished)
  }
  if (axesLengths.length !== 3 || axesLengths.some((size) => size < 1)) {
    throw expected(
      'bad-model',
      'three positive integers',
      `\`axes_lens\` in \`${config.file}\``,
      `[${axesLengths}]`,
      asPublished,
    )
  }
  const read: ZImageTransformerConfig = {
    channels: positive('in_channels', 16),
    patchSize: 2,
    width,
    heads,
    layers: config.integer('n_layers', 30),
    refinerLayers: config.integer('n_refiner_layers', 2),
    captionWidth: positive('cap_feat_dim', 2560),
    axesWidths,
    axesLengths,
    theta: config.number('rope_theta', 256),
    normEpsilon: config.number('norm_eps', 1e-5),
    normalizesQueries: config.boolean('qk_norm', true),
    timeScale: config.number('t_scale', 1000),
  }
  config.done(zImageTransformerHarmless)
  return read
}

/** Fields that change nothing of the network that is built here. */
export const zImageTransformerHarmless: Readonly<Record<string, string>> = {
  n_kv_heads: 'the class has as many heads of keys as of queries, whatever it says',
}

/** Both streams are filled up to multiples of this, with tokens of the network's own that are looked at. */
export const tokenMultiple = 32
const filledUp = (tokens: number) => Math.ceil(tokens / tokenMultiple) * tokenMultiple

/** Of the times' embedding, and inside. */
const [largestTimeWidth, innerTimeWidth, sinusoids] = [256, 1024, 256]
/** Of the norms of queries and keys. */
const queryEpsilon = 1e-5
interface ZImage extends Layers {
  readonly config: ZImageTransformerConfig
  /** N × the times' width. */
  readonly embedding: Value
}

/** What a block looks by: where tokens stand, and which are hidden, N × 1 × 1 × tokens. */
interface Looking {
  readonly rotation: Rotation
  readonly mask?: Value
}

function ownAttention(image: ZImage, name: string, x: Value, { rotation, mask }: Looking): Value {
  const { b, config } = image
  const { heads, width, normalizesQueries } = config
  const placed = (part: 'q' | 'k') => {
    const split = byHeads(b, linear(image, `${name}.to_${part}`, x, width, false), heads)
    const own = normalizesQueries ? rmsNorm(image, `${name}.norm_${part}`, split, queryEpsilon) : split
    return joined(b, rotate(b, own, rotation, 'neighbours'))
  }
  const value = linear(image, `${name}.to_v`, x, width, false)
  return linear(image, `${name}.to_out.0`, attention(b, placed('q'), placed('k'), value, heads, { mask }), width, false)
}

/** w2(silu(w1(x))·w3(x)). */
function feedForward(image: ZImage, name: string, x: Value): Value {
  const { b, config } = image
  const inner = Math.trunc((config.width / 3) * 8)
  const [gate, plain] = ['w1', 'w3'].map((part) => linear(image, `${name}.${part}`, x, inner, false)) as [Value, Value]
  return linear(image, `${name}.w2`, mul(b, silu(b, gate), plain), config.width, false)
}

/** x + gate·norm(attention(norm(x)·(1 + scale))), then the same with the feed-forward; gates go through tanh. */
function modulatedBlock(image: ZImage, name: string, x: Value, looking: Looking): Value {
  const { b, config, embedding } = image
  const [scaleLooking, gateLooking, scaleWide, gateWide] = modulations(image, `${name}.adaLN_modulation.0`, embedding, {
    count: 4,
    width: config.width,
  }) as [Value, Value, Value, Value]
  const norm = (part: string, of: Value) => rmsNorm(image, `${name}.${part}`, of, config.normEpsilon)
  const tanh = (gate: Value) => b.emit('Tanh', [gate])
  const looked = ownAttention(
    image,
    `${name}.attention`,
    scaledBy(b, norm('attention_norm1', x), scaleLooking),
    looking,
  )
  const seen = gated(b, x, tanh(gateLooking), norm('attention_norm2', looked))
  const wide = feedForward(image, `${name}.feed_forward`, scaledBy(b, norm('ffn_norm1', seen), scaleWide))
  return gated(b, seen, tanh(gateWide), norm('ffn_norm2', wide))
}

/** The same without modulation. */
function plainBlock(image: ZImage, name: string, x: Value, looking: Looking): Value {
  const { b, config } = image
  const norm = (part: string, of: Value) => rmsNorm(image, `${name}.${part}`, of, config.normEpsilon)
  const looked = ownAttention(image, `${name}.attention`, norm('attention_norm1', x), looking)
  const seen = add(b, x, norm('attention_norm2', looked))
  return add(b, seen, norm('ffn_norm2', feedForward(image, `${name}.feed_forward`, norm('ffn_norm1', seen))))
}

/** A sequence filled up with a token of the network's own. */
function filled({ b, parameters }: Layers, name: string, x: Value, width: number): Value {
  const [batch, tokens] = x.shape as [number, number]
  const more = filledUp(tokens) - tokens
  if (more === 0) return x
  const token = reshape(b, parameters.value(name, [1, width]), [1, 1, width])
  return concat(b, [x, expand(b, token, [batch, more, width])], 1)
}

/** Patches of the picture, filled up. */
function pictureTokens(layers: Layers, { patchSize, width }: ZImageTransformerConfig, x: Value): Value {
  const patches = patched(layers.b, x, patchSize, 'channels-last')
  return filled(layers, 'x_pad_token', linear(layers, 'all_x_embedder.2-1', patches, width), width)
}

interface Caption {
  readonly tokens: Value
  /** Of each row, filled up: N, float32. */
  readonly lengths: Value
  /** Which tokens of the batch are beyond a row's own, N × 1 × 1 × tokens. */
  readonly mask: Value
}

/** The text's tokens; those beyond a row's own length are the network's own token, and hidden beyond the multiple of 32. */
function captionTokens(layers: Layers, config: ZImageTransformerConfig, captions: Value, lengths: Value): Caption {
  const { b, parameters } = layers
  const { width, normEpsilon } = config
  const [batch, tokens] = captions.shape as [number, number]
  const length = filledUp(tokens)
  const wide = pad(b, captions, [0, 0, 0, 0, length - tokens, 0])
  const embedded = linear(layers, 'cap_embedder.1', rmsNorm(layers, 'cap_embedder.0', wide, normEpsilon), width)
  const places = b.constant(
    'float32',
    [1, length],
    Array.from({ length }, (_, i) => i),
  )
  const isBehind = (ends: Value) => b.emit('GreaterOrEqual', [places, reshape(b, ends, [batch, 1])])
  const own = cast(b, lengths, 'float32')
  const ends = scale(b, b.emit('Ceil', [scale(b, own, 1 / tokenMultiple)]), tokenMultiple)
  const token = reshape(b, parameters.value('cap_pad_token', [1, width]), [1, 1, width])
  const isFilling = reshape(b, isBehind(own), [batch, length, 1])
  return {
    tokens: b.emit('Where', [isFilling, token, embedded]),
    lengths: ends,
    mask: reshape(b, scale(b, cast(b, isBehind(ends), 'float32'), hidden), [batch, 1, 1, length]),
  }
}

/** Text token i stands at (1 + i, 0, 0). */
const captionRotation = (
  b: Builder,
  { axesWidths: widths, theta }: ZImageTransformerConfig,
  tokens: number,
): Rotation =>
  rotationBy(
    b,
    anglesOf(
      Array.from({ length: tokens }, (_, i) => [1 + i, 0, 0]),
      { widths, theta, rounds: 'angles' },
    ),
  )

/**
 * A patch stands at (1 + L, row, column) with L the length of its row's text, what fills up at (0, 0, 0): N × tokens × 1 ×
 * pairs. Angles are float32, as the class has them.
 */
function pictureRotation(b: Builder, config: ZImageTransformerConfig, patches: Patches, lengths: Value): Rotation {
  const { axesWidths: widths, theta } = config
  const [rows, columns] = patches
  const count = filledUp(rows * columns)
  const places = Array.from({ length: count }, (_, i) =>
    i < rows * columns ? [0, Math.floor(i / columns), i % columns] : [0, 0, 0],
  )
  const still = anglesOf(places, { widths, theta, rounds: 'angles' })
  const [frame] = widths as [number]
  const perFrame = frequencies(frame, { theta })
  const table = (values: (i: number, j: number) => number) =>
    b.constant(
      'float64',
      [1, count, 1, still[0]!.length],
      still.flatMap((angles, i) => angles.map((_, j) => values(i, j))),
    )
  const byFrame = table((i, j) => (i < rows * columns ? (perFrame[j] ?? 0) : 0))
  const frames = reshape(b, shift(b, cast(b, lengths, 'float64'), 1), [lengths.shape[0]!, 1, 1, 1])
  const angles = add(
    b,
    table((i, j) => still[i]![j]!),
    mul(b, frames, byFrame),
  )
  return rotationOf(b, cast(b, angles, 'float32'))
}

/** Both in a row, for every row of the batch. */
function together(b: Builder, picture: Rotation, caption: Rotation): Rotation {
  const joint = (own: Value, other: Value) => {
    const [batch, , , pairs] = own.shape as [number, number, number, number]
    const [tokens] = other.shape as [number]
    return concat(b, [own, expand(b, reshape(b, other, [1, tokens, 1, pairs]), [batch, tokens, 1, pairs])], 1)
  }
  return { cosine: joint(picture.cosine, caption.cosine), sine: joint(picture.sine, caption.sine) }
}

export interface ZImageTransformerInputs {
  /** N × channels × H × W; H and W multiples of the patch. */
  readonly x: Value
  /** 1 − σ, N: it grows towards the picture. */
  readonly t: Value
  /** States of the text, N × tokens × captionWidth. */
  readonly captions: Value
  /** How many of the tokens are each row's own, N, int64. */
  readonly lengths: Value
}

/** The network's output N × channels × H × W: the latent less the noise. */
export function predict(
  b: Builder,
  parameters: Parameters,
  config: ZImageTransformerConfig,
  { x, t, captions, lengths }: ZImageTransformerInputs,
): Value {
  const layers: Layers = { b, parameters }
  const { width, patchSize, channels } = config
  const patches = patchesOf(config, x)
  const [, , height, wide] = x.shape as [number, number, number, number]
  const timeWidth = Math.min(width, largestTimeWidth)
  const times = sinusoidal(b, scale(b, t, config.timeScale), sinusoids, { flipSinToCos: true, frequencyShift: 0 })
  const inner = silu(b, linear(layers, 't_embedder.mlp.0', times, innerTimeWidth))
  const image: ZImage = { ...layers, config, embedding: linear(layers, 't_embedder.mlp.2', inner, timeWidth) }

  const caption = captionTokens(layers, config, captions, lengths)
  const captionPlaces = captionRotation(b, config, caption.tokens.shape[1]!)
  const picturePlaces = pictureRotation(b, config, patches, caption.lengths)
  let picture = pictureTokens(layers, config, x)
  let text = caption.tokens
  for (let i = 0; i < config.refinerLayers; i++) {
    picture = modulatedBlock(image, `noise_refiner.${i}`, picture, { rotation: picturePlaces })
    text = plainBlock(image, `context_refiner.${i}`, text, { rotation: captionPlaces, mask: caption.mask })
  }

  const seen = picture.shape[1]!
  const mask = pad(b, caption.mask, [0, 0, 0, seen, 0, 0, 0, 0])
  const looking: Looking = { rotation: together(b, picturePlaces, captionPlaces), mask }
  let all = concat(b, [picture, text], 1)
  for (let i = 0; i < config.layers; i++) all = modulatedBlock(image, `layers.${i}`, all, looking)

  const last = 'all_final_layer.2-1'
  const own = slice(b, all, 1, 0, patches[0] * patches[1])
  const [scaling] = modulations(layers, `${last}.adaLN_modulation.1`, silu(b, image.embedding), { count: 1, width })
  const normal = scaledBy(b, plainLayerNorm(b, own, 1e-6), scaling!)
  const values = linear(layers, `${last}.linear`, normal, patchSize ** 2 * channels)
  return unpatched(b, values, { side: patchSize, height, width: wide, order: 'channels-last' })
}

/** Rows and columns of patches. */
type Patches = readonly [rows: number, columns: number]

/** The largest height and width of what the network takes: its positions end there. */
export const largestSide = ({ axesLengths, patchSize }: ZImageTransformerConfig): number =>
  patchSize * Math.min(axesLengths[1]!, axesLengths[2]!)

function patchesOf(config: ZImageTransformerConfig, { shape: [, channels, ...sides] }: Value): Patches {
  const { patchSize } = config
  const largest = largestSide(config)
  if (channels === config.channels && sides.every((side) => side % patchSize === 0 && side <= largest)) {
    return sides.map((side) => side / patchSize) as unknown as Patches
  }
  throw expected(
    'bad-shape',
    `latents of ${config.channels} channels with sides that are multiples of ${patchSize} up to ${largest}`,
    'the denoising network',
    [channels, ...sides].join('×'),
    'Pad, crop or resize the picture first.',
  )
}

export interface ZImageTransformerSize {
  readonly batch: number
  /** Of the latent. */
  readonly height: number
  readonly width: number
  readonly tokens: number
}

/** The inputs of this size, as the class names them. */
export function zImageTransformerInputs(
  b: Builder,
  config: ZImageTransformerConfig,
  { batch, height, width, tokens }: ZImageTransformerSize,
): ZImageTransformerInputs {
  return {
    x: b.input('x', 'float32', [batch, config.channels, height, width]),
    t: b.input('t', 'float32', [batch]),
    captions: b.input('cap_feats', 'float32', [batch, tokens, config.captionWidth]),
    lengths: b.input('cap_lengths', 'int64', [batch]),
  }
}

/** The network as a graph: `x`, `t`, `cap_feats`, `cap_lengths` → `out`. */
export function zImageTransformerGraph(
  config: ZImageTransformerConfig,
  weights: WeightSource,
  size: ZImageTransformerSize,
): Graph {
  const b = builder()
  b.output(predict(b, checkpointParameters(b, weights), config, zImageTransformerInputs(b, config, size)), 'out')
  return b.finish('z-image-transformer-2d')
}
