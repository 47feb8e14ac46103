/** What `watermark calibrate` says of p-values. */
import type { CalibrationReport } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { pValueLines } from './watermark-calibrate.js'

type Rates = CalibrationReport['keyRates']
const keyOf = (key: string, needsCalibration: boolean): Rates[number] => {
  return { key, scheme: needsCalibration ? 'tree-ring:pattern=zeros' : 'gaussian-shading', rates: [], needsCalibration }
}
const [exact, another, needing] = [keyOf('a', false), keyOf('b', false), keyOf('c', true)]

it.each<[Rates, string]>([
  [[], 'of marks that need a calibration: 0.1 and more: at a smaller `--fpr` of `detect` nothing is decided'],
  [[exact], 'of this key: exact without a calibration'],
  [[exact, another], 'of these keys: exact without a calibration'],
  [[needing], '0.1 and more: at a smaller `--fpr` of `detect` nothing is decided'],
  [[exact, needing], 'of key c: 0.1 and more: at a smaller `--fpr` of `detect` nothing is decided'],
])('a calibration bounds the p-values of keys that need one (%#)', (keys, told) => {
  expect(pValueLines(0.1, keys)).toEqual([`  p-values     ${told}`])
})
