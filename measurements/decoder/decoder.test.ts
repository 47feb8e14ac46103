import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAutoencoderNetworks, Task } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { nmse } from '../shared/accuracy.js'
import { benchDecoder, compare, decoderBenchText } from './decoder.js'
import { methodsOf } from './methods.js'
import { knownLatents } from './pictures.js'
import { decoderPlot, plottedCosts } from './plots.js'
import type { Curve, Row } from './sweep.js'

const miniature = join(fileURLToPath(new URL('../../test/golden', import.meta.url)), 'autoencoder-kl')
const openRuntime = () => ortNode({ threads: 1 })
const size = 32

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

/** Decoders compute in float32. */
const decoded = 1e-4

test('problems are known latents: what they decode to, in 8 bits; different for each seed, the same each time', async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  const runtime = openRuntime()
  try {
    const draw = () => new Task(knownLatents(networks, runtime, { count: 2, size }))
    const [first, second] = [await draw(), await draw()]
    expect(second).toEqual(first)
    expect(first[0]!.latent).not.toEqual(first[1]!.latent)
    for (const { image, decoded: exact } of first) {
      // Every pixel is an integer of 0 to 255, the nearest one.
      for (const [i, pixel] of image.data.entries()) {
        const level = ((pixel + 1) / 2) * 255
        expect(Math.abs(level - Math.round(level))).toBeLessThan(decoded)
        const clamped = Math.min(Math.max(exact.data[i]!, -1), 1)
        expect(Math.abs(pixel - clamped)).toBeLessThanOrEqual(1 / 255 + decoded)
      }
    }
  } finally {
    await runtime.close()
  }
})

test('the quick benchmark: a row for each method and budget, with units in its keys', {
  timeout: slow,
}, async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  const plan = {
    methods: [
      ...methodsOf(['encoder-only', 'accelerated']),
      { name: 'forward', specification: 'gradient-free:iteration=forward-step,rate=0.1', anytime: true },
    ],
    budgets: [2, 4],
    precisions: [32],
  } as const
  const result = await new Task(benchDecoder(networks, openRuntime, { ...plan, problems: { pictures: 2, size } }))
  expect(result.rows.map(({ method, iterations }) => [method, iterations])).toEqual([
    ['encoder-only', 0],
    ['accelerated', 2],
    ['accelerated', 4],
    ['forward', 2],
    ['forward', 4],
  ])
  for (const row of result.rows) {
    expect(Object.values(row.outcomes).reduce((sum, count) => sum + count, 0)).toBe(2)
    expect(row.peakMemoryBytes).toBeGreaterThan(2 ** 20)
    expect(row.seconds).toBeGreaterThan(0)
    expect(Number.isFinite(row.nmseDb.mean)).toBe(true)
    expect(row.networkRuns.roundTrips).toBe(row.iterations)
  }
  const json = JSON.parse(JSON.stringify(result))
  expect(Object.keys(json.rows[0])).toEqual(
    expect.arrayContaining([
      'nmseDb',
      'psnrDb',
      'seconds',
      'peakMemoryBytes',
      'precisionBits',
      'iterations',
      'outcomes',
    ]),
  )
  expect(json).toMatchObject({
    benchmark: 'decoder',
    sizePixels: size,
    pictures: 2,
    machine: { cores: expect.any(Number) },
  })
  const text = decoderBenchText(result)
  for (const { method } of result.rows) expect(text).toContain(method)
  for (const cost of plottedCosts) expect(await decoderPlot(result, cost)).toMatch(/^<svg/)
})

test('NMSE is the squared error over the squared truth', () => {
  const [truth, estimate] = [
    { shape: [2], data: Float64Array.of(3, 4) },
    { shape: [2], data: Float64Array.of(3, 3) },
  ]
  expect(nmse(estimate, truth)).toBeCloseTo(1 / 25, 12)
})

test('two methods are compared at the same evaluations', () => {
  const row = (method: string, iterations: number, mean: number) =>
    ({ method, iterations, precisionBits: 32, nmseDb: { mean, halfWidth: 1 } }) as Row
  const curves: Curve[] = [
    { method: 'accelerated', precisionBits: 32, iterations: 100, nmseDb: [-10, -15, -21, -25] },
    { method: 'accelerated', precisionBits: 16, iterations: 100, nmseDb: [-99] },
  ]
  const rows = [row('Adam', 50, -20), row('Adam', 100, -22), row('accelerated', 100, -25)]
  expect(compare({ rows, curves })).toEqual({ evaluationsToAdam50: 3, againstAdam100Db: -3 })
  expect(compare({ rows: [row('Adam', 50, -30)], curves })).toEqual({})
  expect(compare({ rows: [], curves })).toBeUndefined()
})

test('a method is named without its budget', () => {
  expect(() => methodsOf(['gradient-free:iteration=adam,iterations=50'])).toThrow(/without its budget/)
  expect(() => methodsOf(['gradient-fre'])).toThrow(/gradient-free/)
})
