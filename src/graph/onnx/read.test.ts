import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { TypeProtoSchema } from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import {
  AttributeType,
  attribute,
  type Dimension,
  float,
  floats,
  int64s,
  type ModelInit,
  modelFile,
  node,
  OnnxType,
  type TensorInit,
  value,
} from '../../../test/onnx-files.js'
import { type ErrorCode, isUndiffuseError } from '../../core/errors.js'
import { decodeOnnx } from './read.js'

const simple: ModelInit = {
  opset: 17,
  inputs: [value('x', [1, 4])],
  outputs: [value('y', [1, 4])],
  nodes: [node('Mul', ['x', 'w'], ['y'])],
  initializers: [floats('w', [4], [1, 2, 3, 4])],
}
const file = (changes: Partial<ModelInit>) => modelFile({ ...simple, ...changes })

/** The code and the words of the error that reading ends in. */
function failure(bytes: Uint8Array, options?: Parameters<typeof decodeOnnx>[1]): { code: ErrorCode; message: string } {
  try {
    decodeOnnx(bytes, options)
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    expect(error.message).not.toContain('\n')
    return { code: error.code, message: error.message }
  }
  throw new Error('Expected an error, got a graph.')
}

const weight = (tensor: TensorInit) =>
  decodeOnnx(file({ initializers: [{ ...tensor, name: 'w' }] }), {
    resolve: (location) => `models/${location}`,
  }).initializers.get('w')!
const bytesOfWeight = (tensor: TensorInit) => {
  const { storage } = weight(tensor)
  return 'bytes' in storage ? [...storage.bytes] : storage
}
const littleEndian = (view: ArrayBufferView) => [...new Uint8Array(view.buffer)]

describe('weights', () => {
  const dims = [2n]
  it.each<[string, TensorInit, ArrayBufferView]>([
    ['float_data', { dataType: OnnxType.FLOAT, dims, floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
    ['double_data', { dataType: OnnxType.DOUBLE, dims, doubleData: [1e300, 2] }, Float64Array.of(1e300, 2)],
    ['int64_data', { dataType: OnnxType.INT64, dims, int64Data: [-1n, 2n ** 62n] }, BigInt64Array.of(-1n, 2n ** 62n)],
    [
      'uint64_data as uint64',
      { dataType: OnnxType.UINT64, dims, uint64Data: [1n, 2n ** 63n] },
      BigUint64Array.of(1n, 2n ** 63n),
    ],
    [
      'uint64_data as uint32',
      { dataType: OnnxType.UINT32, dims, uint64Data: [1n, 2n ** 32n - 1n] },
      Uint32Array.of(1, 2 ** 32 - 1),
    ],
    ['int32_data as int32', { dataType: OnnxType.INT32, dims, int32Data: [-5, 7] }, Int32Array.of(-5, 7)],
    ['int32_data as int16', { dataType: OnnxType.INT16, dims, int32Data: [-5, 7] }, Int16Array.of(-5, 7)],
    ['int32_data as int8', { dataType: OnnxType.INT8, dims, int32Data: [-5, 7] }, Int8Array.of(-5, 7)],
    ['int32_data as uint16', { dataType: OnnxType.UINT16, dims, int32Data: [65535, 7] }, Uint16Array.of(65535, 7)],
    ['int32_data as uint8', { dataType: OnnxType.UINT8, dims, int32Data: [255, 7] }, Uint8Array.of(255, 7)],
    ['int32_data as bool', { dataType: OnnxType.BOOL, dims, int32Data: [1, 0] }, Uint8Array.of(1, 0)],
    [
      'int32_data as bits of float16',
      { dataType: OnnxType.FLOAT16, dims, int32Data: [0x3c00, 0xc000] },
      Uint16Array.of(0x3c00, 0xc000),
    ],
    [
      'int32_data as bits of bfloat16',
      { dataType: OnnxType.BFLOAT16, dims, int32Data: [0x3f80, 0x8000] },
      Uint16Array.of(0x3f80, 0x8000),
    ],
    [
      'raw_data',
      { dataType: OnnxType.FLOAT, dims, rawData: new Uint8Array(Float32Array.of(3, 4).buffer) },
      Float32Array.of(3, 4),
    ],
  ])('are read from %s', (_name, tensor, numbers) => {
    expect(bytesOfWeight(tensor)).toEqual(littleEndian(numbers))
  })

  it('may be empty or scalar', () => {
    expect(weight({ dataType: OnnxType.FLOAT, dims: [0n, 7n] })).toMatchObject({ shape: [0, 7] })
    expect(bytesOfWeight({ dataType: OnnxType.INT32, floatData: [], int32Data: [9] })).toEqual(
      littleEndian(Int32Array.of(9)),
    )
  })

  it('stay in other files', () => {
    const external = (entries: Record<string, string>): TensorInit => ({
      dataType: OnnxType.FLOAT16,
      dims: [2n, 3n],
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, text]) => ({ key, value: text })),
    })
    expect(bytesOfWeight(external({ location: 'vae/weights.pb', offset: '4096', length: '12' }))).toEqual({
      file: 'models/vae/weights.pb',
      offset: 4096,
      length: 12,
    })
    expect(bytesOfWeight(external({ location: 'w' }))).toEqual({ file: 'models/w', offset: 0, length: 12 })
    for (const location of [
      '../w',
      'a/../../w',
      '/etc/passwd',
      'C:\\w',
      '\\\\host\\w',
      'a\\..\\w',
      '',
      '*/_ORT_MEM_ADDR_/*',
      'a\0b',
    ]) {
      const found = failure(file({ initializers: [{ ...external({ location }), name: 'w' }] }), {
        resolve: (name) => name,
      })
      expect(found).toMatchObject({ code: 'bad-model', message: expect.stringContaining('`w`') })
    }
    for (const entries of [
      { length: '13' },
      { offset: '-1' },
      { offset: '1e3' },
      { offset: '99999999999999999999' },
      { length: 'many' },
    ]) {
      const found = failure(file({ initializers: [{ ...external({ location: 'w', ...entries }), name: 'w' }] }), {
        resolve: (name) => name,
      })
      expect(found.code).toBe('bad-model')
    }
    expect(failure(file({ initializers: [{ ...external({ location: 'w' }), name: 'w' }] }))).toMatchObject({
      code: 'bad-option',
    })
  })

  it('have as many numbers as their shape says', () => {
    const bad: TensorInit[] = [
      { dataType: OnnxType.FLOAT, dims: [3n], floatData: [1, 2] },
      { dataType: OnnxType.FLOAT, dims: [3n], rawData: new Uint8Array(8) },
      { dataType: OnnxType.FLOAT, dims: [3n] },
      { dataType: OnnxType.FLOAT, dims: [-2n], floatData: [1, 2] },
      { dataType: OnnxType.FLOAT, dims: [-1n, -2n], floatData: [1, 2] },
      { dataType: OnnxType.FLOAT, dims: [2n ** 40n, 2n ** 40n], floatData: [1] },
      { dataType: OnnxType.FLOAT, dims: [2n ** 62n], floatData: [1] },
      { dataType: OnnxType.INT64, dims: [1n], floatData: [1] },
      { dataType: OnnxType.UNDEFINED, dims: [1n], floatData: [1] },
      { dataType: 77, dims: [1n], floatData: [1] },
    ]
    for (const tensor of bad) {
      expect(failure(file({ initializers: [{ ...tensor, name: 'w' }] }))).toMatchObject({
        code: 'bad-model',
        message: expect.stringContaining('`w`'),
      })
    }
  })

  it('of types that graphs do not have are refused by name', () => {
    for (const [dataType, name] of [
      [OnnxType.STRING, 'string'],
      [OnnxType.COMPLEX64, 'complex64'],
      [OnnxType.INT4, 'int4'],
      [OnnxType.FLOAT8E4M3FN, 'float8e4m3fn'],
    ] as const) {
      expect(failure(file({ initializers: [{ name: 'w', dataType, dims: [4n] }] }))).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(name),
      })
    }
    expect(failure(file({ more: { sparseInitializer: [{ values: floats('s', [1], [1]), dims: [4n] }] } })).code).toBe(
      'unsupported',
    )
  })

  it('listed among the inputs, as old files do, are no inputs', () => {
    const graph = decodeOnnx(file({ inputs: [value('x', [1, 4]), value('w', ['unknown'])], irVersion: 3 }))
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x'])
  })

  it('come from constants of every form', () => {
    const graph = decodeOnnx(
      file({
        initializers: [],
        nodes: [
          node('Constant', [], ['w'], { value_floats: { type: AttributeType.FLOATS, floats: [1, 2, 3, 4] } }),
          node('Constant', [], ['k'], { value_int: 7 }),
          node(
            'Constant',
            [],
            ['t'],
            { value: { type: AttributeType.TENSOR, t: int64s('other', [1], [5]) } },
            'ai.onnx',
          ),
          node('Mul', ['x', 'w'], ['y']),
        ],
      }),
    )
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Mul'])
    expect(graph.initializers.get('w')).toMatchObject({ dtype: 'float32', shape: [4] })
    expect(graph.initializers.get('k')).toEqual({
      dtype: 'int64',
      shape: [],
      storage: { bytes: new Uint8Array(BigInt64Array.of(7n).buffer) },
    })
    expect(graph.initializers.get('t')).toMatchObject({ dtype: 'int64', shape: [1] })
    const words = node('Constant', [], ['w'], { value_string: 'a' })
    expect(failure(file({ nodes: [words, ...simple.nodes], initializers: [] }))).toMatchObject({ code: 'unsupported' })
  })
})

describe('symbolic dimensions', () => {
  const symbolic = (...dims: readonly (readonly Dimension[] | undefined)[]) =>
    file({
      inputs: dims.map((d, i) => value(`x${i}`, d)),
      nodes: [node('Relu', ['x0'], ['y'])],
      outputs: [value('y', ['any', 'thing'])],
    })
  const shapesOf = (bytes: Uint8Array, shapes = {}) => decodeOnnx(bytes, { shapes }).inputs.map(({ shape }) => shape)

  it('have the sizes they are given, by their names or by inputs', () => {
    const bytes = symbolic(['batch_size', 4, 'height', 'width'], ['height', 2])
    expect(shapesOf(bytes, { height: 8, width: 16 })).toEqual([
      [1, 4, 8, 16],
      [8, 2],
    ])
    expect(shapesOf(bytes, { x0: [3, 4, 8, 16] })).toEqual([
      [3, 4, 8, 16],
      [8, 2],
    ])
    expect(shapesOf(symbolic(undefined), { x0: [2, 3] })).toEqual([[2, 3]])
    expect(shapesOf(symbolic([null, 4]), { x0: [2, 4] })).toEqual([[2, 4]])
  })

  it('named like a batch are 1, on the first axis only', () => {
    expect(shapesOf(symbolic(['N', 4]))).toEqual([[1, 4]])
    expect(shapesOf(symbolic(['decoder_batch', 4]), { decoder_batch: 2 })).toEqual([[2, 4]])
    expect(failure(symbolic([4, 'batch']))).toMatchObject({
      code: 'bad-shape',
      message: expect.stringContaining('dimension 1 (`batch`)'),
    })
  })

  it('without a size are named, with the way to give one', () => {
    const found = failure(symbolic(['batch', 4, 'height', 'width']), { shapes: { height: 8 } })
    expect(found.code).toBe('bad-shape')
    expect(found.message).toContain('dimension 3 (`width`) for input `x0`')
    expect(found.message).toContain("shapes: { 'width': 64 }")
    expect(failure(symbolic(undefined)).message).toContain('input `x0`')
    expect(failure(symbolic([null])).message).toContain("shapes: { 'x0': [64] }")
  })

  it('cannot have two sizes, nor contradict the file', () => {
    const bytes = symbolic(['height', 4], ['height'])
    for (const shapes of [
      { x0: [8, 4], height: 9 },
      { x0: [8, 4], x1: [9] },
      { x0: [8, 5] },
      { x0: [8] },
      { height: 0 },
      { height: 1.5 },
    ]) {
      expect(failure(bytes, { shapes }).code).toBe('bad-shape')
    }
  })

  it('that the model does not have are an error, whatever their name', () => {
    for (const shapes of [{ heigth: 8 }, { x9: [1, 4] }, { constructor: 3 }]) {
      expect(failure(symbolic(['height', 4]), { shapes: { height: 8, ...shapes } }).code).toBe('bad-option')
    }
  })

  it('of outputs follow from the operators, not from their names', () => {
    const bytes = file({
      inputs: [value('x', ['height', 4])],
      nodes: [node('Concat', ['x', 'x'], ['y'], { axis: 0 })],
      outputs: [value('y', ['height', 4])],
    })
    expect(decodeOnnx(bytes, { shapes: { height: 3 } }).outputs).toEqual([
      { name: 'y', dtype: 'float32', shape: [6, 4] },
    ])
    const dependent = file({
      inputs: [value('x', [1, 4]), value('s', [2], OnnxType.INT64)],
      nodes: [node('Reshape', ['x', 's'], ['y'])],
      outputs: [value('y', ['a', 'b'])],
    })
    expect(failure(dependent)).toMatchObject({ code: 'bad-model', message: expect.stringContaining('Reshape') })
    expect(decodeOnnx(dependent, { shapes: { y: [2, 2] } }).outputs[0]!.shape).toEqual([2, 2])
  })
})

describe('functions of the model', () => {
  const body = {
    name: 'scaled',
    domain: 'pkg.custom',
    input: ['a', 'b'],
    output: ['r', 'a'],
    attribute: ['axis'],
    attributeProto: [attribute('alpha', float(2))],
    opsetImport: [{ domain: '', version: 11n }],
    node: [
      {
        opType: 'LeakyRelu',
        input: ['a'],
        output: ['t'],
        attribute: [{ name: 'alpha', refAttrName: 'alpha', type: AttributeType.FLOAT }],
      },
      {
        opType: 'Squeeze',
        name: 's',
        input: ['t'],
        output: ['r'],
        attribute: [{ name: 'axes', refAttrName: 'axis', type: AttributeType.INTS }],
      },
    ],
  }
  const call = (output: string, attributes = {}) =>
    node('scaled', ['x', ''], [output, `${output}_copy`], attributes, 'pkg.custom')

  it('are replaced by their bodies, in the operator set of the body', () => {
    const graph = decodeOnnx(
      file({
        functions: [body],
        initializers: [],
        imports: { 'pkg.custom': 1 },
        nodes: [call('p', { axis: [0] }), call('y', { alpha: float(0.5) })],
      }),
    )
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      'LeakyRelu',
      'Squeeze',
      'Identity',
      'LeakyRelu',
      'Squeeze',
      'Identity',
    ])
    const [first, squeeze, copy, second, squeezeAll] = graph.nodes
    expect([first!.attributes.alpha, second!.attributes.alpha]).toEqual([
      { type: 'float', value: 2 },
      { type: 'float', value: 0.5 },
    ])
    expect(first!.outputs[0]).not.toBe(second!.outputs[0])
    // Squeeze of set 11 has its axes as an attribute; the model itself is of set 17.
    expect(graph.initializers.get(squeeze!.inputs[1]!)).toMatchObject({ dtype: 'int64', shape: [1] })
    expect(squeezeAll!.inputs).toHaveLength(1)
    expect(copy).toMatchObject({ inputs: ['x'], outputs: ['p_copy'] })
    expect(graph.nodes.at(-2)!.outputs).toEqual(['y'])
    expect(new Set(graph.nodes.map(({ name }) => name)).size).toBe(graph.nodes.length)
  })

  it('call other functions', () => {
    const outer = {
      name: 'outer',
      domain: 'pkg.custom',
      input: ['i'],
      output: ['o'],
      node: [{ opType: 'scaled', domain: 'pkg.custom', input: ['i'], output: ['o'] }],
    }
    const graph = decodeOnnx(
      file({ functions: [outer, body], initializers: [], nodes: [node('outer', ['x'], ['y'], {}, 'pkg.custom')] }),
    )
    expect(graph.nodes.map(({ op }) => op)).toEqual(['LeakyRelu', 'Squeeze'])
  })

  it('that call themselves, or one another without end, are refused', () => {
    const recursive = {
      name: 'f',
      domain: 'd',
      input: ['i'],
      output: ['o'],
      node: [{ opType: 'f', domain: 'd', input: ['i'], output: ['o'] }],
    }
    expect(failure(file({ functions: [recursive], nodes: [node('f', ['x'], ['y'], {}, 'd')] })).code).toBe('bad-model')
    const doubling = Array.from({ length: 40 }, (_, i) => ({
      name: `f${i}`,
      domain: 'd',
      input: ['i'],
      output: ['o'],
      node: [0, 1].map((k) => ({ opType: `f${i + 1}`, domain: 'd', input: ['i'], output: [k ? 'o' : 'p'] })),
    }))
    const last = { name: 'f40', domain: 'd', input: ['i'], output: ['o'], node: [] }
    expect(failure(file({ functions: [...doubling, last], nodes: [node('f0', ['x'], ['y'], {}, 'd')] })).code).toBe(
      'bad-model',
    )
  })
})

describe('files that are not what they should be', () => {
  it('end in one line of bad-model, wherever they are cut', () => {
    const whole = modelFile({
      ...simple,
      nodes: [node('Softmax', ['x'], ['s'], { axis: 1 }), node('Mul', ['s', 'w'], ['y'])],
    })
    for (let length = 0; length < whole.length; length++) {
      expect(failure(whole.subarray(0, length)).code).toBe('bad-model')
    }
    expect(decodeOnnx(whole).nodes).toHaveLength(2)
  })

  it('never end in anything but our own error, whatever byte is wrong', () => {
    const whole = modelFile(simple)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const bytes = whole.slice()
        bytes[at] = byte
        try {
          decodeOnnx(bytes)
        } catch (error) {
          expect(isUndiffuseError(error)).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['bad-model', 'unsupported', 'bad-shape']).toContain(failure(bytes).code)
      }),
    )
  })

  it.each<[string, Partial<ModelInit>, string]>([
    [
      'a cycle',
      { nodes: [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['b'], ['y'])] },
      '`b`',
    ],
    ['a node that reads its own result', { nodes: [node('Add', ['x', 'y'], ['y'])] }, '`y`'],
    ['an unknown name', { nodes: [node('Neg', ['nothing'], ['y'])] }, '`nothing`'],
    ['a value made twice', { nodes: [node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])] }, '`y`'],
    ['a node that makes an input', { nodes: [node('Neg', ['x'], ['x']), node('Neg', ['x'], ['y'])] }, '`x`'],
    ['a node that makes a weight', { nodes: [node('Neg', ['x'], ['w']), node('Neg', ['x'], ['y'])] }, '`w`'],
    ['an output nobody makes', { nodes: [node('Neg', ['x'], ['z'])] }, '`y`'],
    ['two weights of one name', { initializers: [floats('w', [1], [1]), floats('w', [1], [2])] }, '`w`'],
    ['a negative size', { inputs: [value('x', [-3])] }, '`x`'],
    ['an attribute without a type', { nodes: [node('Neg', ['x'], ['y'], { a: { i: 1n } })] }, '`a`'],
    [
      'text that is no text',
      { nodes: [node('Neg', ['x'], ['y'], { a: { type: AttributeType.STRING, s: Uint8Array.of(0xff) } })] },
      '`a`',
    ],
  ])('are bad models: %s', (_name, changes, named) => {
    expect(failure(file(changes))).toMatchObject({ code: 'bad-model', message: expect.stringContaining(named) })
  })

  it('write nothing to a terminal but printable text of one line', () => {
    const hostile = `\u001b[31mred\r\n\u2028\u202e${'x'.repeat(1e6)}`
    const { code, message } = failure(file({ nodes: [node('Neg', [hostile], ['y'])] }))
    expect(code).toBe('bad-model')
    expect(message).toMatch(/^[\P{C}]+$/u)
    expect(message).toContain('red')
    expect(message.length).toBeLessThan(500)
  })

  it('are unsupported by operator and node: control flow', () => {
    const branch = {
      type: AttributeType.GRAPH,
      g: { name: 'then', node: [node('Neg', ['x'], ['n'])], output: [value('n', [1])] },
    }
    const found = failure(file({ nodes: [node('If', ['x'], ['y'], { then_branch: branch, else_branch: branch })] }))
    expect(found).toMatchObject({ code: 'unsupported', message: expect.stringContaining('If (node `node_y`)') })
    const scan = failure(file({ nodes: [node('Scan', ['x'], ['y'], { body: branch })] }))
    expect(scan.message).toContain('Scan (node `node_y`)')
  })

  it('are unsupported by operator and node: operators of other makers', () => {
    const found = failure(file({ nodes: [node('Magic', ['x'], ['y'], {}, 'org.example')] }))
    expect(found).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('org.example.Magic (node `node_y`)'),
    })
  })

  it('are unsupported by what they are: inputs that are no tensors', () => {
    const sequence = value('x', [1])
    sequence.type = create(TypeProtoSchema, { value: { case: 'sequenceType', value: {} } })
    expect(failure(file({ inputs: [sequence] }))).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('`x`'),
    })
  })
})
