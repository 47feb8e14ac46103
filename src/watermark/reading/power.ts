/** How often a mark would be found where it is, by how well the noise is recovered. */
import { expected } from '../../core/errors.js'
import { torchGenerator } from '../../math/noise.js'
import { wilsonInterval } from '../../math/statistics.js'
import { combine } from '../../math/tensor.js'
import { type Watermark, zeroMessage } from '../watermark.js'
import { type Calibration, calibratedPValue } from './calibration.js'

export interface PowerOptions {
  /** The false-positive rate of the verdict. */
  readonly falsePositiveRate: number
  /** Between the marked noise and what is recovered of it, in (0, 1]. */
  readonly correlation: number
  /** For marks whose p-value is exact only given white noise: the verdict takes that of the calibration. */
  readonly calibration?: Calibration | undefined
  /** Trials. Default 200. */
  readonly trials?: number
  /** Default 0. */
  readonly seed?: number
}

export interface Power {
  readonly correlation: number
  /** Share of trials in which the mark was found, and its 95 % interval (Wilson). */
  readonly share: number
  readonly low: number
  readonly high: number
}

/**
 * The share of marked noises that are found when they are recovered with a correlation.
 *
 * ẑ = ρ·z + √(1 − ρ²)·n, z a marked noise, n white noise: found where p ≤ the false-positive rate. Simulated: two
 * readings' time a trial, no network. What a picture loses is rarely white, so this is a guide and not a bound. Errors:
 * `bad-option` outside the ranges. Source: ours.
 *
 * @example expectedPower(mark, { falsePositiveRate: 1e-3, correlation: 0.9, trials: 20 }).share // 1
 */
export function expectedPower(
  watermark: Watermark,
  { falsePositiveRate, correlation, calibration, trials = 200, seed = 0 }: PowerOptions,
): Power {
  const inUnit = (value: number) => value > 0 && value <= 1
  if (!inUnit(correlation) || !inUnit(falsePositiveRate) || !Number.isInteger(trials) || trials < 1) {
    const got = `correlation ${correlation}, rate ${falsePositiveRate}, ${trials} trials`
    const remedy = 'A correlation of 0.9 is what an exact inversion of an unchanged picture leaves.'
    throw expected('bad-option', 'a correlation and a rate in (0, 1], and trials', '`expectedPower`', got, remedy)
  }
  const random = torchGenerator(seed)
  const rest = Math.sqrt(1 - correlation ** 2)
  let found = 0
  for (let i = 0; i < trials; i++) {
    const marked = watermark.imprint(random.noise(watermark.latentShape), zeroMessage(watermark))
    const recovered = combine([correlation, marked], [rest, random.noise(watermark.latentShape)])
    const { pValue, score, exactGiven } = watermark.read(recovered)
    const calibrated = exactGiven === 'white-noise' && calibration
    const believed = calibrated ? calibratedPValue(watermark, score, calibrated).pValue : pValue
    if (believed <= falsePositiveRate) found++
  }
  return { correlation, share: found / trials, ...wilsonInterval(found, trials) }
}
