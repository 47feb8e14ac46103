/**
 * AutoencoderKLWan and AutoencoderKLQwenImage: the causal autoencoder of clips of Wan 2.1, and the same for pictures, which are
 * clips of one frame. From diffusers' configuration and tensor names. Only the network: its latents are diffusers' own.
 *
 * 1 + 4k frames ↔ 1 + k latent frames. A frame sees those before it and none after it, so that a clip may be computed in pieces,
 * one after the other, each told the last frames that every layer has seen: `Stream`. The result does not depend on the pieces.
 *
 * Source: Wan Team, arXiv 2503.20314; diffusers, autoencoder_kl_wan.py, autoencoder_kl_qwenimage.py.
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, clip, concat, mul, reshape, scale, singleScope, slice, transpose } from '../graph/ops/common.js'
import { conv } from '../graph/ops/convolution.js'
import { matmul } from '../graph/ops/matmul.js'
import { byRootMeanSquare } from '../graph/ops/normalization.js'
import { upsampleNearest } from '../graph/ops/pooling.js'
import { type Layers, silu } from './layers.js'
import { networkGraph } from './network-graph.js'
import { asPublished, type ConfigReader, type Parameters, positiveInteger, type WeightSource } from './parameters.js'

export interface AutoencoderKlWanConfig {
  readonly inChannels: number
  readonly outChannels: number
  readonly latentChannels: number
  /** Channels that the encoder's first convolution makes of a picture's. */
  readonly encoderStem: number
  /** Channels of each stage of the encoder, the finest first, and of the decoder. */
  readonly encoderWidths: readonly number[]
  readonly decoderWidths: readonly number[]
  readonly blocksPerStage: number
  /** Of each stage but the last: whether it halves frames too, as it halves sides. */
  readonly halvesFrames: readonly boolean[]
}

/** Reads `config.json` of either class; what Wan 2.1 and Qwen-Image do not have is refused by name. */
export function autoencoderKlWanConfig(config: ConfigReader): AutoencoderKlWanConfig {
  const refuse = (field: string, got: string, wanted: string) => {
    throw expected('unsupported', wanted, `\`${field}\` in \`${config.file}\``, got, 'Use the autoencoder of Wan 2.1.')
  }
  const positive = (field: string, fallback: number) => positiveInteger(config, field, fallback)
  if (config.boolean('is_residual', false)) refuse('is_residual', 'true', 'false')
  if (config.has('patch_size')) refuse('patch_size', `${config.value('patch_size')}`, 'null')
  const scales = config.numbers('attn_scales', [])
  if (scales.length > 0) refuse('attn_scales', `[${scales}]`, 'no scales')
  const multiples = config.integers('dim_mult', [1, 2, 4, 4])
  const halvesFrames = config.booleans('temperal_downsample', [false, true, true])
  const base = positive('base_dim', 96)
  const decoderBase = config.has('decoder_base_dim') ? positive('decoder_base_dim', base) : base
  if (halvesFrames.length !== multiples.length - 1 || multiples.some((multiple) => multiple < 1)) {
    const got = `${halvesFrames.length} of temperal_downsample and dim_mult [${multiples}]`
    throw expected('bad-model', 'one less than stages', `\`${config.file}\``, got, asPublished)
  }
  const inChannels = config.has('in_channels') ? positive('in_channels', 3) : positive('input_channels', 3)
  const read = {
    inChannels,
    outChannels: positive('out_channels', 3),
    latentChannels: positive('z_dim', 16),
    encoderStem: base,
    encoderWidths: multiples.map((multiple) => base * multiple),
    decoderWidths: multiples.map((multiple) => decoderBase * multiple),
    blocksPerStage: positive('num_res_blocks', 2),
    halvesFrames,
  }
  // Frames come in fours whatever the configuration says, so that they may be halved twice.
  if (frameDownscaling(read) > 4)
    refuse('temperal_downsample', `[${halvesFrames}]`, 'at most two stages that halve frames')
  checkScale(config, 'scale_factor_spatial', downscaling(read))
  checkScale(config, 'scale_factor_temporal', frameDownscaling(read))
  return read
}

function checkScale(config: ConfigReader, field: string, wanted: number): void {
  if (!config.has(field) || config.integer(field) === wanted) return
  const got = `${config.integer(field)}`
  throw expected('bad-model', `${wanted}, as its stages halve,`, `\`${field}\` in \`${config.file}\``, got, asPublished)
}

/** Fields that change nothing of the network that is built here. */
export const autoencoderKlWanHarmless: Readonly<Record<string, string>> = {
  dropout: 'only for training',
}

/** Pixels per latent entry along height and width, and frames per latent frame after the first. */
export const downscaling = ({ halvesFrames }: Pick<AutoencoderKlWanConfig, 'halvesFrames'>): number =>
  2 ** halvesFrames.length
export const frameDownscaling = ({ halvesFrames }: Pick<AutoencoderKlWanConfig, 'halvesFrames'>): number =>
  2 ** halvesFrames.filter((halves) => halves).length

/** A clip that is computed piece by piece. */
interface Stream extends Layers {
  /** The last frames that a layer has seen, by its name: N × channels × 1 or 2 × height × width. */
  readonly past: Map<string, Value>
  /** Whether this piece begins with the clip's first frame, which resampling in time leaves alone. */
  readonly begins: boolean
}

type Triple = readonly [frames: number, rows: number, columns: number]

const framesOf = (x: Value): number => x.shape[2]!
const firstFrame = (b: Builder, x: Value): Value => slice(b, x, 2, 0, 1)
const lastFrames = (b: Builder, x: Value, count: number): Value =>
  slice(b, x, 2, Math.max(0, framesOf(x) - count), framesOf(x))
const joined = (b: Builder, parts: readonly Value[]): Value => concat(b, parts, 2)

/**
 * Notes the last `count` frames that a layer has seen, and gives all that it sees now. Those frames are cut off first and are a
 * part of what is given: so they are computed with this piece, and nothing else of it is kept for the next one.
 */
function remembered({ b, past }: Stream, name: string, x: Value, count: number): Value {
  const before = past.get(name)
  if (count === 0) return x
  if (framesOf(x) <= count) {
    const seen = before ? joined(b, [before, x]) : x
    past.set(name, lastFrames(b, seen, count))
    return seen
  }
  const rest = framesOf(x) - count
  const tail = slice(b, x, 2, rest, framesOf(x))
  past.set(name, tail)
  return joined(b, [...(before ? [before] : []), slice(b, x, 2, 0, rest), tail])
}

/** A convolution of N × channels × frames × rows × columns, without a look ahead: missing frames before the first are zeros. */
function causalConv(stream: Stream, name: string, x: Value, channels: number, kernel: Triple = [3, 3, 3]): Value {
  const { b, parameters } = stream
  const [frames, rows, columns] = kernel
  const weight = parameters.value(`${name}.weight`, [channels, x.shape[1]!, ...kernel])
  const bias = parameters.value(`${name}.bias`, [channels])
  const seen = remembered(stream, name, x, frames - 1)
  const sides = [(rows - 1) / 2, (columns - 1) / 2]
  // A picture meets the last slice of the kernel alone.
  if (framesOf(seen) === 1)
    return conv(b, x, slice(b, weight, 2, frames - 1, frames), bias, { pads: [0, ...sides, 0, ...sides] })
  const missing = frames - 1 - (framesOf(seen) - framesOf(x))
  return conv(b, seen, weight, bias, { pads: [missing, ...sides, 0, ...sides] })
}

/** A square convolution of every frame. */
function frameConv(
  { b, parameters }: Layers,
  name: string,
  x: Value,
  channels: number,
  { kernel, stride = 1, pads }: { readonly kernel: number; readonly stride?: number; readonly pads: readonly number[] },
): Value {
  const weight = parameters.value(`${name}.weight`, [channels, x.shape[1]!, kernel, kernel])
  const flat = reshape(b, weight, [channels, x.shape[1]!, 1, kernel, kernel])
  const [top, left, bottom, right] = pads as readonly [number, number, number, number]
  return conv(b, x, flat, parameters.value(`${name}.bias`, [channels]), {
    strides: [1, stride, stride],
    pads: [0, top, left, 0, bottom, right],
  })
}

/** Of squared lengths: torch's `normalize` divides by at least 1e-12. */
const shortest = 1e-24

/** x/‖x‖·√channels·gamma over channels. */
function norm({ b, parameters }: Layers, name: string, x: Value, axes = 3): Value {
  const channels = x.shape[1]!
  const gamma = parameters.value(`${name}.gamma`, [channels, ...Array<number>(axes).fill(1)])
  const single = b.within(singleScope)
  const { normal } = byRootMeanSquare(single, x, [1], shortest / channels)
  return mul(b, normal, axes === 3 ? gamma : reshape(b, gamma, [channels, 1, 1, 1]))
}

function residualBlock(stream: Stream, name: string, x: Value, channels: number): Value {
  const { b } = stream
  const shortcut = x.shape[1] === channels ? x : causalConv(stream, `${name}.conv_shortcut`, x, channels, [1, 1, 1])
  const first = causalConv(stream, `${name}.conv1`, silu(b, norm(stream, `${name}.norm1`, x)), channels)
  return add(b, causalConv(stream, `${name}.conv2`, silu(b, norm(stream, `${name}.norm2`, first)), channels), shortcut)
}

/** One-headed self-attention over the places of each frame, with residual. */
function frameAttention(layers: Layers, name: string, x: Value): Value {
  const { b } = layers
  const [batch, channels, frames, rows, columns] = x.shape as [number, number, number, number, number]
  const point = { kernel: 1, pads: [0, 0, 0, 0] }
  const all = frameConv(layers, `${name}.to_qkv`, norm(layers, `${name}.norm`, x, 2), 3 * channels, point)
  const [query, key, value] = [0, 1, 2].map((i) => {
    const part = transpose(b, slice(b, all, 1, i * channels, (i + 1) * channels), [0, 2, 1, 3, 4])
    return reshape(b, part, [batch * frames, channels, rows * columns])
  }) as [Value, Value, Value]
  const scores = matmul(b, transpose(b, scale(b, query, channels ** -0.5), [0, 2, 1]), key)
  const attention = b.emit('Softmax', [scores], { axis: -1 })
  const mixed = reshape(b, matmul(b, value, transpose(b, attention, [0, 2, 1])), [
    batch,
    frames,
    channels,
    rows,
    columns,
  ])
  return add(b, x, frameConv(layers, `${name}.proj`, transpose(b, mixed, [0, 2, 1, 3, 4]), channels, point))
}

function middle(stream: Stream, name: string, x: Value): Value {
  const channels = x.shape[1]!
  const first = residualBlock(stream, `${name}.resnets.0`, x, channels)
  return residualBlock(stream, `${name}.resnets.1`, frameAttention(stream, `${name}.attentions.0`, first), channels)
}

/** Half as many rows and columns. */
const halveSides = (layers: Layers, name: string, x: Value): Value =>
  frameConv(layers, `${name}.resample.1`, x, x.shape[1]!, { kernel: 3, stride: 2, pads: [0, 0, 1, 1] })

/** Frames 0, then of every three that overlap by one: 1 + 2k → 1 + k. */
function halveFrames(stream: Stream, name: string, x: Value): Value {
  const { b, parameters, begins } = stream
  const channels = x.shape[1]!
  const layer = `${name}.time_conv`
  const seen = remembered(stream, layer, x, 1)
  if (framesOf(seen) === 1) return x
  const weight = parameters.value(`${layer}.weight`, [channels, channels, 3, 1, 1])
  const following = conv(b, seen, weight, parameters.value(`${layer}.bias`, [channels]), { strides: [2, 1, 1] })
  return begins ? joined(b, [firstFrame(b, x), following]) : following
}

/** Twice as many rows and columns, and half the channels. */
function doubleSides(layers: Layers, name: string, x: Value): Value {
  const { b } = layers
  const pads = [1, 1, 1, 1]
  return frameConv(layers, `${name}.resample.1`, upsampleNearest(b, x, 2), x.shape[1]! / 2, { kernel: 3, pads })
}

/** Frame 0 as it is, and two of each that follows, for which frame 0 counts as zeros: 1 + k → 1 + 2k. */
function doubleFrames(stream: Stream, name: string, x: Value): Value {
  const { b, begins } = stream
  if (begins && framesOf(x) === 1) return x
  const following = begins ? slice(b, x, 2, 1, framesOf(x)) : x
  const [batch, channels, frames, rows, columns] = following.shape as [number, number, number, number, number]
  const both = causalConv(stream, `${name}.time_conv`, following, 2 * channels, [3, 1, 1])
  const apart = reshape(b, both, [batch, 2, channels, frames, rows, columns])
  const doubled = reshape(b, transpose(b, apart, [0, 2, 3, 1, 4, 5]), [batch, channels, 2 * frames, rows, columns])
  return begins ? joined(b, [firstFrame(b, x), doubled]) : doubled
}

/** Mean and logarithm of the variance of a piece. */
function encodePiece(stream: Stream, config: AutoencoderKlWanConfig, clip: Value): Value {
  const { b } = stream
  let layer = 0
  const next = () => `encoder.down_blocks.${layer++}`
  let x = causalConv(stream, 'encoder.conv_in', clip, config.encoderStem)
  config.encoderWidths.forEach((channels, i) => {
    for (let j = 0; j < config.blocksPerStage; j++) x = residualBlock(stream, next(), x, channels)
    if (i === config.halvesFrames.length) return
    const name = next()
    x = halveSides(stream, name, x)
    if (config.halvesFrames[i]) x = halveFrames(stream, name, x)
  })
  x = middle(stream, 'encoder.mid_block', x)
  return causalConv(stream, 'encoder.conv_out', silu(b, norm(stream, 'encoder.norm_out', x)), 2 * config.latentChannels)
}

function decodePiece(stream: Stream, config: AutoencoderKlWanConfig, latent: Value): Value {
  const { b } = stream
  const widths = config.decoderWidths.toReversed()
  const doublesFrames = config.halvesFrames.toReversed()
  let x = middle(stream, 'decoder.mid_block', causalConv(stream, 'decoder.conv_in', latent, widths[0]!))
  widths.forEach((channels, i) => {
    const block = `decoder.up_blocks.${i}`
    for (let j = 0; j <= config.blocksPerStage; j++) x = residualBlock(stream, `${block}.resnets.${j}`, x, channels)
    if (i === doublesFrames.length) return
    const name = `${block}.upsamplers.0`
    x = doubleSides(stream, name, doublesFrames[i] ? doubleFrames(stream, name, x) : x)
  })
  return causalConv(stream, 'decoder.conv_out', silu(b, norm(stream, 'decoder.norm_out', x)), config.outChannels)
}

/** Computes pieces one after the other: the first of 1 + (together − 1)·step frames, the others of together·step. */
function inPieces(
  layers: Layers,
  x: Value,
  { together, step }: { readonly together: number; readonly step: number },
  piece: (stream: Stream, x: Value) => Value,
): Value {
  const { b } = layers
  const past = new Map<string, Value>()
  const parts: Value[] = []
  for (let from = 0; from < framesOf(x); ) {
    const begins = from === 0
    const to = Math.min(framesOf(x), from + together * step - (begins ? step - 1 : 0))
    parts.push(piece({ ...layers, past, begins }, slice(b, x, 2, from, to)))
    from = to
  }
  return joined(b, parts)
}

/** Latent frames that are computed at once. More take more memory, and the result is the same. */
const usualPiece = 1

/**
 * Encoder: clip N × 3 × (1 + 4k) × H × W in [−1, 1] → mean and logarithm of the variance (clamped to [−30, 20]) of the posterior,
 * N × latentChannels × (1 + k) × H/8 × W/8 where three stages halve sides and two halve frames. `together` latent frames at once.
 */
export function encode(
  b: Builder,
  parameters: Parameters,
  config: AutoencoderKlWanConfig,
  frames: Value,
  together = usualPiece,
): { mean: Value; logvar: Value } {
  const layers: Layers = { b, parameters }
  const encoded = inPieces(layers, frames, { together, step: frameDownscaling(config) }, (stream, piece) =>
    encodePiece(stream, config, piece),
  )
  const { latentChannels } = config
  const moments = pointwise(layers, 'quant_conv', encoded)
  return {
    mean: slice(b, moments, 1, 0, latentChannels),
    logvar: clip(b, slice(b, moments, 1, latentChannels, 2 * latentChannels), -30, 20),
  }
}

/** Decoder: latent N × latentChannels × (1 + k) × h × w → clip N × 3 × (1 + 4k) × 8h × 8w, not clamped. */
export function decode(
  b: Builder,
  parameters: Parameters,
  config: AutoencoderKlWanConfig,
  latent: Value,
  together = usualPiece,
): Value {
  const layers: Layers = { b, parameters }
  const x = pointwise(layers, 'post_quant_conv', latent)
  return inPieces(layers, x, { together, step: 1 }, (stream, piece) => decodePiece(stream, config, piece))
}

/** A convolution of every entry alone, which keeps the channels. */
const pointwise = (layers: Layers, name: string, x: Value): Value =>
  causalConv({ ...layers, past: new Map(), begins: true }, name, x, x.shape[1]!, [1, 1, 1])

export interface ClipSize {
  readonly batch: number
  readonly frames: number
  readonly height: number
  readonly width: number
}

/** The encoder as a graph: `image` N × 3 × frames × height × width → `mean`, `logvar`. */
export const encoderGraph = (
  config: AutoencoderKlWanConfig,
  weights: WeightSource,
  { batch, frames, height, width }: ClipSize,
  together?: number,
): Graph =>
  networkGraph(
    'autoencoder-kl-wan encoder',
    weights,
    { name: 'image', shape: [batch, config.inChannels, frames, height, width] },
    (b, parameters, image) => encode(b, parameters, config, image, together),
  )

/** The decoder as a graph for clips of this size: `latent` → `decoded`, clamped to [−1, 1] as the class does. */
export const decoderGraph = (
  config: AutoencoderKlWanConfig,
  weights: WeightSource,
  { batch, frames, height, width }: ClipSize,
  together?: number,
): Graph =>
  networkGraph(
    'autoencoder-kl-wan decoder',
    weights,
    {
      name: 'latent',
      shape: [
        batch,
        config.latentChannels,
        1 + (frames - 1) / frameDownscaling(config),
        height / downscaling(config),
        width / downscaling(config),
      ],
    },
    (b, parameters, latent) => ({ decoded: clip(b, decode(b, parameters, config, latent, together), -1, 1) }),
  )
