import { describe, expect, it } from 'vitest'
import type { DataType, Graph } from '../../graph/graph.js'
import { tensor } from '../../math/tensor.js'
import { checkTypes, packFeeds, unpackResults } from './conversion.js'

const value = (name: string, dtype: DataType, shape: readonly number[]) => ({ name, dtype, shape })

const graphOf = (...inputs: readonly ReturnType<typeof value>[]): Graph => ({
  name: 'small',
  inputs,
  outputs: inputs,
  nodes: [],
  initializers: new Map(),
  types: new Map(),
})

const packed = (dtype: DataType, values: readonly number[]) => {
  const { own } = packFeeds(graphOf(value('x', dtype, [values.length])), { x: tensor([values.length], values) })
  return own.x?.data
}

describe('feeds', () => {
  it('become what each type holds', () => {
    expect(packed('float32', [0.1, -2])).toEqual(Float32Array.of(0.1, -2))
    expect(packed('float64', [0.1])).toEqual(Float64Array.of(0.1))
    expect(packed('float16', [1, -2])).toEqual(Uint16Array.of(0x3c00, 0xc000))
    expect(packed('int64', [-3, 2 ** 40])).toEqual(BigInt64Array.of(-3n, 2n ** 40n))
    expect(packed('uint64', [2 ** 40])).toEqual(BigUint64Array.of(2n ** 40n))
    expect(packed('int32', [-3])).toEqual(Int32Array.of(-3))
    expect(packed('uint32', [2 ** 32 - 1])).toEqual(Uint32Array.of(2 ** 32 - 1))
    expect(packed('int16', [-3])).toEqual(Int16Array.of(-3))
    expect(packed('uint16', [65535])).toEqual(Uint16Array.of(65535))
    expect(packed('int8', [-128])).toEqual(Int8Array.of(-128))
    expect(packed('uint8', [255])).toEqual(Uint8Array.of(255))
    expect(packed('bool', [0, 1])).toEqual(Uint8Array.of(0, 1))
  })

  it('let numbers that are not finite pass where the type has them', () => {
    expect(packed('float32', [NaN, Infinity, -Infinity])).toEqual(Float32Array.of(NaN, Infinity, -Infinity))
  })

  it.each([
    ['int64', 1.5],
    ['int64', NaN],
    ['int64', 2 ** 63],
    ['uint64', -1],
    ['int32', 2 ** 31],
    ['uint32', -1],
    ['int16', 40000],
    ['uint16', -1],
    ['int8', 128],
    ['uint8', 256],
    ['bool', 2],
  ] as const)('are refused where %s cannot hold %d', (dtype, number) => {
    const message = new RegExp(`^Expected ${dtype} numbers for input \`x\`, got ${number}\\.`)
    expect(() => packed(dtype, [0, number])).toThrow(message)
    expect(() => packed(dtype, [0, number])).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })

  it('are refused when one is missing, unknown or of another shape, naming it', () => {
    const graph = graphOf(value('image', 'float32', [1, 3, 2]), value('t', 'float32', []))
    const image = tensor([1, 3, 2], new Float64Array(6))
    const t = tensor([], [1])
    const refusals = [
      [{ image }, /for input `t` of `small`, got nothing/],
      [
        { image: tensor([3, 2], new Float64Array(6)), t },
        /a tensor of shape 1×3×2 for input `image` of `small`, got 3×2/,
      ],
      [{ image, t, time: t }, /the inputs image, t for `small`, got `time`/],
    ] as const
    for (const [feeds, message] of refusals) {
      expect(() => packFeeds(graph, feeds)).toThrow(message)
      expect(() => packFeeds(graph, feeds)).toThrow(expect.objectContaining({ code: 'bad-shape' }))
    }
  })
})

it('gives results back as doubles', () => {
  const results = unpackResults({
    half: { dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
    short: { dtype: 'uint16', shape: [1], data: Uint16Array.of(0x3c00) },
    long: { dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 40n)) },
    single: { dtype: 'float32', shape: [1, 2], data: Float32Array.of(0.5, NaN) },
  })
  expect(results.half).toEqual(tensor([2], [1, -Infinity]))
  expect(results.short).toEqual(tensor([1], [0x3c00]))
  expect(results.long).toEqual(tensor([1], [-(2 ** 40)]))
  expect(results.single).toEqual(tensor([1, 2], [0.5, NaN]))
})

it('refuses bfloat16 at the border of a graph', () => {
  expect(() => checkTypes(graphOf(value('x', 'bfloat16', [1])))).toThrow(
    expect.objectContaining({ code: 'unsupported' }),
  )
  expect(() => checkTypes(graphOf(value('x', 'float16', [1])))).not.toThrow()
})
