/** Random numbers of a scale that leaves only the mean: what two generators agree on. ONNX Runtime asserts scale > 0. */
import { float } from '../../../src/graph/emit.js'
import { type OperatorCase, of, real } from '../case.js'

const fixed = { mean: float(0.75), scale: float(1e-30) }

export const randomCases: readonly OperatorCase[] = [
  of('RandomNormal', 'only the mean', [], { ...fixed, shape: [2, 3] }, { forwardOnly: 'it has no input' }),
  of(
    'RandomNormal',
    'in double precision',
    [],
    { ...fixed, shape: [3], dtype: 11 },
    { forwardOnly: 'it has no input' },
  ),
  of('RandomNormalLike', 'only the mean', [real([2, 3])], fixed),
  of('RandomNormalLike', 'in another type', [real([2])], { ...fixed, dtype: 11 }),
]
