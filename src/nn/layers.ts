/** Layers that diffusers' networks share, under the checkpoint's own tensor names. */
import type { Builder } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { add, mul, pad, reshape, scale, swapLast } from '../graph/ops/common.js'
import { conv } from '../graph/ops/convolution.js'
import { matmul } from '../graph/ops/matmul.js'
import { groupNorm } from '../graph/ops/normalization.js'
import { asClips, asFrames } from './frames.js'
import type { Parameters } from './parameters.js'

export interface Layers {
  readonly b: Builder
  readonly parameters: Parameters
}

export interface ConvOptions {
  readonly kernel?: number
  readonly stride?: number
  /** Padding on every side, or [top, left, bottom, right]. Default keeps the size at stride 1. */
  readonly padding?: number | readonly number[]
  readonly bias?: boolean
}

/** A square convolution from x's channels to `channels`. */
export function conv2d(
  { b, parameters }: Layers,
  name: string,
  x: Value,
  channels: number,
  options: ConvOptions = {},
): Value {
  const { kernel = 3, stride = 1, padding = (kernel - 1) / 2, bias = true } = options
  const weight = parameters.value(`${name}.weight`, [channels, x.shape[1]!, kernel, kernel])
  return conv(b, x, weight, bias ? parameters.value(`${name}.bias`, [channels]) : undefined, {
    strides: [stride, stride],
    pads: typeof padding === 'number' ? [padding, padding, padding, padding] : padding,
  })
}

/** Entries of a table along an axis by their numbers: words of a vocabulary, positions. A table of 16 bits stays as it is. */
export const entriesOf = (
  { b, parameters }: Layers,
  name: string,
  shape: readonly number[],
  numbers: Value,
  axis = 0,
): Value =>
  parameters.entries?.(name, shape, numbers, axis) ??
  b.emit('Gather', [parameters.value(name, shape), numbers], { axis })

export const silu = (b: Builder, x: Value): Value => mul(b, x, b.emit('Sigmoid', [x]))

export interface NormOptions {
  readonly groups: number
  readonly epsilon: number
  /** Samples in a row that are normalised as one: the frames of a clip. Default 1. */
  readonly frames?: number
}

export function groupNorm2d(
  { b, parameters }: Layers,
  name: string,
  x: Value,
  { groups, epsilon, frames = 1 }: NormOptions,
): Value {
  const [samples, channels] = x.shape as [number, number]
  const [weight, bias] = ['weight', 'bias'].map((part) => parameters.value(`${name}.${part}`, [channels])) as [
    Value,
    Value,
  ]
  const normalized = (picture: Value) => groupNorm(b, picture, weight, bias, groups, epsilon)
  return frames === 1 ? normalized(x) : asFrames(b, normalized(asClips(b, x, samples / frames)))
}

/**
 * ResnetBlock2D: x + conv(silu(norm(conv(silu(norm(x))) + time))). `time` N × channels × 1 × 1 is the projected time
 * embedding of networks that have one.
 */
export function resnetBlock(
  layers: Layers,
  name: string,
  x: Value,
  channels: number,
  norm: NormOptions,
  time?: Value,
): Value {
  const { b } = layers
  const convolved = conv2d(layers, `${name}.conv1`, silu(b, groupNorm2d(layers, `${name}.norm1`, x, norm)), channels)
  const first = time ? add(b, convolved, time) : convolved
  const second = conv2d(layers, `${name}.conv2`, silu(b, groupNorm2d(layers, `${name}.norm2`, first, norm)), channels)
  const shortcut = x.shape[1] === channels ? x : conv2d(layers, `${name}.conv_shortcut`, x, channels, { kernel: 1 })
  return add(b, shortcut, second)
}

/** The names of a tensor over diffusers' history: the first that the checkpoint has. */
const anyOf = ({ parameters }: Layers, ...names: readonly string[]) =>
  names.find((name) => parameters.has(`${name}.weight`)) ?? names[0]!

/**
 * One-headed self-attention over the places of a picture, with residual. Channels stay in front: q = W·x needs no
 * transposed weights, and ONNX Runtime fuses the two transpositions into the products.
 */
export function spatialAttention(layers: Layers, name: string, x: Value, norm: NormOptions): Value {
  const { b, parameters } = layers
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const normalized = reshape(b, groupNorm2d(layers, `${name}.group_norm`, x, norm), [batch, channels, height * width])
  const project = (input: Value, ...names: readonly string[]) => {
    const found = anyOf(layers, ...names.map((part) => `${name}.${part}`))
    const weight = parameters.value(`${found}.weight`, [channels, channels])
    return add(b, matmul(b, weight, input), reshape(b, parameters.value(`${found}.bias`, [channels]), [channels, 1]))
  }
  const query = scale(b, project(normalized, 'to_q', 'query'), channels ** -0.5)
  const key = project(normalized, 'to_k', 'key')
  const value = project(normalized, 'to_v', 'value')
  const attention = b.emit('Softmax', [matmul(b, swapLast(b, query), key)], { axis: -1 })
  const mixed = project(matmul(b, value, swapLast(b, attention)), 'to_out.0', 'proj_attn')
  return add(b, x, reshape(b, mixed, x.shape))
}

/** diffusers' downsampling of autoencoders: pads right and bottom only, then a convolution of stride 2. */
export function downsample(layers: Layers, name: string, x: Value): Value {
  const padded = pad(layers.b, x, [0, 0, 0, 0, 0, 0, 1, 1])
  return conv2d(layers, `${name}.conv`, padded, x.shape[1]!, { stride: 2, padding: 0 })
}
