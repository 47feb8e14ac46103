/**
 * What the noise of unmarked pictures looks like, from unmarked pictures: for marks whose p-value is otherwise exact only
 * given white noise. It supports no p-value below 1/(pictures + 1), and none is claimed.
 */
import { expected } from '../../core/errors.js'
import type { Tensor } from '../../math/tensor.js'
import type { Watermark } from '../watermark.js'

export interface Calibration {
  /** Recovered from unmarked pictures in the same way as that of the pictures in question. */
  readonly noises: readonly Tensor[]
}

export interface CalibratedPValue {
  readonly pValue: number
  /** The smallest p-value that it can give. */
  readonly smallest: number
}

/**
 * The share of unmarked pictures, this one counted, whose score is at least as large.
 *
 * p = (1 + #{i: score(noiseᵢ) ≥ score})/(n + 1): exact where the picture, if unmarked, is as one more of the calibration
 * set; then P(p ≤ α) ≤ α for any distribution. Cost: n readings, no network. Errors: `bad-option` for an empty set,
 * `bad-shape` for noise of another shape. Source: Vovk, Gammerman and Shafer, 2005, conformal prediction.
 *
 * @example
 * const noises = [1, 2, 3].map((seed) => torchNoise(seed, mark.latentShape))
 * calibratedPValue(mark, mark.read(torchNoise(4, mark.latentShape)).score, { noises }).smallest // 0.25
 */
export function calibratedPValue(watermark: Watermark, score: number, { noises }: Calibration): CalibratedPValue {
  const atLeast = scoresOf(watermark, noises).filter((other) => other >= score).length
  return { pValue: (1 + atLeast) / (noises.length + 1), smallest: 1 / (noises.length + 1) }
}

/**
 * How many unmarked pictures a calibration needs, so that one of so many marks can be found at a rate: the smallest n with
 * marks/(n + 1) ≤ rate.
 *
 * @example calibrationPictures(1e-2) // 99
 */
export const calibrationPictures = (falsePositiveRate: number, marks = 1): number =>
  Math.ceil(marks / falsePositiveRate) - 1

/** Scores of a calibration set, remembered for the mark and the set: a run over many pictures reads it once. */
const remembered = new WeakMap<readonly Tensor[], WeakMap<Watermark, readonly number[]>>()

function scoresOf(watermark: Watermark, noises: readonly Tensor[]): readonly number[] {
  if (noises.length === 0) {
    const remedy = 'Make a calibration from unmarked pictures first.'
    throw expected('bad-option', 'at least one picture', 'a calibration', 'none', remedy, { hint: 'calibrate' })
  }
  const known = remembered.get(noises) ?? new WeakMap<Watermark, readonly number[]>()
  remembered.set(noises, known)
  const scores = known.get(watermark) ?? noises.map((noise) => watermark.read(noise).score)
  known.set(watermark, scores)
  return scores
}
