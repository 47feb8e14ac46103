import {
  binomialInterval,
  combine,
  type DiffusionModel,
  scaledLayout,
  Task,
  type Tensor,
  torchGenerator,
} from 'undiffuse'
import { float32Text } from 'undiffuse/operations'
import { describe, expect, it } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { noCells } from '../shared/cells.js'
import { areaUnderCurve, benchAttacks } from './attacks.js'
import { attackPlots, attackText } from './attacks-text.js'
import { benchKeys, type KeysRow } from './keys.js'
import { keysText } from './keys-text.js'
import { benchNull, rankInterval } from './null.js'
import { nullText } from './null-text.js'
import { perfectRecovery, publishedSide } from './three-keys.js'

const layout = scaledLayout({ name: 'none', imageChannels: 3, latentChannels: 4, downscaling: 8, side: 16 })

describe('the three published keys', () => {
  it('cannot all be told apart with the released mask, and are with the centred one', () => {
    const shape = [4, publishedSide, publishedSide]
    expect(perfectRecovery('released', shape, 20).confusion).toEqual([
      [0, 20, 0],
      [0, 20, 0],
      [0, 0, 20],
    ])
    expect(perfectRecovery('centred', shape, 20).accuracy).toBe(1)
  })
})

describe('areaUnderCurve', () => {
  it('is the share of pairs in the right order, equal ones half', () => {
    expect(areaUnderCurve([3, 2], [1, 0]).mean).toBe(1)
    expect(areaUnderCurve([1, 3], [2, 0]).mean).toBe(0.75)
    expect(areaUnderCurve([1, 1], [1, 1]).mean).toBe(0.5)
  })

  it('has an interval that holds the true area about 95 times of 100', () => {
    const random = torchGenerator(5)
    // Φ(1/√2), of two normal distributions one deviation apart.
    const truth = 0.7602499389
    let within = 0
    for (let i = 0; i < 300; i++) {
      const without = random.noise([40]).data
      const marked = random.noise([40]).data.map((value) => value + 1)
      const { mean, halfWidth } = areaUnderCurve([...marked], [...without])
      if (Math.abs(mean - truth) <= halfWidth) within++
    }
    const { low } = binomialInterval(300, 0.93, 0.999)
    expect(within).toBeGreaterThanOrEqual(low)
  })
})

describe('rankInterval', () => {
  it('is about the binomial one, and no less', () => {
    const interval = rankInterval(400)
    for (const rate of [0.05, 0.1]) {
      const { low, high } = interval(rate)
      expect(low).toBeLessThanOrEqual(400 * rate)
      expect(high).toBeGreaterThanOrEqual(400 * rate)
      expect(high - low).toBeLessThan(100)
    }
    // Two hundred support no p-value below 1/201.
    expect(interval(0.001)).toEqual({ low: 0, high: 0 })
  })
})

const recovery = { solver: 'ddim:steps=10,spacing=lambda', guidance: 1, decoder: 'encoder-only', inverter: 'automatic' }

describe('the null table', () => {
  it('finds what p-values promise on white noise, and that the published one does not keep it', async () => {
    // Noise alone asks nothing of a model.
    const model = { name: 'none', layout } as unknown as DiffusionModel
    const asked = { ...recovery, noises: 150, pictures: 0, keys: 1, chunk: 1, cells: noCells, modelVersion: '' }
    const result = await new Task(benchNull(model, asked))
    const promised = result.rows.filter(({ pValues }) => pValues !== 'reference')
    const outside = promised.flatMap(({ falsePositives }) => falsePositives).filter(({ isWithin }) => !isWithin)
    // Of 39 intervals that hold 99 of 100 counts; five outside have a chance of 1e-4.
    expect(outside.length).toBeLessThan(5)
    const zeros = result.rows.find(({ scheme, pValues }) => scheme.includes('zeros') && pValues === 'reference')!
    expect(zeros.falsePositives[0]!.found).toBe(0)
    expect(zeros.uniformPValue).toBeLessThan(1e-10)
    // Of what counts promise, nothing lies between their values.
    const [counted] = result.rows.find(({ scheme }) => scheme === 'gaussian-shading')!.falsePositives
    expect(counted!.attainableRate).toBeGreaterThan(0.03)
    expect(counted!.attainableRate).toBeLessThan(0.05)
    expect(nullText(result)).toContain('tree-ring:pattern=rand')
  })
})

describe('the null table on pictures', () => {
  it('reads each picture under keys of its own, and only where that makes independent trials', async () => {
    // Noises of pictures that were found before.
    const model = { name: 'none', layout } as unknown as DiffusionModel
    const encoded = (seed: number) => float32Text(torchGenerator(seed).noise([4, 16, 16]))
    const cells = { ...noCells, find: async <T>() => [1, 2, 3, 4].map(encoded) as T }
    const asked = { ...recovery, noises: 10, pictures: 8, keys: 5, chunk: 4, cells, modelVersion: '' }
    const { rows } = await new Task(benchNull(model, asked))
    const read = rows.filter(({ world }) => world === 'pictures')
    const trialsOf = (pValues: string) =>
      new Set(read.filter((row) => row.pValues === pValues).map((row) => row.trials))
    expect(trialsOf('exact')).toEqual(new Set([40]))
    expect(trialsOf('white-noise')).toEqual(new Set([8]))
    expect(trialsOf('reference')).toEqual(new Set([8]))
    expect(trialsOf('calibrated')).toEqual(new Set([8]))
  })
})

describe('the keys table', () => {
  const random = torchGenerator(31)
  /** Noises that were found before; no network is asked. */
  const tableOf = (noises: readonly Tensor[], schemes: readonly string[]) => {
    const model = { name: 'none', layout } as unknown as DiffusionModel
    const kept = {
      ...noCells,
      find: async <T>(key: object) => ('kind' in key ? noises.map(float32Text) : undefined) as T,
    }
    const asked = {
      ...recovery,
      schemes,
      pictures: 2 * noises.length,
      keys: 60,
      chunk: 1,
      cells: kept,
      modelVersion: '',
    }
    return new Task(benchKeys(model, asked))
  }

  it('finds on average what p-values promise, and one key where there is no secret', async () => {
    const noises = Array.from({ length: 20 }, () => random.noise([4, 16, 16]))
    const result = await tableOf(noises, ['gaussian-shading', 'tree-ring:pattern=zeros'])
    expect(result.rows.map(({ drawn }) => drawn.keys)).toEqual([60, 60, 60, 1, 1, 1])
    const [shading] = result.rows
    // Each noise is there twice.
    expect(60 * 20 * shading!.drawn.mean).toBeLessThanOrEqual(binomialInterval(60 * 20, 0.05, 0.999).high)
    expect(keysText(result)).toContain('gaussian-shading')
  })

  it('shows that false alarms of one key come together, and that keys which are kept have few', async () => {
    const common = random.noise([4, 16, 16])
    const noises = Array.from({ length: 20 }, () => combine([0.99, common], [0.14, random.noise([4, 16, 16])]))
    const [{ drawn, drawnOnHalf, kept }] = (await tableOf(noises, ['tree-ring:pattern=ring'])).rows as [KeysRow]
    expect(drawn.deviation).toBeGreaterThan(2 * drawn.binomialDeviation)
    expect(kept!.keys).toBeLessThan(60)
    expect(kept!.worst).toBeLessThan(drawnOnHalf.worst)
  })
})

describe('the attacks table', () => {
  it('marks, attacks, inverts and reads, the same from what it kept', async () => {
    const { model } = analyticModel()
    const kept = new Map<string, unknown>()
    const cells = {
      find: async <T>(key: object) => kept.get(JSON.stringify(key)) as T | undefined,
      keep: async (key: object, value: unknown) => void kept.set(JSON.stringify(key), value),
    }
    const asked = {
      ...recovery,
      schemes: ['gaussian-shading:bits=1'],
      attacks: ['none', 'flip'],
      decoders: ['encoder-only'],
      plainDecoders: [],
      inverters: ['automatic'],
      prompt: 'unknown',
      undo: [],
      count: 4,
      chunk: 2,
      cells,
      modelVersion: '',
    } as const
    const result = await new Task(benchAttacks(model, asked))
    const [plain, flipped] = result.rows as [(typeof result.rows)[0], (typeof result.rows)[0]]
    expect(plain.noiseNmseDb).toBeLessThan(-20)
    expect(plain.wholeMessages!.share).toBe(1)
    expect(plain.auc.mean).toBe(1)
    expect(plain.attackPsnrDb).toBeUndefined()
    expect(flipped.noiseNmseDb).toBeGreaterThan(-10)
    expect(flipped.medianEvidence).toBeLessThan(plain.medianEvidence)
    const again = await new Task(benchAttacks({ ...model, ask: () => Promise.reject(new Error('asked')) }, asked))
    expect(again.rows).toEqual(result.rows)
    expect(attackText(result)).toContain('flip')
    const undone = (await new Task(benchAttacks(model, { ...asked, undo: ['flip'] }))).rows
    expect(undone.map(({ candidates }) => candidates)).toEqual([2, 2])
    expect(undone[1]!.noiseNmseDb).toBeLessThan(-20)
    // It is found again, and every p-value is twice what it was.
    expect(undone[1]!.medianEvidence).toBeCloseTo(plain.medianEvidence - Math.log10(2), 6)
    expect(Object.keys(await attackPlots(result))).toEqual(['watermark-roc-none.svg', 'watermark-roc-flip.svg'])
  })
})
