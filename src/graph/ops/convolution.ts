/**
 * Conv and ConvTranspose in any number of spatial dimensions. The cotangent of the input is the transposed
 * convolution; the cotangent of the weight is one matrix product over shifted slices of the input.
 */
import { expected } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import type { GradientView, NodeView, Operator } from '../operator.js'
import { concat, pad, reshape, reverse, sliceAxes, sum, swapLast, transpose } from './common.js'
import { matmul } from './matmul.js'

export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Begin of every spatial axis, then end of every one. */
  readonly pads: readonly number[]
  readonly groups: number
}

/** The attributes that convolutions and pooling share, with defaults and `auto_pad` resolved. */
export function windowOf(
  node: NodeView,
  kernel: readonly number[],
  input: readonly number[],
  transposed = false,
): Window {
  const rank = kernel.length
  const ones = Array<number>(rank).fill(1)
  const strides = node.integers('strides') ?? ones
  const dilations = node.integers('dilations') ?? ones
  const mode = node.string('auto_pad', 'NOTSET')
  let pads = node.integers('pads') ?? Array<number>(2 * rank).fill(0)
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    const totals = kernel.map((size, i) => {
      const reach = (size - 1) * dilations[i]! + 1
      const moves = transposed ? 0 : (Math.ceil(input[i]! / strides[i]!) - 1) * strides[i]! - input[i]!
      return Math.max(0, transposed ? reach - strides[i]! : moves + reach)
    })
    const small = totals.map((total) => Math.floor(total / 2))
    const large = totals.map((total) => Math.ceil(total / 2))
    pads = mode === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small]
  } else if (mode === 'VALID') {
    pads = Array<number>(2 * rank).fill(0)
  }
  return { kernel, strides, dilations, pads, groups: node.integer('group', 1) }
}

/** Where a window of this size can stand along each axis. Rounding up lets a last one stick out, if it starts before the end padding. */
export const positions = (
  input: readonly number[],
  { kernel, strides, dilations, pads }: Window,
  roundUp = false,
): number[] =>
  kernel.map((size, i) => {
    const room = input[i]! + pads[i]! + pads[i + kernel.length]! - (size - 1) * dilations[i]! - 1
    if (!roundUp) return Math.floor(room / strides[i]!) + 1
    const last = Math.ceil(room / strides[i]!)
    return last * strides[i]! < input[i]! + pads[i]! ? last + 1 : last
  })

const attributesOf = ({ kernel, strides, dilations, pads, groups }: Window) => ({
  kernel_shape: kernel,
  strides,
  dilations,
  pads,
  group: groups,
})

export const conv = (
  b: Builder,
  x: Value,
  weight: Value,
  bias: Value | undefined,
  window: Partial<Window> = {},
): Value => {
  const kernel = weight.shape.slice(2)
  const ones = kernel.map(() => 1)
  return b.emit(
    'Conv',
    bias ? [x, weight, bias] : [x, weight],
    attributesOf({
      kernel,
      strides: ones,
      dilations: ones,
      pads: [...ones, ...ones].map(() => 0),
      groups: 1,
      ...window,
    }),
  )
}

/** The transposed convolution whose result has spatial size `target`. */
function convTranspose(b: Builder, x: Value, weight: Value, window: Window, target: readonly number[]): Value {
  const { kernel, strides, dilations, pads } = window
  const outputPadding = target.map((size, i) => {
    const natural =
      (x.shape[i + 2]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - pads[i]! - pads[i + kernel.length]!
    return size - natural
  })
  return b.emit('ConvTranspose', [x, weight], { ...attributesOf(window), output_padding: outputPadding })
}

export const offsetsOf = (kernel: readonly number[]): number[][] =>
  kernel.reduce<number[][]>(
    (all, size) => all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])),
    [[]],
  )

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1)

/** Channels first, then the batch: N × C × … → C × N × …. */
const channelsFirst = (b: Builder, x: Value): Value => transpose(b, x, [1, 0, ...[...x.shape.keys()].slice(2)])

/**
 * The gradient of a kernel, Σ over pictures and places p of g[p] ⊗ x[p·stride + offset·dilation − pad], as one matrix product
 * over slices of x, one for each offset. The sum is over the product's inner axis.
 */
function kernelGradient(b: Builder, x: Value, g: Value, window: Window): Value {
  const { kernel, strides, dilations, pads, groups } = window
  if (groups === 1 && g.shape[1]! < x.shape[1]! && strides.every((stride) => stride === 1))
    return kernelGradientByOutput(b, x, g, window)
  const rank = kernel.length
  const channels = x.shape[1]! / groups
  const places = g.shape.slice(2)
  const count = x.shape[0]! * product(places)
  const out = g.shape[1]! / groups
  const padded = channelsFirst(b, pad(b, x, [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)]))
  const offsets = offsetsOf(kernel)
  const axes = kernel.map((_, i) => i + 2)
  const columns = offsets.map((offset) => {
    const starts = offset.map((step, i) => step * dilations[i]!)
    const ends = starts.map((start, i) => start + (places[i]! - 1) * strides[i]! + 1)
    return reshape(b, sliceAxes(b, padded, axes, starts, ends, strides), [groups, channels, count])
  })
  const outer = matmul(b, reshape(b, channelsFirst(b, g), [groups, out, count]), swapLast(b, concat(b, columns, 1)))
  const rows = reshape(b, outer, [groups * out, offsets.length, channels])
  return reshape(b, transpose(b, rows, [0, 2, 1]), [groups * out, channels, ...kernel])
}

/** The same sum with the places of x fixed and g shifted: less to copy where g has fewer channels. Stride 1, one group. */
function kernelGradientByOutput(b: Builder, x: Value, g: Value, { kernel, dilations, pads }: Window): Value {
  const rank = kernel.length
  const channels = x.shape[1]!
  const places = x.shape.slice(2)
  const count = x.shape[0]! * product(places)
  const out = g.shape[1]!
  const reach = kernel.map((size, i) => (size - 1) * dilations[i]!)
  const border = pads.map((p, i) => reach[i % rank]! - p)
  const padded = channelsFirst(b, pad(b, g, [0, 0, ...border.slice(0, rank), 0, 0, ...border.slice(rank)]))
  const offsets = offsetsOf(kernel)
  const axes = kernel.map((_, i) => i + 2)
  const rows = offsets.map((offset) => {
    const starts = offset.map((step, i) => reach[i]! - step * dilations[i]!)
    const ends = starts.map((start, i) => start + places[i]!)
    return reshape(b, sliceAxes(b, padded, axes, starts, ends), [out, count])
  })
  const outer = matmul(b, concat(b, rows, 0), swapLast(b, reshape(b, channelsFirst(b, x), [channels, count])))
  const summed = reshape(b, outer, [offsets.length, out, channels])
  return reshape(b, transpose(b, summed, [1, 2, 0]), [out, channels, ...kernel])
}

const allButChannels = (value: Value) => value.shape.map((_, i) => i).filter((i) => i !== 1)

/** A stride-1 convolution is undone by a convolution with the flipped, transposed kernel: faster than ConvTranspose. */
function convInputGradient(b: Builder, g: Value, weight: Value, window: Window, target: readonly number[]): Value {
  const { kernel, strides, dilations, pads, groups } = window
  const rank = kernel.length
  const reach = kernel.map((size, i) => (size - 1) * dilations[i]!)
  const flippedPads = [...pads.keys()].map((i) => reach[i % rank]! - pads[i]!)
  if (groups !== 1 || strides.some((stride) => stride !== 1) || flippedPads.some((p) => p < 0)) {
    return convTranspose(b, g, weight, window, target)
  }
  const axes = [...kernel.keys()].filter((i) => kernel[i]! > 1).map((i) => i + 2)
  const flipped = reverse(b, transpose(b, weight, [1, 0, ...kernel.map((_, i) => i + 2)]), ...axes)
  return conv(b, g, flipped, undefined, { ...window, pads: flippedPads })
}

function convTypes(node: NodeView) {
  const x = node.input(0)
  const weight = node.input(1)
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2))
  if (x.shape[1] !== weight.shape[1]! * window.groups) {
    throw expected(
      'bad-model',
      `${weight.shape[1]! * window.groups} channels`,
      `Conv \`${node.name}\``,
      `[${x.shape}]`,
      "The graph does not fit the input's size.",
    )
  }
  return [{ dtype: x.dtype, shape: [x.shape[0]!, weight.shape[0]!, ...positions(x.shape.slice(2), window)] }]
}

function convGradient(node: GradientView) {
  const { builder: b, cotangent: g, needs } = node
  const x = node.input(0)
  const weight = node.input(1)
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2))
  return [
    needs[0] ? convInputGradient(b, g, weight, window, x.shape.slice(2)) : undefined,
    needs[1] ? kernelGradient(b, x, g, window) : undefined,
    needs[2] ? sum(b, g, allButChannels(g), false) : undefined,
  ]
}

function convTransposeTypes(node: NodeView) {
  const x = node.input(0)
  const weight = node.input(1)
  const { kernel, strides, dilations, pads, groups } = windowOf(node, weight.shape.slice(2), x.shape.slice(2), true)
  const extra = node.integers('output_padding') ?? kernel.map(() => 0)
  const fixed = node.integers('output_shape')
  const spatial = kernel.map(
    (size, i) =>
      (x.shape[i + 2]! - 1) * strides[i]! +
      (size - 1) * dilations[i]! +
      1 -
      pads[i]! -
      pads[i + kernel.length]! +
      extra[i]!,
  )
  return [{ dtype: x.dtype, shape: [x.shape[0]!, weight.shape[1]! * groups, ...(fixed ?? spatial)] }]
}

/** Roles swap: the cotangent of the input is a convolution, and x is what the kernel is correlated with. */
function convTransposeGradient(node: GradientView) {
  const { builder: b, cotangent: g, needs } = node
  const x = node.input(0)
  const weight = node.input(1)
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2), true)
  if (node.integers('output_shape')) {
    throw expected(
      'unsupported',
      'pads',
      `the gradient of ConvTranspose \`${node.name}\``,
      'output_shape',
      'Export it with explicit pads.',
    )
  }
  return [
    needs[0] ? conv(b, g, weight, undefined, window) : undefined,
    needs[1] ? kernelGradient(b, g, x, window) : undefined,
    needs[2] ? sum(b, g, allButChannels(g), false) : undefined,
  ]
}

export const convolutions: readonly Operator[] = [
  { op: 'Conv', types: convTypes, gradient: convGradient },
  { op: 'ConvTranspose', types: convTransposeTypes, gradient: convTransposeGradient },
]
