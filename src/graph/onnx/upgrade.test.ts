/** Which forms are rewritten to what, and which are refused. That the numbers agree is tested in test/graph-onnx.test.ts. */
import { describe, expect, it } from 'vitest'
import {
  AttributeType,
  float,
  floats,
  type ModelInit,
  modelFile,
  node,
  OnnxType,
  value,
} from '../../../test/onnx-files.js'
import { isUndiffuseError } from '../../core/errors.js'
import { smallNumbers } from '../numbers.js'
import { decodeOnnx } from './read.js'

const read = (opset: number, nodes: ModelInit['nodes'], more: Partial<ModelInit> = {}) =>
  decodeOnnx(modelFile({ opset, inputs: [value('x', [1, 4, 3, 5])], outputs: [value('y', [1])], nodes, ...more }))
type Read = ReturnType<typeof read>

/** The nodes as `Op(inputs) → outputs`, with the numbers of constant inputs. */
const written = (graph: Read) =>
  graph.nodes.map(({ op, inputs, outputs }) => {
    const shown = inputs.map((name) => {
      const constant = graph.initializers.get(name)
      return constant ? `[${smallNumbers(constant)}]` : name
    })
    return `${op}(${shown.join(', ')}) → ${outputs.join(', ')}`
  })

function failure(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    if (isUndiffuseError(error) && error.code === 'unsupported') return error.message
    throw error
  }
  throw new Error('Expected an error.')
}

describe('attributes that became inputs', () => {
  it('are constants of int64', () => {
    expect(written(read(11, [node('Unsqueeze', ['x'], ['y'], { axes: [0] })]))).toEqual(['Unsqueeze(x, [0]) → y'])
    expect(written(read(17, [node('ReduceMean', ['x'], ['y'], { axes: [2, 3], keepdims: 1 })]))).toEqual([
      'ReduceMean(x, [2,3]) → y',
    ])
    expect(written(read(9, [node('Slice', ['x'], ['y'], { starts: [1], ends: [3], axes: [2] })]))).toEqual([
      'Slice(x, [1], [3], [2]) → y',
    ])
    expect(written(read(9, [node('Clip', ['x'], ['y'], { max: float(6) })]))).toEqual(['Clip(x, , [6]) → y'])
  })

  it('leave the other attributes as they are', () => {
    const [mean] = read(17, [node('ReduceMean', ['x'], ['y'], { axes: [2], keepdims: 0 })]).nodes
    expect(mean!.attributes).toEqual({ keepdims: { type: 'int', value: 0 } })
    const [pad] = read(9, [node('Pad', ['x'], ['y'], { pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: 'edge' })]).nodes
    expect(pad!.attributes).toEqual({ mode: { type: 'string', value: 'edge' } })
  })

  it('end at 2⁶³ − 1 where a slice goes to the end', () => {
    const toTheEnd = { type: AttributeType.INTS, ints: [2n ** 63n - 1n] }
    const graph = read(9, [node('Slice', ['x'], ['y'], { starts: [1], ends: toTheEnd, axes: [3] })])
    const { storage } = graph.initializers.get(graph.nodes[0]!.inputs[2]!)!
    expect('bytes' in storage && new DataView(storage.bytes.buffer).getBigInt64(0, true)).toBe(2n ** 63n - 1n)
  })
})

describe('forms that are current', () => {
  it.each<[number, string, string[], object]>([
    [13, 'Softmax', ['x'], { axis: 1 }],
    [13, 'ReduceSum', ['x', 'i'], {}],
    [18, 'ReduceMean', ['x', 'i'], {}],
    [13, 'Squeeze', ['x', 'i'], {}],
    [18, 'Split', ['x'], { num_outputs: 1 }],
    [11, 'Clip', ['x'], {}],
    [11, 'Pad', ['x', 'i'], { mode: 'edge' }],
    [21, 'GroupNormalization', ['x', 'w', 'w'], { num_groups: 2 }],
    [14, 'BatchNormalization', ['x', 'w', 'w', 'w', 'w'], {}],
  ])('stay as they are: set %i %s', (opset, op, inputs, attributes) => {
    const initializers = [
      { name: 'i', dataType: OnnxType.INT64, dims: [8n], int64Data: [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n] },
      floats('w', [4], [1, 1, 1, 1]),
    ]
    const graph = read(opset, [node(op, inputs, ['y'], attributes as Record<string, number>)], { initializers })
    expect(graph.nodes).toHaveLength(1)
    expect(graph.nodes[0]).toMatchObject({ op, inputs })
    expect(Object.keys(graph.nodes[0]!.attributes)).toEqual(Object.keys(attributes))
    expect(graph.initializers.size).toBe(2)
  })
})

describe('softmax before set 13', () => {
  it('is the new one over the last axis where the axis is the last', () => {
    expect(written(read(11, [node('Softmax', ['x'], ['y'], { axis: 3 })]))).toEqual(['Softmax(x) → y'])
    expect(written(read(11, [node('Softmax', ['x'], ['y'], { axis: -1 })]))).toEqual(['Softmax(x) → y'])
    expect(read(11, [node('Softmax', ['x'], ['y'], { axis: 3 })]).nodes[0]!.attributes.axis).toEqual({
      type: 'int',
      value: -1,
    })
  })

  it('takes the axes from its own on as one', () => {
    const graph = read(11, [node('Softmax', ['x'], ['y'])])
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Flatten', 'Softmax', 'Shape', 'Reshape'])
    expect(graph.nodes[0]!.attributes.axis).toEqual({ type: 'int', value: 1 })
    expect(graph.nodes.at(-1)!.outputs).toEqual(['y'])
  })
})

describe('resize', () => {
  it('of set 10 is asymmetric and rounds down', () => {
    const [resize] = read(10, [node('Resize', ['x', 's'], ['y'])], {
      initializers: [floats('s', [4], [1, 1, 2, 2])],
    }).nodes
    expect(resize).toMatchObject({ inputs: ['x', '', 's'] })
    expect(resize!.attributes).toEqual({
      mode: { type: 'string', value: 'nearest' },
      coordinate_transformation_mode: { type: 'string', value: 'asymmetric' },
      nearest_mode: { type: 'string', value: 'floor' },
    })
  })

  it('leaves out empty regions and scales', () => {
    const initializers = [
      floats('none', [0], []),
      { name: 'sizes', dataType: OnnxType.INT64, dims: [4n], int64Data: [1n, 4n, 6n, 10n] },
    ]
    const [resize] = read(11, [node('Resize', ['x', 'none', 'none', 'sizes'], ['y'])], { initializers }).nodes
    expect(resize!.inputs).toEqual(['x', '', '', 'sizes'])
  })

  it('in a mode that set 13 dropped is refused', () => {
    const mode = { coordinate_transformation_mode: 'tf_half_pixel_for_nn' }
    const message = failure(() =>
      read(11, [node('Resize', ['x', '', 's'], ['y'], mode)], { initializers: [floats('s', [4], [1, 1, 2, 2])] }),
    )
    expect(message).toContain('Resize (node `node_y`)')
  })
})

describe('training forms', () => {
  it('are refused: batch normalization that computes statistics', () => {
    const initializers = [floats('w', [4], [1, 1, 1, 1])]
    const old = node('BatchNormalization', ['x', 'w', 'w', 'w', 'w'], ['y', 'm', 'v', 'sm', 'sv'])
    expect(failure(() => read(11, [old], { initializers }))).toContain('BatchNormalization (node `node_y`)')
    const flagged = node('BatchNormalization', ['x', 'w', 'w', 'w', 'w'], ['y'], { training_mode: 1 })
    expect(failure(() => read(15, [flagged], { initializers }))).toContain('training')
  })

  it('are refused: dropout whose mask is used or that drops', () => {
    const masked = [node('Dropout', ['x'], ['d', 'm']), node('Where', ['m', 'd', 'x'], ['y'])]
    expect(failure(() => read(13, masked))).toContain('Dropout (node `node_d`)')
    const on = { name: 't', dataType: OnnxType.BOOL, dims: [], int32Data: [1] }
    expect(failure(() => read(13, [node('Dropout', ['x', '', 't'], ['y'])], { initializers: [on] }))).toContain('`t`')
    const fed = { inputs: [value('x', [2]), value('t', [], OnnxType.BOOL)] }
    expect(failure(() => read(13, [node('Dropout', ['x', '', 't'], ['y'])], fed))).toContain('`t`')
  })

  it('do nothing otherwise: dropout with a mask that nobody reads', () => {
    expect(written(read(13, [node('Dropout', ['x'], ['y', 'mask'])]))).toEqual(['Identity(x) → y'])
  })
})

describe('operator sets', () => {
  it('from 9 to 26 are read, others refused with a remedy', () => {
    const relu = [node('Relu', ['x'], ['y'])]
    for (const opset of [9, 15, 26]) expect(read(opset, relu).nodes).toHaveLength(1)
    for (const opset of [1, 8, 27]) expect(failure(() => read(opset, relu))).toContain('opset_version=21')
  })

  it('newer than 21 bring operators that are rewritten or refused by name', () => {
    expect(read(24, [node('Swish', ['x'], ['y'])]).nodes.map(({ op }) => op)).toEqual(['Mul', 'Sigmoid', 'Mul'])
    for (const op of ['TensorScatter', 'CumProd', 'BitCast']) {
      expect(failure(() => read(26, [node(op, ['x'], ['y'])]))).toContain(`${op} (node \`node_y\`)`)
    }
  })

  it("have no operators named like JavaScript's own properties", () => {
    expect(failure(() => read(11, [node('constructor', ['x'], ['y'])]))).toContain('constructor (node `node_y`)')
  })
})
