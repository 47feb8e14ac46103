/** Every case of every operator. */
import type { OperatorCase } from '../case.js'
import { elementwiseCases } from './elementwise.js'
import { normalizationCases } from './normalization.js'
import { poolingCases, resizeCases } from './pooling.js'
import { productCases } from './products.js'
import { randomCases } from './random.js'
import { selectionCases } from './selection.js'
import { gatherCases, shapeCases } from './shape.js'

export const cases: readonly OperatorCase[] = [
  ...elementwiseCases,
  ...productCases,
  ...normalizationCases,
  ...poolingCases,
  ...resizeCases,
  ...shapeCases,
  ...gatherCases,
  ...selectionCases,
  ...randomCases,
]
