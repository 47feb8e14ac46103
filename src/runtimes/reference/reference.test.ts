/** The reference runtime as a runtime; its kernels are checked in test/operators. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builder } from '../../graph/builder.js'
import type { DataType, Graph } from '../../graph/graph.js'
import { tensor } from '../../math/tensor.js'
import { erf } from './erf.js'
import { referenceRuntime } from './reference.js'

/** a + b of three numbers. */
function sum(dtype: DataType): Graph {
  const build = builder()
  build.output(build.emit('Add', [build.input('a', dtype, [3]), build.input('b', dtype, [3])]), 'y')
  return build.finish('sum')
}

const numbers = (...values: number[]) => tensor([values.length], values)

describe('precision', () => {
  /** 1 + 2⁻³⁰ needs 31 bits. */
  const fine = 2 ** -30
  const feeds = { a: numbers(1, 2048, -70000), b: numbers(fine, 1, 0) }
  const sumIn = async (dtype: DataType) => {
    const session = await referenceRuntime().open(sum(dtype))
    return [...(await session.run(feeds)).y!.data]
  }

  it.each(['float32', 'float64'] as const)('of %s is double', async (dtype) => {
    expect(await sumIn(dtype)).toEqual([1 + fine, 2049, -70000])
  })

  it('of float16 is half: 11 bits, halves to even, infinite from 65520 on', async () => {
    expect(await sumIn('float16')).toEqual([1, 2048, Number.NEGATIVE_INFINITY])
  })

  it('of bfloat16 is 8 bits', async () => {
    expect(await sumIn('bfloat16')).toEqual([1, 2048, -70144])
  })

  /** Values to 16 digits from Abramowitz and Stegun, table 7.1, and DLMF 7.2; erfc(3) = 2.20904969985854e-5. */
  it.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [-1, -0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 1 - 2.209049699858544e-5],
    [7, 1],
  ])('of erf(%d)', (x, wanted) => {
    expect(erf(x)).toBeCloseTo(wanted, 15)
  })
})

describe('weights', () => {
  const held = (storage: { file: string; offset: number; length: number }) => {
    const build = builder()
    const weight = build.initializer('weight', { dtype: 'float16', shape: [2], storage })
    build.output(build.emit('Cast', [weight], { to: 11 }), 'y')
    return build.finish('held')
  }

  it('are read from their place in a file, and a file that is cut off is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'undiffuse-reference-'))
    try {
      const file = join(folder, 'weights')
      // Two bytes of something else, then 1 and −2 in half precision.
      await writeFile(file, Uint8Array.of(9, 9, 0x00, 0x3c, 0x00, 0xc0))
      const session = await referenceRuntime().open(held({ file, offset: 2, length: 4 }))
      expect((await session.run({})).y).toEqual(numbers(1, -2))
      await expect(referenceRuntime().open(held({ file, offset: 4, length: 4 }))).rejects.toMatchObject({
        code: 'bad-model',
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('refusals', () => {
  it('of feeds that do not fit', async () => {
    const session = await referenceRuntime().open(sum('float64'))
    await expect(session.run({ a: numbers(1, 2, 3) })).rejects.toMatchObject({ code: 'bad-shape' })
  })

  it('of a graph whose types are not those of its values', async () => {
    const graph = sum('float64')
    const wrong: Graph = {
      ...graph,
      types: new Map([...graph.types].map(([name, type]) => [name, { ...type, shape: [2] }])),
    }
    const session = await referenceRuntime().open(wrong)
    await expect(session.run({ a: numbers(1, 2, 3), b: numbers(1, 2, 3) })).rejects.toThrow(/2 as the graph says/)
  })

  it('of an operator without a kernel, by name', async () => {
    const graph = sum('float64')
    const strange: Graph = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, op: 'Strange' })) }
    const session = await referenceRuntime().open(strange)
    const feeds = { a: numbers(1, 2, 3), b: numbers(1, 2, 3) }
    await expect(session.run(feeds)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('Strange'),
    })
  })

  it('of a run that is aborted, with the reason', async () => {
    const session = await referenceRuntime().open(sum('float64'))
    const reason = new Error('enough')
    const feeds = { a: numbers(1, 2, 3), b: numbers(1, 2, 3) }
    await expect(session.run(feeds, AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

it('counts its runs', async () => {
  const runtime = referenceRuntime()
  const session = await runtime.open(sum('float64'))
  await session.run({ a: numbers(1, 2, 3), b: numbers(1, 2, 3) })
  const usage = await runtime.usage()
  expect(usage.runs).toBe(1)
  expect(usage.networkSeconds).toBeGreaterThan(0)
})
