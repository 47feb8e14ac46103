/** What our reader makes of a file does what the file does, by ONNX Runtime's word: the file itself is the reference. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { type Builder, builder } from '../src/graph/builder.js'
import type { Graph, Value } from '../src/graph/graph.js'
import { encodeNumbers } from '../src/graph/numbers.js'
import { decodeOnnx } from '../src/graph/onnx/read.js'
import { encodeOnnx } from '../src/graph/onnx/write.js'
import { compose } from '../src/graph/passes/compose.js'
import { half } from '../src/graph/passes/half.js'
import { vjp } from '../src/graph/passes/vjp.js'
import {
  type AttributeInit,
  AttributeType,
  type FunctionInit,
  float,
  floats,
  int64s,
  type ModelInit,
  modelFile,
  type NodeInit,
  node,
  OnnxType,
  value,
} from './onnx-files.js'

/** Rewrites use other kernels here and there (Gelu from its contrib form, Swish from products): float32 rounding. */
const ROUNDING = 2e-6
/** ONNX Runtime has no half-precision kernel of some old forms and computes in single precision between casts. */
const HALF_ROUNDING = 2 ** -10

/** Without optimization, which moves roundings of half precision about. */
const options: InferenceSession.SessionOptions = {
  logSeverityLevel: 3,
  intraOpNumThreads: 1,
  graphOptimizationLevel: 'disabled',
}

type Feeds = Record<string, Tensor>

async function outputs(bytes: Uint8Array, feeds: Feeds) {
  const session = await InferenceSession.create(bytes, options)
  try {
    const results = await session.run(feeds)
    return Object.fromEntries(
      session.outputNames.map((name) => [
        name,
        { dims: results[name]!.dims, data: Array.from(results[name]!.data as Float32Array, Number) },
      ]),
    )
  } finally {
    await session.release()
  }
}

async function expectSame(bytes: Uint8Array, feeds: Feeds, shapes = {}, tolerance = ROUNDING) {
  const before = await outputs(bytes, feeds)
  const after = await outputs(encodeOnnx(decodeOnnx(bytes, { shapes })), feeds)
  expect(Object.keys(after)).toEqual(Object.keys(before))
  for (const [name, { dims, data }] of Object.entries(before)) {
    expect(after[name]!.dims).toEqual(dims)
    expect(data.length).toBeGreaterThan(0)
    data.forEach((expectedValue, i) => {
      expect(Math.abs(after[name]!.data[i]! - expectedValue)).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(expectedValue)),
      )
    })
  }
}

/** Numbers without a pattern, both signs, within ±2. */
const ramp = (dims: readonly number[]): Tensor => {
  const size = dims.reduce((a, b) => a * b, 1)
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(12.9898 * (i + 1))),
    dims,
  )
}

interface Case extends Partial<ModelInit> {
  readonly opset: number
  readonly shape?: readonly number[]
  readonly nodes: readonly NodeInit[]
  readonly names?: readonly string[]
  readonly tolerance?: number
}

const cases: Record<string, Case> = {
  'Slice-1, attributes': {
    opset: 9,
    nodes: [node('Slice', ['x'], ['y'], { starts: [1, -2], ends: [Number.MAX_SAFE_INTEGER, 3], axes: [1, 2] })],
  },
  'Slice-1 without axes': { opset: 9, nodes: [node('Slice', ['x'], ['y'], { starts: [0, 1], ends: [1, 3] })] },
  'Clip-6': { opset: 9, nodes: [node('Clip', ['x'], ['y'], { min: float(-0.5), max: float(1) })] },
  'Clip-6, one bound': { opset: 9, nodes: [node('Clip', ['x'], ['y'], { max: float(0.25) })] },
  'Clip-6 in half precision': {
    opset: 9,
    tolerance: HALF_ROUNDING,
    nodes: [
      node('Cast', ['x'], ['h'], { to: OnnxType.FLOAT16 }),
      node('Clip', ['h'], ['c'], { min: float(-0.5) }),
      node('Cast', ['c'], ['y'], { to: OnnxType.FLOAT }),
    ],
  },
  'Pad-2, constant': {
    opset: 9,
    nodes: [node('Pad', ['x'], ['y'], { pads: [0, 0, 1, 2, 0, 1, 0, 1], value: float(0.75) })],
  },
  'Pad-2, reflect': {
    opset: 9,
    nodes: [node('Pad', ['x'], ['y'], { pads: [0, 0, 1, 2, 0, 0, 0, 1], mode: 'reflect' })],
  },
  'TopK-1': {
    opset: 9,
    nodes: [node('TopK', ['x'], ['y', 'i'], { k: 2, axis: 3 }), node('Cast', ['i'], ['j'], { to: OnnxType.FLOAT })],
    names: ['y', 'j'],
  },
  'Upsample-9, nearest': {
    opset: 9,
    nodes: [node('Upsample', ['x', 's'], ['y'], { mode: 'nearest' })],
    initializers: [floats('s', [4], [1, 1, 2, 3])],
  },
  'Upsample-9, fractional': {
    opset: 9,
    nodes: [node('Upsample', ['x', 's'], ['y'], { mode: 'nearest' })],
    initializers: [floats('s', [4], [1, 1, 1.5, 2.6])],
  },
  'Upsample-9, linear': {
    opset: 9,
    nodes: [node('Upsample', ['x', 's'], ['y'], { mode: 'linear' })],
    initializers: [floats('s', [4], [1, 1, 2, 3])],
  },
  'Resize-10, nearest': {
    opset: 10,
    nodes: [node('Resize', ['x', 's'], ['y'])],
    initializers: [floats('s', [4], [1, 1, 2, 1.7])],
  },
  'Resize-10, linear': {
    opset: 10,
    nodes: [node('Resize', ['x', 's'], ['y'], { mode: 'linear' })],
    initializers: [floats('s', [4], [1, 1, 2, 1.5])],
  },
  'Resize-11 as torch writes it': {
    opset: 11,
    nodes: [
      node('Constant', [], ['roi'], { value: { type: 4, t: floats('', [0], []) } }),
      node('Resize', ['x', 'roi', 's'], ['y'], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
        cubic_coeff_a: float(-0.75),
      }),
    ],
    initializers: [floats('s', [4], [1, 1, 2, 2])],
  },
  'Resize-11 with sizes': {
    opset: 11,
    nodes: [
      node('Resize', ['x', 'none', 'none', 'sizes'], ['y'], {
        mode: 'linear',
        coordinate_transformation_mode: 'pytorch_half_pixel',
      }),
    ],
    initializers: [floats('none', [0], []), int64s('sizes', [4], [1, 4, 5, 7])],
  },
  'Resize-11, half_pixel by default': {
    opset: 11,
    nodes: [node('Resize', ['x', 'none', 's'], ['y'])],
    initializers: [floats('none', [0], []), floats('s', [4], [1, 1, 1.6, 2])],
  },
  'Resize-13 with an empty region': {
    opset: 13,
    nodes: [node('Resize', ['x', 'none', 's'], ['y'], { mode: 'cubic' })],
    initializers: [floats('none', [0], []), floats('s', [4], [1, 1, 2, 2])],
  },
  'Softmax-1 over the last axis': { opset: 9, nodes: [node('Softmax', ['x'], ['y'], { axis: 3 })] },
  'Softmax-11, default axis': { opset: 11, nodes: [node('Softmax', ['x'], ['y'])] },
  'Softmax-11, axis 2 of 4': { opset: 11, nodes: [node('Softmax', ['x'], ['y'], { axis: 2 })] },
  'Softmax-11, axis -2, of a result': {
    opset: 12,
    nodes: [node('Neg', ['x'], ['n']), node('Softmax', ['n'], ['y'], { axis: -2 })],
  },
  'LogSoftmax-11': { opset: 11, nodes: [node('LogSoftmax', ['x'], ['y'], { axis: 1 })] },
  'Hardmax-11': { opset: 11, nodes: [node('Hardmax', ['x'], ['y'], { axis: 2 })] },
  'Softmax-13': { opset: 13, nodes: [node('Softmax', ['x'], ['y'], { axis: 1 })] },
  'Squeeze-11 and Unsqueeze-11': {
    opset: 11,
    nodes: [node('Unsqueeze', ['x'], ['u'], { axes: [0, 5] }), node('Squeeze', ['u'], ['y'], { axes: [1] })],
  },
  'Squeeze-1 of all': { opset: 9, nodes: [node('Squeeze', ['x'], ['y'])] },
  'Split-11 by sizes': {
    opset: 11,
    nodes: [node('Split', ['x'], ['y', 'z'], { axis: 1, split: [1, 3] })],
    names: ['y', 'z'],
  },
  'Split-11 in equal parts': { opset: 11, nodes: [node('Split', ['x'], ['y', 'z'], { axis: 1 })], names: ['y', 'z'] },
  'Split-13 by sizes': {
    opset: 13,
    nodes: [node('Split', ['x', 'p'], ['y', 'z'], { axis: 1 })],
    initializers: [int64s('p', [2], [3, 1])],
    names: ['y', 'z'],
  },
  'Split-13 in equal parts': { opset: 17, nodes: [node('Split', ['x'], ['y', 'z'], { axis: 1 })], names: ['y', 'z'] },
  'ReduceSum-11': { opset: 11, nodes: [node('ReduceSum', ['x'], ['y'], { axes: [2, -1], keepdims: 0 })] },
  'ReduceSum-11 of all': { opset: 11, nodes: [node('ReduceSum', ['x'], ['y'], { keepdims: 0 })] },
  'BatchNormalization-9': {
    opset: 11,
    nodes: [
      node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'], {
        epsilon: float(1e-3),
        momentum: float(0.9),
      }),
    ],
    initializers: [
      floats('g', [4], [1, 2, 0.5, -1]),
      floats('b', [4], [0, 1, 2, 3]),
      floats('m', [4], [0.1, 0, 0.3, -1]),
      floats('v', [4], [1, 2, 0.25, 4]),
    ],
  },
  'Dropout-10': { opset: 11, nodes: [node('Dropout', ['x'], ['y'], { ratio: float(0.5) })] },
  'Dropout-13, not training': {
    opset: 13,
    nodes: [
      node('Constant', [], ['t'], { value: { type: 4, t: { dataType: OnnxType.BOOL, dims: [], int32Data: [0] } } }),
      node('Dropout', ['x', 'r', 't'], ['y']),
    ],
    initializers: [floats('r', [], [0.3])],
  },
  'GroupNormalization-18': {
    opset: 18,
    nodes: [node('GroupNormalization', ['x', 'g', 'b'], ['y'], { num_groups: 2, epsilon: float(1e-3) })],
    initializers: [floats('g', [2], [1.5, -0.5]), floats('b', [2], [0.25, 1])],
  },
  'GridSample-16': {
    opset: 16,
    nodes: [node('GridSample', ['x', 'g'], ['y'], { mode: 'bicubic', align_corners: 1 })],
    initializers: [floats('g', [1, 2, 2, 2], [-1, 0.3, 0.2, 0.9, -0.4, -0.6, 1, 0])],
  },
  'GridSample-16, default': {
    opset: 16,
    nodes: [node('GridSample', ['x', 'g'], ['y'])],
    initializers: [floats('g', [1, 2, 2, 2], [-1, 0.3, 0.2, 0.9, -0.4, -0.6, 1, 0])],
  },
  'RoiAlign-10': {
    opset: 11,
    nodes: [node('RoiAlign', ['x', 'r', 'i'], ['y'], { output_height: 2, output_width: 2, sampling_ratio: 2 })],
    initializers: [floats('r', [1, 4], [0.2, 0.3, 2.4, 1.9]), int64s('i', [1], [0])],
  },
  'DFT-17': { opset: 17, shape: [1, 6, 4, 1], nodes: [node('DFT', ['x'], ['y'])] },
  'DFT-17 over axis 2': { opset: 17, shape: [1, 6, 4, 1], nodes: [node('DFT', ['x'], ['y'], { axis: 2 })] },
  'Scatter-9': {
    opset: 9,
    nodes: [node('Scatter', ['x', 'i', 'u'], ['y'], { axis: 1 })],
    initializers: [int64s('i', [1, 1, 1, 2], [2, 0]), floats('u', [1, 1, 1, 2], [9, 8])],
  },
  'constants of every form': {
    opset: 13,
    nodes: [
      node('Constant', [], ['a'], { value_float: float(0.5) }),
      node('Constant', [], ['b'], { value_floats: { type: 6, floats: [1, 2, 3, 4, 5] } }),
      node('Constant', [], ['k'], { value_int: 3 }),
      node('Constant', [], ['axes'], { value_ints: [-1] }),
      node('Cast', ['k'], ['kf'], { to: OnnxType.FLOAT }),
      node('Mul', ['x', 'a'], ['xa']),
      node('Mul', ['xa', 'b'], ['xab']),
      node('Add', ['xab', 'kf'], ['s']),
      node('ReduceSum', ['s', 'axes'], ['y']),
    ],
  },
  'com.microsoft Gelu': {
    opset: 17,
    imports: { 'com.microsoft': 1 },
    nodes: [node('Gelu', ['x'], ['y'], {}, 'com.microsoft')],
  },
  'com.microsoft BiasGelu': {
    opset: 17,
    imports: { 'com.microsoft': 1 },
    nodes: [node('BiasGelu', ['x', 'b'], ['y'], {}, 'com.microsoft')],
    initializers: [floats('b', [5], [1, 0, -1, 0.5, 2])],
  },
  'com.microsoft FastGelu': {
    opset: 17,
    imports: { 'com.microsoft': 1 },
    nodes: [node('FastGelu', ['x', 'b'], ['y'], {}, 'com.microsoft')],
    initializers: [floats('b', [5], [1, 0, -1, 0.5, 2])],
  },
  'com.microsoft QuickGelu': {
    opset: 17,
    imports: { 'com.microsoft': 1 },
    nodes: [node('QuickGelu', ['x'], ['y'], { alpha: float(1.3) }, 'com.microsoft')],
  },
}
for (const op of [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
]) {
  cases[`${op}-13`] = { opset: 13, nodes: [node(op, ['x'], ['y'], { axes: [1, 3], keepdims: 0 })] }
}
cases['ReduceLogSum-13'] = {
  opset: 13,
  nodes: [node('Abs', ['x'], ['a']), node('ReduceLogSum', ['a'], ['y'], { axes: [2] })],
}

describe('a file of an older operator set and what it is read as', () => {
  it.each(Object.entries(cases))(
    'agree: %s',
    async (_name, { shape = [1, 4, 3, 5], names = ['y'], tolerance, ...init }) => {
      const file = modelFile({
        inputs: [value('x', shape)],
        outputs: names.map((name) => value(name, undefined)),
        ...init,
      })
      const feeds = { x: ramp(shape) }
      const reference = await outputs(file, feeds)
      const shapes = Object.fromEntries(
        names.map((name) => [name, reference[name]!.dims.length === 0 ? [] : [...reference[name]!.dims]]),
      )
      await expectSame(file, feeds, shapes, tolerance)
    },
  )
})

describe('functions of the model', () => {
  const axes: AttributeInit = { type: AttributeType.INTS, ints: [-1n] }
  const body: FunctionInit = {
    name: 'centred',
    domain: 'pkg.custom',
    input: ['v', 'shift'],
    output: ['r'],
    attribute: ['axes'],
    opsetImport: [{ domain: '', version: 17n }],
    node: [
      {
        opType: 'ReduceMean',
        input: ['v'],
        output: ['m'],
        attribute: [{ name: 'axes', refAttrName: 'axes', type: AttributeType.INTS }],
      },
      { opType: 'Sub', input: ['v', 'm'], output: ['d'] },
      { opType: 'Add', input: ['d', 'shift'], output: ['r'] },
    ],
  }

  it('do inlined what they do called', async () => {
    const file = modelFile({
      opset: 17,
      imports: { 'pkg.custom': 1 },
      inputs: [value('x', [2, 3, 4])],
      outputs: [value('y', [2, 3, 4])],
      functions: [body],
      initializers: [floats('s', [4], [1, 2, 3, 4])],
      nodes: [
        node('centred', ['x', 's'], ['c'], { axes }, 'pkg.custom'),
        node('Exp', ['c'], ['m']),
        node('centred', ['m', 'x'], ['y'], { axes: [0, 2] }, 'pkg.custom'),
      ],
    })
    await expectSame(file, { x: ramp([2, 3, 4]) })
  })
})

/** A small decoder and encoder in the style of an autoencoder's: convolution, normalization, attention, resize. */
const convolution = (b: Builder, x: Value, channels: number, name: string, strides = 1): Value => {
  const [, inside = 0] = x.shape
  const values = Array.from(
    { length: channels * inside * 9 },
    (_, i) => Math.sin(78.233 * (i + 1)) / Math.sqrt(9 * inside),
  )
  const weight = b.initializer(name, {
    dtype: 'float32',
    shape: [channels, inside, 3, 3],
    storage: { bytes: encodeNumbers('float32', values) },
  })
  return b.emit('Conv', [x, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [strides, strides] })
}

function normalised(b: Builder, x: Value): Value {
  const [, channels = 0] = x.shape
  const grouped = b.emit('Reshape', [x, b.indices([0, 2, -1])])
  const normal = b.emit('InstanceNormalization', [
    grouped,
    b.constant('float32', [2], [1, 1]),
    b.constant('float32', [2], [0, 0]),
  ])
  const scale = b.constant(
    'float32',
    [channels, 1, 1],
    Array.from({ length: channels }, (_, i) => 1 + i / 10),
  )
  return b.emit('Mul', [b.emit('Reshape', [normal, b.indices(x.shape)]), scale])
}

function attended(b: Builder, x: Value): Value {
  const [, channels = 0, height = 0, width = 0] = x.shape
  const tokens = b.emit('Transpose', [b.emit('Reshape', [x, b.indices([1, channels, height * width])])], {
    perm: [0, 2, 1],
  })
  const scores = b.emit('MatMul', [tokens, b.emit('Transpose', [tokens], { perm: [0, 2, 1] })])
  const mixed = b.emit('MatMul', [b.emit('Softmax', [b.emit('Mul', [scores, b.scalar('float32', 0.1)])]), tokens])
  return b.emit('Reshape', [b.emit('Transpose', [mixed], { perm: [0, 2, 1] }), b.indices(x.shape)])
}

function decoder(): Graph {
  const b = builder()
  const z = b.input('latent', 'float32', [1, 4, 4, 4])
  const hidden = attended(b, normalised(b, convolution(b, z, 8, 'in')))
  const large = b.emit('Resize', [b.emit('Sigmoid', [hidden]), undefined, b.constant('float32', [4], [1, 1, 2, 2])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
  b.output(convolution(b, large, 3, 'out'), 'image')
  return b.finish('decoder')
}

function encoder(): Graph {
  const b = builder()
  const x = b.input('image', 'float32', [1, 3, 8, 8])
  b.output(convolution(b, b.emit('Tanh', [convolution(b, x, 8, 'in', 2)]), 4, 'out'), 'latent')
  return b.finish('encoder')
}

describe('compose', () => {
  it('runs one graph after the other', async () => {
    const latent = ramp([1, 4, 4, 4])
    const { image } = await outputs(encodeOnnx(decoder()), { latent })
    const fed = new Tensor('float32', Float32Array.from(image!.data), image!.dims)
    const { latent: again } = await outputs(encodeOnnx(encoder()), { image: fed })
    const both = compose(decoder(), encoder(), { image: 'image' }, { keep: ['image'] })
    const results = await outputs(encodeOnnx(both), { latent })
    expect(Object.values(results)).toEqual([image, again])
  })
})

describe('half', () => {
  /** Of the largest number: twenty operators that each round to 2⁻¹¹, twice over for sums that cancel. */
  const HALF_NETWORK = 2e-2

  const distance = async (small: Graph, large: Graph, name: string, feeds: Feeds) => {
    const [a, b] = [await outputs(encodeOnnx(small), feeds), await outputs(encodeOnnx(large), feeds)]
    expect(a[name]!.dims).toEqual(b[name]!.dims)
    const largest = Math.max(...b[name]!.data.map(Math.abs))
    return Math.max(...a[name]!.data.map((number, i) => Math.abs(number - b[name]!.data[i]!))) / largest
  }

  it('computes nearly the same, and not the same', async () => {
    const error = await distance(half(decoder()), decoder(), 'image', { latent: ramp([1, 4, 4, 4]) })
    expect(error).toBeLessThan(HALF_NETWORK)
    expect(error).toBeGreaterThan(1e-5)
  })

  it('is what the file says: of a composed graph and of its gradient', async () => {
    const feeds = { latent: ramp([1, 4, 4, 4]) }
    const both = compose(decoder(), encoder(), { image: 'image' }, { keep: ['image'] })
    expect(await distance(half(both), both, 'encoder/latent', feeds)).toBeLessThan(HALF_NETWORK)
    const gradient = vjp(decoder(), { outputs: ['image'], wrt: ['latent'] })
    const cotangent = { ...feeds, 'cotangent.image': ramp([1, 3, 8, 8]) }
    expect(await distance(half(gradient), gradient, 'gradient.latent', cotangent)).toBeLessThan(HALF_NETWORK)
  })

  it('keeps operators in single precision without a trace of half between', async () => {
    const all = new Set(decoder().nodes.map(({ op }) => op))
    expect(
      await distance(half(decoder(), { keep: [...all] }), decoder(), 'image', { latent: ramp([1, 4, 4, 4]) }),
    ).toBe(0)
  })

  it('runs weights stored in 16 bits as they are', async () => {
    const b = builder()
    const x = b.input('x', 'float32', [4])
    const bits = [0x3c00, 0x3555, 0xc000, 0x0001]
    const bytes = new Uint8Array(Uint16Array.from(bits).buffer)
    const narrow = b.initializer('w', { dtype: 'float16', shape: [4], storage: { bytes } })
    b.output(b.emit('Mul', [x, b.emit('Cast', [narrow], { to: OnnxType.FLOAT })]), 'y')
    const { y } = await outputs(encodeOnnx(half(b.finish('g'))), { x: new Tensor('float32', [1, 1, 1, 1], [4]) })
    expect(y!.data).toEqual([1, 0.333251953125, -2, 2 ** -24])
  })
})
