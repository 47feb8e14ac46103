/**
 * A small autoencoder as torch.onnx.export has written it over the years, node by node: normalisation spelled out, sizes
 * worked out from Shape, paddings put in order by slicing. Built from the format's messages, not by our writer.
 */

import { toHalfBits } from '../src/math/half.js'
import {
  AttributeType,
  float,
  floats,
  int64s,
  modelFile,
  type NodeInit,
  node,
  OnnxType,
  type TensorInit,
  value,
} from './onnx-files.js'
import { randomNumbers } from './operators/case.js'

type Attributes = Parameters<typeof node>[3]

const channels = 8
const groups = 4
export const latentChannels = 4

/** Traces a network: each call adds a node and returns the name of its result. */
function tracing(opset: number, prefix: string) {
  const nodes: NodeInit[] = []
  const initializers: TensorInit[] = []
  const random = randomNumbers(opset)
  let count = 0

  const fresh = (op: string) => {
    count++
    // Exporters before torch 1.13 numbered the values.
    return opset < 13 ? `${100 + count}` : `/${prefix}/${op}_${count}_output_0`
  }
  const op = (name: string, inputs: string[], attributes: Attributes = {}): string => {
    const output = fresh(name)
    nodes.push(node(name, inputs, [output], attributes))
    return output
  }
  const constant = (t: TensorInit) => op('Constant', [], { value: { type: AttributeType.TENSOR, t } })
  const ints = (...values: number[]) => constant(int64s('', [values.length], values))
  const integer = (one: number) => constant(int64s('', [], [one]))
  /** What torch writes for "to the end": the ends of the 64-bit range. */
  const end = (one: bigint) => constant({ dataType: OnnxType.INT64, dims: [1n], int64Data: [one] })
  const number = (one: number) => constant(floats('', [], [one]))

  /** Uniform weights around `mean`, as raw bytes. */
  function weight(name: string, dims: number[], spread: number, mean = 0): string {
    const values = Float32Array.from(
      { length: dims.reduce((a, b) => a * b, 1) },
      () => mean + spread * (2 * random() - 1),
    )
    const rawData = new Uint8Array(values.buffer)
    initializers.push({ name, dataType: OnnxType.FLOAT, dims: dims.map(BigInt), rawData })
    return name
  }

  const unsqueeze = (x: string) => (opset < 13 ? op('Unsqueeze', [x], { axes: [0] }) : op('Unsqueeze', [x, ints(0)]))
  const size = (x: string, axis: number) => op('Gather', [op('Shape', [x]), integer(axis)], { axis: 0 })
  /** x.view(...sizes) with sizes that are known only at run time. */
  const view = (x: string, ...sizes: (number | string)[]) => {
    const parts = sizes.map((one) => unsqueeze(typeof one === 'string' ? one : integer(one)))
    return op('Reshape', [x, op('Concat', parts, { axis: 0 })])
  }

  const conv = (x: string, name: string, from: number, to: number, kernel = 3, stride = 1, pad = (kernel - 1) / 2) =>
    op(
      'Conv',
      [
        x,
        weight(`${name}.weight`, [to, from, kernel, kernel], 1.7 / Math.sqrt(from * kernel * kernel)),
        weight(`${name}.bias`, [to], 0.1),
      ],
      {
        dilations: [1, 1],
        group: 1,
        kernel_shape: [kernel, kernel],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
      },
    )

  const groupNorm = (x: string, name: string, width = channels) => {
    const grouped = op('Reshape', [x, ints(0, groups, -1)])
    const ones = constant(floats('', [groups], Array(groups).fill(1)))
    const none = constant(floats('', [groups], Array(groups).fill(0)))
    const normal = op('InstanceNormalization', [grouped, ones, none], { epsilon: float(1e-6) })
    const restored = op('Reshape', [normal, op('Shape', [x])])
    const scaled = op('Mul', [restored, weight(`${name}.weight`, [width, 1, 1], 0.3, 1)])
    return op('Add', [scaled, weight(`${name}.bias`, [width, 1, 1], 0.1)])
  }
  const silu = (x: string) => op('Mul', [x, op('Sigmoid', [x])])

  const resnet = (x: string, name: string, from: number, to: number) => {
    const first = conv(silu(groupNorm(x, `${name}.norm1`, from)), `${name}.conv1`, from, to)
    const second = conv(silu(groupNorm(first, `${name}.norm2`, to)), `${name}.conv2`, to, to)
    const shortcut = from === to ? x : conv(x, `${name}.conv_shortcut`, from, to, 1)
    return op('Div', [op('Add', [shortcut, second]), number(1)])
  }

  const linear = (x: string, name: string) =>
    op('Add', [
      weight(`${name}.bias`, [channels], 0.1),
      op('MatMul', [x, weight(`${name}.weight_t`, [channels, channels], 1.7 / Math.sqrt(channels))]),
    ])

  /** From torch 2.0 on attention is one function, which works the scale out from the shape. */
  function scores(query: string, key: string): string {
    const turned = op('Transpose', [key], { perm: [0, 1, 3, 2] })
    if (opset < 14) return op('Mul', [op('MatMul', [query, turned]), number(channels ** -0.5)])
    const depth = op('Slice', [op('Shape', [query]), ints(-1), end(2n ** 63n - 1n), ints(0)])
    const root = op('Sqrt', [op('Cast', [depth], { to: OnnxType.FLOAT })])
    const scale = op('Sqrt', [op('Div', [constant(floats('', [1], [1])), root])])
    return op('MatMul', [op('Mul', [query, scale]), op('Mul', [turned, scale])])
  }

  function attention(x: string, name: string): string {
    const [batch, height, width] = [size(x, 0), size(x, 2), size(x, 3)]
    const flat = view(groupNorm(x, `${name}.group_norm`), batch, channels, op('Mul', [height, width]))
    const places = op('Transpose', [flat], { perm: [0, 2, 1] })
    const heads = (part: string) =>
      op('Transpose', [view(linear(places, `${name}.${part}`), batch, -1, 1, channels)], { perm: [0, 2, 1, 3] })
    const soft = op('Softmax', [scores(heads('to_q'), heads('to_k'))], { axis: opset < 13 ? 3 : -1 })
    const mixed = op('Transpose', [op('MatMul', [soft, heads('to_v')])], { perm: [0, 2, 1, 3] })
    const joined = linear(view(mixed, batch, -1, channels), `${name}.to_out.0`)
    const back = view(op('Transpose', [joined], { perm: [0, 2, 1] }), batch, channels, height, width)
    return op('Add', [back, x])
  }

  /** Three ways in which F.interpolate(scale_factor=2) has been written. */
  function upsample(x: string): string {
    const nearest = { coordinate_transformation_mode: 'asymmetric', mode: 'nearest', nearest_mode: 'floor' }
    const attributes = { ...nearest, cubic_coeff_a: float(-0.75) }
    const scales = () => constant(floats('', [4], [1, 1, 2, 2]))
    if (opset < 13) return op('Resize', [x, constant(floats('', [0], [])), scales()], attributes)
    if (opset < 17) return op('Resize', [x, '', scales()], attributes)
    const doubled = (axis: number) => {
      const side = op('Mul', [op('Cast', [size(x, axis)], { to: OnnxType.FLOAT }), number(2)])
      return unsqueeze(op('Cast', [op('Floor', [side])], { to: OnnxType.INT64 }))
    }
    const front = op('Slice', [op('Shape', [x]), ints(0), ints(2), ints(0)])
    const sizes = op('Concat', [front, op('Concat', [doubled(2), doubled(3)], { axis: 0 })], { axis: 0 })
    return op('Resize', [x, '', '', sizes], attributes)
  }

  /** F.pad(x, (0, 1, 0, 1)): torch counts from the last axis, ONNX from the first. */
  function padRightAndBottom(x: string): string {
    const missing = op('ConstantOfShape', [ints(4)], {
      value: { type: AttributeType.TENSOR, t: int64s('', [1], [0]) },
    })
    const pairs = op('Reshape', [op('Concat', [ints(0, 1, 0, 1), missing], { axis: 0 }), ints(-1, 2)])
    const reversed = op('Slice', [pairs, ints(-1), end(1n - 2n ** 63n), ints(0), ints(-1)])
    const pads = op('Reshape', [op('Transpose', [reversed], { perm: [1, 0] }), ints(-1)])
    return op('Pad', [x, op('Cast', [pads], { to: OnnxType.INT64 }), number(0)], { mode: 'constant' })
  }

  /** x.chunk(2, dim=1) */
  function halves(x: string): [string, string] {
    const outputs = [fresh('Split'), fresh('Split')] as [string, string]
    const sizes = [latentChannels, latentChannels]
    nodes.push(
      opset < 13
        ? node('Split', [x], outputs, { axis: 1, split: sizes })
        : node('Split', [x, ints(...sizes)], outputs, { axis: 1 }),
    )
    return outputs
  }

  return {
    op,
    number,
    conv,
    groupNorm,
    silu,
    resnet,
    attention,
    upsample,
    padRightAndBottom,
    halves,
    /** The file, with `result` as its output. */
    finish(input: ReturnType<typeof value>, result: string, output: ReturnType<typeof value>): Uint8Array {
      const identity = node('Identity', [result], [output.name])
      return modelFile({ opset, inputs: [input], outputs: [output], nodes: [...nodes, identity], initializers })
    },
  }
}

/** `sample` → the posterior's `latent_parameters`, or a `latent_sample` that the graph draws. */
export function exportedEncoder(opset: number, output: 'latent_parameters' | 'latent_sample'): Uint8Array {
  const { op, number, conv, groupNorm, silu, resnet, attention, padRightAndBottom, halves, finish } = tracing(
    opset,
    'encoder',
  )
  let x = conv('sample', 'encoder.conv_in', 3, channels)
  x = resnet(x, 'encoder.down.resnets.0', channels, channels)
  x = conv(padRightAndBottom(x), 'encoder.down.downsample', channels, channels, 3, 2, 0)
  x = attention(x, 'encoder.mid.attentions.0')
  x = silu(groupNorm(x, 'encoder.conv_norm_out'))
  x = conv(x, 'encoder.conv_out', channels, 2 * latentChannels)
  x = conv(x, 'quant_conv', 2 * latentChannels, 2 * latentChannels, 1)
  if (output === 'latent_sample') {
    const [mean, logVariance] = halves(x)
    const clamped = op('Clip', [logVariance, number(-30), number(20)])
    const deviation = op('Exp', [op('Mul', [clamped, number(0.5)])])
    const noise = op('RandomNormalLike', [mean], { dtype: OnnxType.FLOAT })
    x = op('Add', [mean, op('Mul', [deviation, noise])])
  }
  const picture = value('sample', ['batch_size', 'num_channels', 'height', 'width'])
  return finish(picture, x, value(output, ['batch_size', 'num_channels_latent', 'height_latent', 'width_latent']))
}

/** `z` or `latent_sample` → the picture. */
export function exportedDecoder(opset: number): Uint8Array {
  const { conv, groupNorm, silu, resnet, attention, upsample, finish } = tracing(opset, 'decoder')
  const [from, to] = opset < 13 ? ['z', '1'] : ['latent_sample', 'sample']
  let x = conv(from, 'post_quant_conv', latentChannels, latentChannels, 1)
  x = conv(x, 'decoder.conv_in', latentChannels, channels)
  x = attention(resnet(x, 'decoder.mid.resnets.0', channels, channels), 'decoder.mid.attentions.0')
  x = conv(upsample(x), 'decoder.up.upsample', channels, channels)
  x = resnet(x, 'decoder.up.resnets.0', channels, groups)
  x = silu(groupNorm(x, 'decoder.conv_norm_out', groups))
  x = conv(x, 'decoder.conv_out', groups, 3)
  const latent = value(from, ['batch', latentChannels, 'height', 'width'])
  return finish(latent, x, value(to, ['batch', 3, 'out_height', 'out_width']))
}

/** An autoencoder of one layer each way, in half precision: what the type of inputs and outputs depends on. */
export function exportedHalfPrecision(): { readonly encoder: Uint8Array; readonly decoder: Uint8Array } {
  const random = randomNumbers(1)
  const file = (op: string, from: number, to: number) => {
    const dims = op === 'Conv' ? [to, from, 2, 2] : [from, to, 2, 2]
    const weights = Float64Array.from({ length: 4 * from * to }, () => random() - 0.5)
    const rawData = new Uint8Array(toHalfBits(weights).buffer as ArrayBuffer)
    return modelFile({
      opset: 17,
      inputs: [value('sample', ['n', from, 'h', 'w'], OnnxType.FLOAT16)],
      outputs: [value('out_sample', ['n', to, 'h2', 'w2'], OnnxType.FLOAT16)],
      nodes: [node(op, ['sample', 'weight'], ['out_sample'], { kernel_shape: [2, 2], strides: [2, 2] })],
      initializers: [{ name: 'weight', dataType: OnnxType.FLOAT16, dims: dims.map(BigInt), rawData }],
    })
  }
  return { encoder: file('Conv', 3, latentChannels), decoder: file('ConvTranspose', latentChannels, 3) }
}
