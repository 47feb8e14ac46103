import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAutoencoderNetworks, Task } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { benchCost, type CostRow, compareCosts, costText, predictMemory } from './cost.js'

const miniature = join(fileURLToPath(new URL('../../test/golden', import.meta.url)), 'autoencoder-kl')

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

test('memory of larger batches is predicted from smaller ones', () => {
  expect(predictMemory(new Map(), 4)).toBe(0)
  expect(predictMemory(new Map([[1, 100]]), 4)).toBe(400)
  // 60 of weights and 40 for each picture.
  const known = new Map([
    [1, 100],
    [4, 220],
    [2, 140],
  ])
  expect(predictMemory(known, 16)).toBe(700)
  expect(predictMemory(known, 1)).toBe(100)
})

test('gradient-free is compared with the gradient in the settings that took the least memory', () => {
  const row = (method: CostRow['method'], settings: CostRow['settings'], peakMemoryBytes: number) =>
    ({
      method,
      settings,
      pictures: 4,
      chunk: 1,
      peakMemoryBytes,
      secondsPerIteration: peakMemoryBytes / 100,
    }) as CostRow
  const rows = [
    row('gradient-free', 'lean', 100),
    row('gradient', 'default', 800),
    row('gradient', 'lean', 400),
    { ...row('gradient-free', 'lean', 100), pictures: 16 },
  ]
  expect(compareCosts(rows)).toEqual([
    {
      pictures: 4,
      chunk: 1,
      settings: 'lean',
      gradientSettings: 'lean',
      memorySavedShare: 0.75,
      timeSavedShare: 0.75,
    },
  ])
})

test('every configuration runs in a process of its own, or is skipped where memory would not do', {
  timeout: slow,
}, async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  let started = 0
  const openRuntime = () => {
    started++
    return ortNode({ threads: 1 })
  }
  // Enough until all methods have run one picture at a time; then too little for two.
  let asked = 0
  const availableMemory = () => (++asked > 3 ? 2 ** 20 : 2 ** 40)
  const options = { size: 32, pictures: [2], chunk: 1, settings: ['default'], repeats: 1, availableMemory } as const
  const result = await new Task(benchCost(networks, openRuntime, options))
  expect(started).toBe(result.rows.length + result.skipped.length)
  expect(result.rows.map(({ method, pictures, chunk }) => [method, pictures, chunk])).toEqual([
    ['encode-decode', 2, 1],
    ['gradient-free', 2, 1],
    ['gradient', 2, 1],
  ])
  for (const row of result.rows) {
    expect(row.secondsPerIteration).toBeGreaterThan(0)
    expect(row.processorSecondsPerIteration).toBeGreaterThan(0)
    expect(row.peakMemoryBytes).toBeGreaterThan(2 ** 20)
    expect(row.estimatedMemoryBytes).toBeGreaterThan(2 ** 20)
    expect(row.overheadShare).toBeGreaterThan(0)
    expect(row.overheadShare).toBeLessThan(1)
  }
  expect(result.skipped.map(({ method, chunk }) => [method, chunk])).toEqual([
    ['encode-decode', 2],
    ['gradient-free', 2],
    ['gradient', 2],
  ])
  expect(result.skipped[0]!.predictedMemoryBytes).toBe(2 * result.rows[0]!.peakMemoryBytes)
  expect(result.comparisons).toHaveLength(1)
  expect(costText(result)).toContain('skipped: gradient, default, 2 pictures by 2')
})

test('what a network may not take is told and not run', async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  const openRuntime = () => ortNode({ threads: 1, memoryLimit: 1 })
  const settings = { chunk: 1, settings: ['lean'], repeats: 1, availableMemory: () => 2 ** 40 } as const
  const { rows, skipped } = await new Task(
    benchCost(networks, openRuntime, { size: 32, pictures: [1, 4], ...settings }),
  )
  expect(rows).toEqual([])
  // Whole, a gradient takes more for more pictures.
  const [one, four] = skipped.filter(({ method, pictures, chunk }) => method === 'gradient' && pictures === chunk)
  expect(four!.estimatedMemoryBytes).toBeGreaterThan(one!.estimatedMemoryBytes)
  expect(four!.predictedMemoryBytes).toBe(four!.estimatedMemoryBytes)
})
