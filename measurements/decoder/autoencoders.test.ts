import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAutoencoderNetworks, type Profile, Task, torchNoise } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { linearAutoencoder } from '../../test/linear-autoencoder.js'
import type { CellKey, Cells } from '../shared/cells.js'
import { againstEncoder, autoencodersText, benchAutoencoders } from './autoencoders.js'
import { autoencodersPlot } from './autoencoders-plot.js'
import { errorPath } from './error-paths.js'
import { benchGenerated, generatedText } from './generated.js'
import { makeInverter } from './methods.js'
import type { Row } from './sweep.js'

const miniature = join(fileURLToPath(new URL('../../test/golden', import.meta.url)), 'autoencoder-tiny')

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

/** float64 arithmetic of a few operations. */
const rounding = 9

/** One fitted step. */
const profile: Profile = {
  weights: 'w',
  latents: 'made up',
  latentCount: 4,
  latentShape: [4, 2, 2],
  steps: 'fitted',
  roundTrips: 1,
  shares: [[0.5]],
  pullbacks: 2,
  expected: { residualNmseDb: -10, encoderNmseDb: -10, fittedNmseDb: [-12], andersonNmseDb: [-11] },
}

/** Keeps cells as files do, and counts what was measured. */
function memoryCells() {
  const texts = new Map<string, string>()
  const cells: Cells = {
    find: async <T>(key: CellKey) => {
      const text = texts.get(JSON.stringify(key))
      return text === undefined ? undefined : (JSON.parse(text) as T)
    },
    keep: async (key, value) => {
      texts.set(JSON.stringify(key), JSON.stringify(value))
    },
  }
  return { cells, texts }
}

test('along a run both errors are what the recurrence says', async () => {
  const [gain, rate, budget] = [0.8, 0.5, 4]
  const latent = torchNoise(3, [12])
  const inverter = makeInverter(`gradient-free:iteration=forward-step,rate=${rate}`, budget)
  const { points, end } = await new Task(errorPath(inverter, linearAutoencoder(gain), { latent, image: latent }))
  expect(points.map(({ roundTrips }) => roundTrips)).toEqual([1, 2, 3, 4])
  const power = latent.data.reduce((sum, value) => sum + value ** 2, 0)
  for (const [k, { nmseDb, psnrDb }] of points.entries()) {
    const errorDb = 20 * Math.log10((1 - gain) * (1 - rate * gain) ** k)
    expect(nmseDb).toBeCloseTo(errorDb, rounding)
    // D is the identity, and pixels span 2: 4n over the squared distance.
    expect(psnrDb).toBeCloseTo(10 * Math.log10((4 * 12) / power) - errorDb, rounding)
  }
  expect(end).toEqual(points.at(-1))
})

test('a method stands beside the encoder picture by picture; failed runs are left out', () => {
  const row = (specification: string, eachNmseDb: readonly number[]) => ({ specification, eachNmseDb }) as Row
  const rows = [row('encoder-only', [-10, -12, -14]), row('other', [-13, -11, Number.NaN])]
  const [encoder, other] = againstEncoder(rows)
  expect(encoder).toMatchObject({ gainDb: { mean: 0, least: 0 }, worseThanEncoder: 0 })
  expect(other).toMatchObject({ gainDb: { mean: 1, least: -1 }, worseThanEncoder: 1 })
})

test('one table for an autoencoder, and again from what was kept', { timeout: slow }, async () => {
  const networks = { ...(await openAutoencoderNetworks(nodeFiles, miniature)), profile }
  const { cells, texts } = memoryCells()
  // One process for all: their start is what takes time.
  const shared = ortNode({ threads: 1 })
  let opened = 0
  const openRuntime = () => {
    opened++
    return { ...shared, close: async () => {} }
  }
  const problems = { count: 2, size: 16, drawn: 'dead-leaves' } as const
  const one = { networks, weights: 'w', openRuntime, cells, problems }
  const run = () => new Task(benchAutoencoders([one], { compared: 'ours', watched: 1 }))
  const result = await run()
  const { rows, paths, sizesPixels } = result.autoencoders[0]!
  expect(rows).toHaveLength(5)
  expect(sizesPixels).toEqual(['16×16'])
  const runs = Object.fromEntries(rows.map(({ method, networkRuns }) => [method, networkRuns]))
  // The profile's step, and the round trip that judges it; its two gradient steps, and the pullback that they start from.
  expect(runs['automatic, no gradients']).toMatchObject({ roundTrips: 2, pullbacks: 0 })
  expect(runs.automatic).toMatchObject({ roundTrips: 2, pullbacks: 3 })
  // Rounding explains the encoder's own picture here, so the rehearsal ends after the round trip that shows it.
  expect(runs['automatic, without a profile']).toMatchObject({ roundTrips: 1, pullbacks: 0 })
  expect(paths.find(({ method }) => method === 'forward step 0.5')?.points).toHaveLength(30)
  const [encoder] = rows
  for (const { points } of paths) expect(points[0]!.nmseDb).toBeCloseTo(encoder!.eachNmseDb[0]!, 4)
  const text = autoencodersText(result)
  for (const { method } of rows) expect(text).toContain(method)
  const svg = await autoencodersPlot(result)
  expect(svg).toMatch(/^<svg/)
  for (const words of [networks.name, 'Round trips', 'automatic, no gradients']) expect(svg).toContain(`>${words}</`)

  const [openings, size] = [opened, texts.size]
  expect(await run()).toMatchObject({ autoencoders: JSON.parse(JSON.stringify(result.autoencoders)) })
  // Only the pictures are drawn again.
  expect([opened, texts.size]).toEqual([openings + 1, size])
  await shared.close()
})

test('generated pictures: methods beside each other, by guidance', async () => {
  const row = { eachNmseDb: [-10, -20], nmseDb: { mean: -15, halfWidth: 1 } }
  const networkRuns = { encodes: 1, decodes: 0, roundTrips: 7, pullbacks: 0 }
  const cells: Cells = {
    find: async <T>({ method }: { readonly method?: { readonly name: string; readonly specification: string } }) => {
      const { name, specification } = method!
      return { ...row, method: name, specification, networkRuns } as T
    },
    keep: async () => {},
  }
  const networks = { ...(await openAutoencoderNetworks(nodeFiles, miniature)), profile }
  const bench = { networks, weights: 'w', openRuntime: () => ortNode({ threads: 1 }), cells }
  const options = { guidances: [1, 3], count: 2, chunk: 2, solver: 'ddim:steps=4,spacing=lambda' }
  const result = await new Task(benchGenerated(analyticModel().model, bench, options))
  expect(result.guidances.map(({ guidance, rows }) => [guidance, rows.length])).toEqual([
    [1, 6],
    [3, 6],
  ])
  const text = generatedText(result)
  expect(text).toContain('NMSE dB, w 3')
  expect(text).toMatch(/automatic, no gradients +-15\.0 +-10\.0 +7\.0/)
})
