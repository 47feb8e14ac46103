import { Task } from 'undiffuse'
import { expect, test } from 'vitest'
import { linearModel } from '../../test/laws/linear-model.js'
import { type CellKey, type Cells, noCells } from '../shared/cells.js'
import { benchFloor, type FloorBenchOptions, type NoiseFinder } from './floor.js'
import { floorText } from './floor-text.js'

const finders: readonly NoiseFinder[] = [
  { name: 'encoder', decoder: 'encoder-only' },
  { name: 'most probable', decoder: 'encoder-only', refine: 'most-probable:tolerance=0.001' },
]
/** Of data: some entries the picture tells exactly, some hardly. */
const variances = Array.from({ length: 16 }, (_, i) => 10 ** (-i / 2))

const run = (options: Partial<FloorBenchOptions> = {}) =>
  new Task(
    benchFloor(linearModel(variances), {
      prompts: 12,
      guidances: [1],
      solver: 'ddim:spacing=lambda',
      steps: 6,
      probes: 'whole',
      finders,
      cells: noCells,
      modelVersion: 'v',
      ...options,
    }),
  )

test('the floor lies below what methods find, and the most probable noise nearest to it', async () => {
  const { rows } = await run()
  const mean = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((sum, row) => sum + 10 ** (of(row) / 10), 0) / rows.length
  const floor = mean((row) => row.floor.nmseDb)
  const [encoder, refined] = [0, 1].map((k) => mean(({ found }) => found[k]!.noiseNmseDb)) as [number, number]
  expect(refined).toBeLessThan(encoder)
  // Twelve draws of sixteen numbers: the mean error scatters by about a quarter.
  expect(Math.abs(refined / floor - 1)).toBeLessThan(0.5)
  for (const { found } of rows) {
    expect(found[1]!.objectiveAfter!).toBeLessThanOrEqual(found[1]!.objectiveBefore!)
    expect(found[1]!.networkEvaluations).toBeGreaterThan(found[0]!.networkEvaluations)
  }
})

test('finished pieces are not measured again', async () => {
  const kept = new Map<string, unknown>()
  const cells: Cells = {
    find: async <T>(key: CellKey) => kept.get(JSON.stringify(key)) as T | undefined,
    keep: async (key, value) => void kept.set(JSON.stringify(key), value),
  }
  const first = await run({ prompts: 2, cells })
  expect(kept.size).toBe(2 * (1 + finders.length))
  const again = await run({ prompts: 2, cells: { ...cells, keep: () => Promise.reject(new Error('measured again')) } })
  expect(again.rows).toEqual(first.rows)
})

test('a table for each guidance, with means and what is left to the floor', async () => {
  const text = floorText(await run({ prompts: 1, guidances: [1, 3], probes: 2 }))
  expect(text).toContain('guidance 1\n')
  expect(text).toContain('guidance 3\n')
  expect(text).toContain('above the floor')
  expect(text).toContain(' to ')
})
