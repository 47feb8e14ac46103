/** Rates of single keys: what p-values promise of many keys, and what becomes of one. */
import { describe, expect, it } from 'vitest'
import { binomialInterval } from '../../math/distributions.js'
import { torchGenerator } from '../../math/noise.js'
import { combine, type Tensor } from '../../math/tensor.js'
import { newKey, readKey, type WatermarkKey } from '../key.js'
import { chooseKey } from './choose-key.js'
import { type KeyRate, keepsRate, keyRates } from './key-rate.js'

const random = torchGenerator(23)
const latentShape = [1, 8, 8]
const scheme = 'tree-ring:pattern=ring'
const fields = { scheme, model: 'm', latentShape }
const randomBytes = (count: number) => Uint8Array.from({ length: count }, () => random.integer(256))
const drawKey = (more: object = {}): WatermarkKey => readKey(newKey({ ...fields, ...more }, randomBytes(32)), 'key')
const confidence = 0.999

/** Of pictures that are alike: what they have in common is all of the noise but a tenth. */
function alike(count: number): readonly Tensor[] {
  const common = random.noise(latentShape)
  return Array.from({ length: count }, () => combine([0.995, common], [0.1, random.noise(latentShape)]))
}

describe('keyRates', () => {
  it('of many keys are on average what p-values promise, and of one key all or nothing in pictures that are alike', async () => {
    const noises = alike(20)
    const rates: KeyRate[] = []
    for (let i = 0; i < 400; i++) rates.push(...(await keyRates({ key: drawKey() }, noises, { rates: [0.05] })))
    // If all pictures were one, the count of keys that find it would be binomial; nothing spreads more.
    const { low, high } = binomialInterval(400, 0.05, confidence)
    const all = rates.reduce((sum, { rate }) => sum + rate, 0)
    expect(all).toBeGreaterThanOrEqual(low)
    expect(all).toBeLessThanOrEqual(high)
    // Of independent pictures a key finds fifteen of twenty once in 1e16 times.
    expect(rates.filter(({ found }) => found >= 15).length).toBeGreaterThan(2)
    expect(Math.max(...rates.map(({ rate }) => rate))).toBe(1)
  })

  it('count what a key finds, of a family what any member does, with an interval', async () => {
    const key = drawKey({ members: 50 })
    const noises = [
      ...Array.from({ length: 9 }, () => random.noise(latentShape)),
      key.mark(7).imprint(random.noise(latentShape)),
    ]
    let paused = 0
    const pause = async () => void paused++
    const [rate] = await keyRates({ key, member: 'all' }, noises, { rates: [1e-6], pause })
    expect(paused).toBe(10)
    expect(rate).toMatchObject({ nominalRate: 1e-6, found: 1, rate: 0.1 })
    expect(rate!.low).toBeLessThan(0.1)
    expect(rate!.high).toBeGreaterThan(0.1)
    expect((await keyRates({ key, member: 6 }, noises, { rates: [1e-6] }))[0]!.found).toBe(0)
    await expect(keyRates({ key }, [])).rejects.toThrow(/at least one noise/)
  })
})

describe('chooseKey', () => {
  it('keeps the first key that finds no more unmarked pictures than its rates say, and writes how many were drawn', async () => {
    const noises = alike(30)
    const drawn: number[] = []
    for (let i = 0; i < 40; i++) {
      const chosen = await chooseKey(fields, { noises, randomBytes })
      const key = readKey(chosen.text, 'key')
      expect(key.chosen).toEqual({ drawn: chosen.drawn, pictures: 30 })
      expect(keepsRate(chosen.rates)).toBe(true)
      expect(await keyRates({ key }, noises)).toEqual(chosen.rates)
      drawn.push(chosen.drawn)
    }
    expect(Math.max(...drawn)).toBeGreaterThan(1)
  })

  it('finds other pictures at most as often as all keys that were drawn for it', async () => {
    const [noises, other] = [alike(10), random.noise(latentShape)]
    const trials = 300
    let [drawn, found] = [0, 0]
    for (let i = 0; i < trials; i++) {
      const chosen = await chooseKey(fields, { noises, randomBytes })
      drawn += chosen.drawn
      if (readKey(chosen.text, 'key').mark().read(other).pValue <= 0.05) found++
    }
    // Wald's equation: E[found] ≤ E[drawn]·α.
    expect(found).toBeLessThanOrEqual(binomialInterval(drawn, 0.05, confidence).high)
  })

  it('is refused where another key would say the same, and without pictures', async () => {
    const noises = alike(2)
    for (const other of ['tree-ring:pattern=zeros', 'tree-ring:pattern=const', 'tree-ring:mask=released']) {
      const choosing = chooseKey({ ...fields, scheme: other }, { noises, randomBytes })
      await expect(choosing).rejects.toThrow(/a scheme whose keys differ/)
    }
    await expect(chooseKey(fields, { noises: [], randomBytes })).rejects.toThrow(/at least one noise/)
  })
})
