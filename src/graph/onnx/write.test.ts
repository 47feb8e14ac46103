import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ModelProtoSchema } from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import { type Attribute, bytesOf, type DataType, type Graph, type Initializer, type Node } from '../graph.js'
import { decodeOnnx } from './read.js'
import { encodeOnnx } from './write.js'

/** What is read as it was written: bfloat16 is computed in float32. */
const dataType = fc.constantFrom(...(Object.keys(bytesOf) as DataType[]).filter((dtype) => dtype !== 'bfloat16'))
const shape = fc.array(fc.nat(3), { maxLength: 4 })
const text = fc.string({ unit: 'grapheme', maxLength: 8 })

const initializer: fc.Arbitrary<Initializer> = fc.tuple(dataType, shape).chain(([dtype, dims]) => {
  const length = dims.reduce((a, b) => a * b, bytesOf[dtype])
  return fc.record({
    dtype: fc.constant(dtype),
    shape: fc.constant(dims),
    storage: fc.oneof(
      fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ bytes })),
      fc.record({
        file: fc.constantFrom('vae.safetensors', 'unet-00001-of-00002.safetensors'),
        offset: fc.nat(2 ** 40),
        length: fc.constant(length),
      }),
    ),
  })
})

const single = fc.float({ noNaN: true })
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ type: fc.constant('int' as const), value: fc.maxSafeInteger() }),
  fc.record({ type: fc.constant('float' as const), value: single }),
  fc.record({ type: fc.constant('string' as const), value: text }),
  fc.record({ type: fc.constant('ints' as const), value: fc.array(fc.maxSafeInteger(), { maxLength: 4 }) }),
  fc.record({ type: fc.constant('floats' as const), value: fc.array(single, { maxLength: 4 }) }),
  fc.record({ type: fc.constant('strings' as const), value: fc.array(text, { maxLength: 3 }) }),
  fc.record({ type: fc.constant('tensor' as const), value: initializer }),
)

/** Nodes that read what is there and an optional input that is left out; operators that no rewrite touches. */
const graph: fc.Arbitrary<Graph> = fc
  .record({
    name: text,
    inputs: fc.array(fc.record({ dtype: dataType, shape }), { minLength: 1, maxLength: 3 }),
    weights: fc.array(initializer, { maxLength: 4 }),
    nodes: fc.array(
      fc.record({
        op: fc.constantFrom('Add', 'Conv', 'Concat'),
        reads: fc.array(fc.nat(20), { maxLength: 4 }),
        outputs: fc.integer({ min: 1, max: 3 }),
        attributes: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), attribute, { maxKeys: 4 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ name, inputs, weights, nodes }) => {
    const known = ['', ...inputs.map((_, i) => `x${i}`), ...weights.map((_, i) => `w${i}`)]
    const built = nodes.map(({ op, reads, outputs, attributes }, n): Node => {
      const node = {
        op,
        domain: '',
        name: `node/${n}`,
        inputs: reads.map((read) => known[read % known.length]!),
        outputs: Array.from({ length: outputs }, (_, i) => `y${n}.${i}`),
        attributes: { ...attributes },
      }
      known.push(...node.outputs)
      return node
    })
    return {
      name,
      inputs: inputs.map((type, i) => ({ name: `x${i}`, ...type })),
      outputs: [{ name: 'y0.0', dtype: 'float32', shape: [1, 2] }],
      nodes: built,
      initializers: new Map(weights.map((weight, i) => [`w${i}`, weight])),
      types: new Map(),
    }
  })

describe('encodeOnnx', () => {
  it('writes what decodeOnnx reads back', () => {
    fc.assert(
      fc.property(graph, (original) => {
        const read = decodeOnnx(encodeOnnx(original), { resolve: (location) => location })
        expect(read).toEqual(original)
      }),
    )
  })

  it('locates weights by the base name of their file, or as it is told', () => {
    const weight: Initializer = {
      dtype: 'float32',
      shape: [2],
      storage: { file: 'C:\\models/sd/vae.safetensors', offset: 128, length: 8 },
    }
    const original: Graph = {
      name: 'g',
      inputs: [],
      outputs: [{ name: 'w', dtype: 'float32', shape: [2] }],
      nodes: [],
      initializers: new Map([['w', weight]]),
      types: new Map(),
    }
    const external = (bytes: Uint8Array) =>
      Object.fromEntries(
        fromBinary(ModelProtoSchema, bytes).graph!.initializer[0]!.externalData.map(({ key, value }) => [key, value]),
      )
    expect(external(encodeOnnx(original))).toEqual({ location: 'vae.safetensors', offset: '128', length: '8' })
    expect(external(encodeOnnx(original, () => 'weights/1'))).toEqual({
      location: 'weights/1',
      offset: '128',
      length: '8',
    })
  })

  it('imports the operator sets in use, and only those', () => {
    const node = (domain: string): Node => ({ op: 'Gelu', domain, name: '', inputs: [], outputs: [], attributes: {} })
    const sets = (nodes: Node[]) =>
      fromBinary(
        ModelProtoSchema,
        encodeOnnx({ name: 'g', inputs: [], outputs: [], nodes, initializers: new Map(), types: new Map() }),
      ).opsetImport.map(({ domain, version }) => [domain, version])
    expect(sets([node('')])).toEqual([['', 21n]])
    expect(sets([node('com.microsoft'), node('com.microsoft')])).toEqual([
      ['', 21n],
      ['com.microsoft', 1n],
    ])
  })

  it('writes the ends of the 64-bit range for numbers beyond it', () => {
    const ends: Attribute = { type: 'ints', value: [2 ** 63, -(2 ** 63), 2 ** 70] }
    const node: Node = { op: 'Add', domain: '', name: '', inputs: [], outputs: ['y'], attributes: { ends } }
    const bytes = encodeOnnx({
      name: 'g',
      inputs: [],
      outputs: [],
      nodes: [node],
      initializers: new Map(),
      types: new Map(),
    })
    expect(fromBinary(ModelProtoSchema, bytes).graph!.node[0]!.attribute[0]!.ints).toEqual([
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 63n - 1n,
    ])
  })
})
