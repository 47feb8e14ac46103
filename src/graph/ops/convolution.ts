/**
 * Conv and ConvTranspose in any number of spatial dimensions. The cotangent of the input is the transposed
 * convolution; the cotangent of the weight is one matrix product over shifted slices of the input.
 */
import { expected } from '../../core/errors.js'
import type { Builder } from '../builder.js'
import type { Value } from '../graph.js'
import type { GradientView, NodeView, Operator } from '../operator.js'
import { concat, pad, reshape, reverse, slice, sum, swapLast, transpose } from './common.js'
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
export function windowOf(node: NodeView, kernel: readonly number[], input: readonly number[], transposed = false): Window {
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

/** Where a window of this size can stand along each axis. */
export const positions = (input: readonly number[], { kernel, strides, dilations, pads }: Window, roundUp = false): number[] =>
  kernel.map((size, i) => {
    const room = input[i]! + pads[i]! + pads[i + kernel.length]! - (size - 1) * dilations[i]! - 1
    return (roundUp ? Math.ceil(room / strides[i]!) : Math.floor(room / strides[i]!)) + 1
  })

const attributesOf = ({ kernel, strides, dilations, pads, groups }: Window) => ({
  kernel_shape: kernel,
  strides,
  dilations,
  pads,
  group: groups,
})

export const conv = (b: Builder, x: Value, weight: Value, bias: Value | undefined, window: Partial<Window> = {}): Value => {
  const kernel = weight.shape.slice(2)
  const ones = kernel.map(() => 1)
  return b.emit(
    'Conv',
    bias ? [x, weight, bias] : [x, weight],
    attributesOf({ kernel, strides: ones, dilations: ones, pads: [...ones, ...ones].map(() => 0), groups: 1, ...window }),
  )
}

/** The transposed convolution whose result has spatial size `target`. */
function convTranspose(b: Builder, x: Value, weight: Value, window: Window, target: readonly number[]): Value {
  const { kernel, strides, dilations, pads } = window
  const outputPadding = target.map((size, i) => {
    const natural = (x.shape[i + 2]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - pads[i]! - pads[i + kernel.length]!
    return size - natural
  })
  return b.emit('ConvTranspose', [x, weight], { ...attributesOf(window), output_padding: outputPadding })
}

/** Σ over positions of g ⊗ x at one kernel offset after another, as one matrix product: the gradient of a kernel. */
function kernelGradient(b: Builder, x: Value, g: Value, window: Window): Value {
  const { kernel, strides, dilations, pads, groups } = window
  const rank = kernel.length
  const [batch, channels] = [x.shape[0]!, x.shape[1]!]
  const places = g.shape.slice(2)
  const count = places.reduce((product, size) => product * size, 1)
  const out = g.shape[1]!
  const padded = pad(b, x, [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)])
  const offsets = kernel.reduce<number[][]>((all, size) => all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])), [[]])
  const columns = offsets.map((offset) => {
    const window = offset.reduce((value, step, i) => {
      const start = step * dilations[i]!
      return slice(b, value, i + 2, start, start + (places[i]! - 1) * strides[i]! + 1, strides[i]!)
    }, padded)
    return reshape(b, window, [batch, groups, channels / groups, count])
  })
  const product = matmul(b, reshape(b, g, [batch, groups, out / groups, count]), swapLast(b, concat(b, columns, 2)))
  const summed = reshape(b, sum(b, product, [0], false), [out, offsets.length, channels / groups])
  return reshape(b, transpose(b, summed, [0, 2, 1]), [out, channels / groups, ...kernel])
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
  const axes = [...kernel.keys()].filter((i) => kernel[i]! > 1)
  const flipped = axes.reduce((value, i) => reverse(b, value, i + 2), transpose(b, weight, [1, 0, ...kernel.map((_, i) => i + 2)]))
  return conv(b, g, flipped, undefined, { ...window, pads: flippedPads })
}

function convTypes(node: NodeView) {
  const x = node.input(0)
  const weight = node.input(1)
  const window = windowOf(node, weight.shape.slice(2), x.shape.slice(2))
  if (x.shape[1] !== weight.shape[1]! * window.groups) {
    throw expected('bad-model', `${weight.shape[1]! * window.groups} channels`, `Conv \`${node.name}\``, `[${x.shape}]`, "The graph does not fit the input's size.")
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
    (size, i) => (x.shape[i + 2]! - 1) * strides[i]! + (size - 1) * dilations[i]! + 1 - pads[i]! - pads[i + kernel.length]! + extra[i]!,
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
    throw expected('unsupported', 'pads', `the gradient of ConvTranspose \`${node.name}\``, 'output_shape', 'Export it with explicit pads.')
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
