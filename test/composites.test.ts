/**
 * Operators that are written out when a file is read: what is written does what ONNX Runtime makes of the file itself,
 * and its gradient is that of finite differences. Forms that ONNX Runtime's CPU lacks are held against files that say the
 * same in standard operators.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import type { Graph } from '../src/graph/graph.js'
import { decodeOnnx } from '../src/graph/onnx/read.js'
import type { Tensor } from '../src/math/tensor.js'
import {
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
import { expectGradient, run } from './operators/finite-differences.js'

/** ONNX Runtime computes in float32 and approximates erf, tanh and exp to about 1e-6; the rest here are short sums. */
const FLOAT32 = 5e-6

type Feeds = Readonly<Record<string, Tensor>>

interface Fed {
  readonly dtype: OnnxType
  readonly tensor: Tensor
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/** Numbers within ±1.5 that float32 holds. */
function real(...shape: number[]): Fed {
  const random = randomNumbers(sizeOf(shape) + shape.length)
  const data = Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(3 * random() - 1.5))
  return { dtype: OnnxType.FLOAT, tensor: { shape, data } }
}
const whole = (dtype: OnnxType, shape: number[], values: number[]): Fed => ({
  dtype,
  tensor: { shape, data: Float64Array.from(values) },
})

interface Case {
  readonly opset?: number
  readonly inputs: Readonly<Record<string, Fed>>
  readonly nodes: readonly NodeInit[]
  readonly weights?: readonly TensorInit[]
  readonly outputs?: readonly string[]
  /** The same in operators that ONNX Runtime's CPU has. */
  readonly instead?: { readonly nodes: readonly NodeInit[]; readonly weights?: readonly TensorInit[] }
  /** Why there is nothing to differentiate. */
  readonly forwardOnly?: string
}

function fileOf({ opset = 21, inputs, nodes, weights = [], outputs = ['y'] }: Case): Uint8Array {
  return modelFile({
    opset,
    irVersion: 10,
    imports: { 'com.microsoft': 1 },
    inputs: Object.entries(inputs).map(([name, { dtype, tensor }]) => value(name, [...tensor.shape], dtype)),
    outputs: outputs.map((name) => value(name, undefined)),
    nodes,
    initializers: weights,
  })
}

function packed({ dtype, tensor: { shape, data } }: Fed): OrtTensor {
  if (dtype === OnnxType.INT32) return new OrtTensor('int32', Int32Array.from(data), shape)
  if (dtype === OnnxType.INT64) return new OrtTensor('int64', BigInt64Array.from(data, BigInt), shape)
  if (dtype === OnnxType.BOOL) return new OrtTensor('bool', Uint8Array.from(data), shape)
  return new OrtTensor('float32', Float32Array.from(data), shape)
}

/** What ONNX Runtime makes of the file as it is. */
async function original(bytes: Uint8Array, inputs: Case['inputs']): Promise<Feeds> {
  const session = await InferenceSession.create(bytes, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
  })
  try {
    const results = await session.run(
      Object.fromEntries(Object.entries(inputs).map(([name, fed]) => [name, packed(fed)])),
    )
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { shape: dims, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) },
      ]),
    )
  } finally {
    await session.release()
  }
}

const flat = (name: string, ...shape: number[]) => floats(name, shape, [...real(...shape).tensor.data])
const ms = (op: string, inputs: string[], outputs: string[], attributes: Parameters<typeof node>[3] = {}) =>
  node(op, inputs, outputs, attributes, 'com.microsoft')

const queries = { q: real(2, 4, 3, 6), k: real(2, 4, 5, 6), v: real(2, 4, 5, 2) }
const attention = (inputs: string[], attributes: Parameters<typeof node>[3] = {}, outputs = ['y']) =>
  node('Attention', inputs, outputs, attributes)
const seen = whole(OnnxType.BOOL, [3, 5], [1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1])
const x = { x: real(2, 3, 4) }
const picture = { x: real(2, 4, 3, 2) }

const cases: Readonly<Record<string, Case>> = {
  'Attention: heads apart': { opset: 23, inputs: queries, nodes: [attention(['q', 'k', 'v'])] },
  'Attention: a scale': { opset: 23, inputs: queries, nodes: [attention(['q', 'k', 'v'], { scale: float(0.3) })] },
  'Attention: causal': { opset: 23, inputs: queries, nodes: [attention(['q', 'k', 'v'], { is_causal: 1 })] },
  'Attention: softcap': { opset: 23, inputs: queries, nodes: [attention(['q', 'k', 'v'], { softcap: float(0.7) })] },
  'Attention: a mask that is added': {
    opset: 23,
    inputs: { ...queries, m: real(2, 1, 3, 5) },
    nodes: [attention(['q', 'k', 'v', 'm'])],
  },
  'Attention: a mask of booleans, causal': {
    opset: 23,
    inputs: { ...queries, m: seen },
    nodes: [attention(['q', 'k', 'v', 'm'], { is_causal: 1 })],
  },
  'Attention: softcap and a mask of booleans': {
    opset: 23,
    inputs: { ...queries, m: seen },
    nodes: [attention(['q', 'k', 'v', 'm'], { softcap: float(0.7) })],
  },
  'Attention: three axes': {
    opset: 23,
    inputs: { q: real(2, 3, 8), k: real(2, 5, 8), v: real(2, 5, 4) },
    nodes: [attention(['q', 'k', 'v'], { q_num_heads: 2, kv_num_heads: 2 })],
  },
  'Attention: grouped queries': {
    opset: 23,
    inputs: { q: real(2, 3, 8), k: real(2, 5, 4), v: real(2, 5, 6) },
    nodes: [attention(['q', 'k', 'v'], { q_num_heads: 4, kv_num_heads: 2 })],
  },
  'Attention: past keys and values, and what is shown': {
    opset: 23,
    inputs: { ...queries, pk: real(2, 4, 2, 6), pv: real(2, 4, 2, 2) },
    nodes: [attention(['q', 'k', 'v', '', 'pk', 'pv'], { qk_matmul_output_mode: 3 }, ['y', 'a', 'b', 'c'])],
    outputs: ['y', 'a', 'b', 'c'],
  },
  ...Object.fromEntries(
    [0, 1, 2].map((mode) => [
      `Attention: softcap, a mask, and what is shown by mode ${mode}`,
      {
        opset: 23,
        inputs: { ...queries, m: real(3, 5) },
        nodes: [
          attention(['q', 'k', 'v', 'm'], { qk_matmul_output_mode: mode, softcap: float(0.9) }, ['y', '', '', 'c']),
        ],
        outputs: ['y', 'c'],
      },
    ]),
  ),
  'RMSNormalization: last axis': {
    opset: 23,
    inputs: x,
    weights: [flat('w', 4)],
    nodes: [node('RMSNormalization', ['x', 'w'], ['y'])],
  },
  'RMSNormalization: two axes': {
    opset: 23,
    inputs: x,
    weights: [flat('w', 3, 4)],
    nodes: [node('RMSNormalization', ['x', 'w'], ['y'], { axis: 1, epsilon: float(0.01) })],
  },
  'RotaryEmbedding: halves': {
    opset: 23,
    inputs: { x: real(2, 3, 4, 6) },
    weights: [flat('c', 8, 3), flat('s', 8, 3), int64s('p', [2, 4], [0, 3, 5, 7, 1, 2, 3, 4])],
    nodes: [node('RotaryEmbedding', ['x', 'c', 's', 'p'], ['y'])],
  },
  'RotaryEmbedding: neighbours, a part, three axes': {
    opset: 23,
    inputs: { x: real(2, 4, 12) },
    weights: [flat('c', 2, 4, 2), flat('s', 2, 4, 2)],
    nodes: [node('RotaryEmbedding', ['x', 'c', 's'], ['y'], { interleaved: 1, num_heads: 2, rotary_embedding_dim: 4 })],
  },
  'com.microsoft RotaryEmbedding': {
    inputs: { x: real(2, 4, 12) },
    weights: [flat('c', 8, 3), flat('s', 8, 3), int64s('p', [1], [2])],
    nodes: [ms('RotaryEmbedding', ['x', 'p', 'c', 's'], ['y'])],
  },
  'FusedMatMul: factors turned': {
    inputs: { a: real(2, 4, 3), b: real(2, 5, 4) },
    nodes: [ms('FusedMatMul', ['a', 'b'], ['y'], { transA: 1, transB: 1, alpha: float(0.25) })],
  },
  'FusedMatMul: batches turned': {
    inputs: { a: real(3, 2, 4), b: real(4, 2, 5) },
    nodes: [ms('FusedMatMul', ['a', 'b'], ['y'], { transBatchA: 1, transBatchB: 1 })],
  },
  'FusedMatMul: both': {
    inputs: { a: real(4, 2, 3), b: real(5, 2, 4) },
    nodes: [ms('FusedMatMul', ['a', 'b'], ['y'], { transBatchA: 1, transA: 1, transBatchB: 1, transB: 1 })],
  },
  'FusedMatMul: four axes': {
    inputs: { a: real(3, 2, 2, 4), b: real(2, 2, 4, 5) },
    nodes: [ms('FusedMatMul', ['a', 'b'], ['y'], { transBatchA: 1 })],
  },
  FusedGemm: {
    inputs: { a: real(4, 3), b: real(5, 4), c: real(5) },
    nodes: [
      ms('FusedGemm', ['a', 'b', 'c'], ['y'], {
        transA: 1,
        transB: 1,
        alpha: float(0.5),
        beta: float(2),
        activation: 'LeakyRelu',
        activation_alpha: float(0.2),
      }),
    ],
  },
  'FusedConv: a sum and Relu': {
    inputs: { ...picture, z: real(2, 3, 3, 2) },
    weights: [flat('w', 3, 4, 3, 3), flat('b', 3)],
    nodes: [ms('FusedConv', ['x', 'w', 'b', 'z'], ['y'], { activation: 'Relu', pads: [1, 1, 1, 1] })],
  },
  'FusedConv: parameters': {
    inputs: picture,
    weights: [flat('w', 3, 4, 1, 1)],
    nodes: [
      ms('FusedConv', ['x', 'w'], ['y'], {
        activation: 'HardSigmoid',
        activation_params: { type: 6, floats: [0.3, 0.4] },
      }),
    ],
  },
  SkipLayerNormalization: {
    inputs: { ...x, s: real(2, 3, 4) },
    weights: [flat('g', 4), flat('b', 4), flat('d', 4)],
    nodes: [ms('SkipLayerNormalization', ['x', 's', 'g', 'b', 'd'], ['y', '', '', 'sum'], { epsilon: float(1e-5) })],
    outputs: ['y', 'sum'],
  },
  SkipSimplifiedLayerNormalization: {
    inputs: { ...x, s: real(2, 3, 4) },
    weights: [flat('g', 4)],
    nodes: [ms('SkipSimplifiedLayerNormalization', ['x', 's', 'g'], ['y', '', '', 'sum'], { epsilon: float(1e-5) })],
    outputs: ['y', 'sum'],
  },
  SimplifiedLayerNormalization: {
    inputs: x,
    weights: [flat('g', 4)],
    nodes: [node('SimplifiedLayerNormalization', ['x', 'g'], ['y'], { epsilon: float(1e-5) })],
  },
  'MultiHeadAttention: apart, a bias': {
    inputs: { q: real(2, 3, 8), k: real(2, 5, 8), v: real(2, 5, 4), b: real(20) },
    nodes: [ms('MultiHeadAttention', ['q', 'k', 'v', 'b'], ['y'], { num_heads: 2 })],
  },
  'MultiHeadAttention: what is added, a mask of keys': {
    inputs: {
      q: real(2, 3, 8),
      k: real(2, 5, 8),
      v: real(2, 5, 8),
      m: whole(OnnxType.INT32, [2, 5], [1, 1, 1, 0, 0, 1, 0, 1, 1, 1]),
      a: real(2, 2, 3, 5),
    },
    nodes: [ms('MultiHeadAttention', ['q', 'k', 'v', '', 'm', 'a'], ['y'], { num_heads: 2, scale: float(0.4) })],
  },
  'MultiHeadAttention: causal': {
    inputs: { q: real(2, 4, 8), k: real(2, 4, 8), v: real(2, 4, 8) },
    nodes: [ms('MultiHeadAttention', ['q', 'k', 'v'], ['y'], { num_heads: 4, unidirectional: 1 })],
  },
  'MultiHeadAttention: keys with heads': {
    inputs: { q: real(2, 3, 8), k: real(2, 2, 5, 4), v: real(2, 2, 5, 4) },
    nodes: [ms('MultiHeadAttention', ['q', 'k', 'v'], ['y'], { num_heads: 2 })],
  },
  'MultiHeadAttention: all packed': {
    inputs: { q: real(2, 3, 2, 3, 4) },
    nodes: [ms('MultiHeadAttention', ['q'], ['y'], { num_heads: 2 })],
    instead: {
      weights: [int64s('shape', [4], [2, 3, 2, 4]), int64s('flat', [3], [2, 3, 8]), int64s('three', [1], [3])],
      nodes: [
        node('Split', ['q'], ['q0', 'k0', 'v0'], { axis: 3, num_outputs: 3 }),
        ...['q', 'k', 'v'].flatMap((name) => [
          node('Reshape', [`${name}0`, 'shape'], [`${name}1`]),
          node('Reshape', [`${name}1`, 'flat'], [`${name}2`]),
        ]),
        ms('MultiHeadAttention', ['q2', 'k2', 'v2'], ['y'], { num_heads: 2 }),
      ],
    },
  },
  'com.microsoft Attention: causal': {
    inputs: { x: real(2, 3, 5) },
    weights: [flat('w', 5, 24), flat('b', 24)],
    nodes: [ms('Attention', ['x', 'w', 'b'], ['y'], { num_heads: 2, unidirectional: 1 })],
  },
  'com.microsoft Attention: a mask of keys, values of another width': {
    inputs: { x: real(2, 3, 5), m: whole(OnnxType.INT32, [2, 3], [1, 1, 0, 1, 1, 1]) },
    weights: [flat('w', 5, 20), flat('b', 20)],
    nodes: [ms('Attention', ['x', 'w', 'b', 'm'], ['y'], { num_heads: 2, qkv_hidden_sizes: [8, 8, 4] })],
  },
  BiasAdd: {
    inputs: { ...x, b: real(4), s: real(2, 3, 4) },
    nodes: [ms('BiasAdd', ['x', 'b', 's'], ['y'])],
    instead: { nodes: [node('Add', ['x', 'b'], ['z']), node('Add', ['z', 's'], ['y'])] },
  },
  BiasSplitGelu: {
    inputs: { ...x, b: real(4) },
    nodes: [ms('BiasSplitGelu', ['x', 'b'], ['y'])],
    instead: {
      nodes: [
        node('Add', ['x', 'b'], ['z']),
        node('Split', ['z'], ['l', 'r'], { axis: 2, num_outputs: 2 }),
        node('Gelu', ['r'], ['g']),
        node('Mul', ['l', 'g'], ['y']),
      ],
    },
  },
  'NhwcConv: groups and strides': {
    inputs: { x: real(1, 5, 4, 4) },
    weights: [flat('w', 2, 3, 3, 2), flat('b', 2)],
    nodes: [ms('NhwcConv', ['x', 'w', 'b'], ['y'], { group: 2, strides: [2, 1], pads: [1, 1, 1, 1] })],
    instead: {
      nodes: [
        node('Transpose', ['x'], ['first'], { perm: [0, 3, 1, 2] }),
        node('Transpose', ['w'], ['weight'], { perm: [0, 3, 1, 2] }),
        node('Conv', ['first', 'weight', 'b'], ['z'], { group: 2, strides: [2, 1], pads: [1, 1, 1, 1] }),
        node('Transpose', ['z'], ['y'], { perm: [0, 2, 3, 1] }),
      ],
    },
  },
  'GroupNorm: channels first, no activation': {
    inputs: picture,
    weights: [flat('g', 4), flat('b', 4)],
    nodes: [ms('GroupNorm', ['x', 'g', 'b'], ['y'], { groups: 2, channels_last: 0, activation: 0 })],
    instead: { nodes: [node('GroupNormalization', ['x', 'g', 'b'], ['y'], { num_groups: 2 })] },
  },
  'SkipGroupNorm: a skip for each channel': {
    inputs: { x: real(2, 3, 2, 4), s: real(2, 4), d: real(4) },
    weights: [flat('g', 4), flat('b', 4), int64s('shape', [4], [2, 1, 1, 4])],
    nodes: [ms('SkipGroupNorm', ['x', 'g', 'b', 's', 'd'], ['y', 'sum'], { groups: 2, activation: 1 })],
    outputs: ['y', 'sum'],
    instead: {
      nodes: [
        node('Reshape', ['s', 'shape'], ['skip']),
        node('Add', ['x', 'skip'], ['partial']),
        node('Add', ['partial', 'd'], ['sum']),
        node('Transpose', ['sum'], ['first'], { perm: [0, 3, 1, 2] }),
        node('GroupNormalization', ['first', 'g', 'b'], ['normal'], { num_groups: 2 }),
        node('Sigmoid', ['normal'], ['gate']),
        node('Mul', ['normal', 'gate'], ['active']),
        node('Transpose', ['active'], ['y'], { perm: [0, 2, 3, 1] }),
      ],
    },
  },
  CastLike: { inputs: x, weights: [flat('w', 1)], nodes: [node('CastLike', ['x', 'w'], ['y'])] },
  Sum: { inputs: { ...x, a: real(4), b: real(3, 1) }, nodes: [node('Sum', ['x', 'a', 'b'], ['y'])] },
  Mean: { inputs: { ...x, a: real(4) }, nodes: [node('Mean', ['x', 'a'], ['y'])] },
  PRelu: { inputs: { ...x, s: real(4) }, nodes: [node('PRelu', ['x', 's'], ['y'])] },
  Selu: { inputs: x, nodes: [node('Selu', ['x'], ['y'])] },
  'Celu: alpha': { inputs: x, nodes: [node('Celu', ['x'], ['y'], { alpha: float(0.6) })] },
  Mish: { inputs: x, nodes: [node('Mish', ['x'], ['y'])] },
  Softsign: { inputs: x, nodes: [node('Softsign', ['x'], ['y'])] },
  ThresholdedRelu: { inputs: x, nodes: [node('ThresholdedRelu', ['x'], ['y'], { alpha: float(0.5) })] },
  Shrink: { inputs: x, nodes: [node('Shrink', ['x'], ['y'], { bias: float(0.2), lambd: float(0.4) })] },
  Tan: { inputs: x, nodes: [node('Sin', ['x'], ['s']), node('Tan', ['s'], ['y'])] },
  Sinh: { inputs: x, nodes: [node('Sinh', ['x'], ['y'])] },
  Cosh: { inputs: x, nodes: [node('Cosh', ['x'], ['y'])] },
  ReduceLogSum: {
    inputs: x,
    weights: [int64s('axes', [1], [1])],
    nodes: [node('Exp', ['x'], ['e']), node('ReduceLogSum', ['e', 'axes'], ['y'], { keepdims: 0 })],
  },
  ReduceLogSumExp: { inputs: x, nodes: [node('ReduceLogSumExp', ['x'], ['y'], { keepdims: 0 })] },
  MeanVarianceNormalization: { inputs: picture, nodes: [node('MeanVarianceNormalization', ['x'], ['y'])] },
  Hardmax: { inputs: x, nodes: [node('Hardmax', ['x'], ['y'], { axis: 1 })], forwardOnly: 'it is constant' },
  Xor: {
    inputs: { a: whole(OnnxType.BOOL, [4], [0, 0, 1, 1]), b: whole(OnnxType.BOOL, [4], [0, 1, 0, 1]) },
    nodes: [node('Xor', ['a', 'b'], ['z']), node('Cast', ['z'], ['y'], { to: OnnxType.FLOAT })],
    forwardOnly: 'it is of booleans',
  },
  'IsNaN and IsInf': {
    inputs: { x: whole(OnnxType.FLOAT, [4], [Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) },
    nodes: [
      node('IsNaN', ['x'], ['nan']),
      node('IsInf', ['x'], ['both']),
      node('IsInf', ['x'], ['above'], { detect_negative: 0 }),
      ...['nan', 'both', 'above'].map((name) => node('Cast', [name], [`is_${name}`], { to: OnnxType.FLOAT })),
    ],
    outputs: ['is_nan', 'is_both', 'is_above'],
    forwardOnly: 'they are booleans',
  },
}

const decoded = (each: Case): Graph => decodeOnnx(fileOf(each))
const feedsOf = ({ inputs }: Case): Feeds =>
  Object.fromEntries(Object.entries(inputs).map(([name, { tensor }]) => [name, tensor]))

describe('what is written for an operator does what ONNX Runtime does', () => {
  it.each(Object.entries(cases))('%s', async (_name, each) => {
    const graph = decoded(each)
    expect(graph.nodes.every(({ domain }) => domain === '')).toBe(true)
    const reference = each.instead
      ? fileOf({
          ...each,
          nodes: each.instead.nodes,
          weights: [...(each.weights ?? []), ...(each.instead.weights ?? [])],
        })
      : fileOf(each)
    const wanted = await original(reference, each.inputs)
    const found = await run(graph, feedsOf(each))
    for (const [name, { shape, data }] of Object.entries(wanted)) {
      expect(found[name]!.shape).toEqual(shape)
      expect(graph.outputs.find((output) => output.name === name)!.shape).toEqual(shape)
      data.forEach((right, i) => {
        const got = found[name]!.data[i]!
        expect(Math.abs(got - right), `${name}[${i}]: ${got}, not ${right}`).toBeLessThanOrEqual(
          FLOAT32 * Math.max(1, Math.abs(right)),
        )
      })
    }
  })
})

describe('gradients through it are those of finite differences', () => {
  const differentiable = Object.entries(cases).filter(([, { forwardOnly }]) => forwardOnly === undefined)
  it.each(differentiable)('%s', async (_name, each) => {
    const reals = Object.entries(each.inputs).filter(([, { dtype }]) => dtype === OnnxType.FLOAT)
    await expectGradient(
      decoded(each),
      feedsOf(each),
      reals.map(([name]) => name),
    )
  })
})

describe('forms that are not written are refused by name', () => {
  it.each<[string, Case, RegExp]>([
    [
      'numbers of keys that count',
      {
        opset: 24,
        inputs: { ...queries, n: whole(OnnxType.INT64, [2], [3, 4]) },
        nodes: [attention(['q', 'k', 'v', '', '', '', 'n'])],
      },
      /no input `nonpad_kv_seqlen` for Attention \(node `node_y`\)/,
    ],
    [
      'three axes without heads',
      {
        opset: 23,
        inputs: { q: real(1, 2, 4), k: real(1, 2, 4), v: real(1, 2, 4) },
        nodes: [attention(['q', 'k', 'v'])],
      },
      /`q_num_heads`.*Attention/,
    ],
    [
      'an unknown activation',
      {
        inputs: picture,
        weights: [flat('w', 3, 4, 1, 1)],
        nodes: [ms('FusedConv', ['x', 'w'], ['y'], { activation: 'Magic' })],
      },
      /com\.microsoft\.FusedConv \(node `node_y`\), got `Magic`/,
    ],
    [
      'a result that is not written',
      {
        inputs: { ...x, s: real(2, 3, 4) },
        weights: [flat('g', 4)],
        nodes: [ms('SkipLayerNormalization', ['x', 's', 'g'], ['y', 'mean'])],
        outputs: ['y', 'mean'],
      },
      /com\.microsoft\.SkipLayerNormalization \(node `node_y`\), got result 1/,
    ],
  ])('%s', (_name, each, message) => {
    expect(() => decoded(each)).toThrow(message)
    expect(() => decoded(each)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })
})

it('names that are written are new ones', () => {
  const file = fileOf({
    inputs: x,
    nodes: [
      node('Softsign', ['x'], ['a']),
      node('Neg', ['a'], ['Abs_value_0']),
      node('Neg', ['Abs_value_0'], ['Softsign_0']),
      node('Mish', ['Softsign_0'], ['y']),
    ],
  })
  const names = decodeOnnx(file).nodes.flatMap(({ outputs }) => outputs)
  expect(new Set(names).size).toBe(names.length)
})
