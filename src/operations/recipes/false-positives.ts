/** How often an unmarked picture may be taken for a marked one. */
import { defaultFalsePositiveRate } from '../../watermark/reading/detect.js'

export const falsePositiveField = {
  type: 'number',
  exclusiveMinimum: 0,
  exclusiveMaximum: 1,
  default: defaultFalsePositiveRate,
  word: 'rate',
} as const
