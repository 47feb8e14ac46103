import { expect, it } from 'vitest'
import { combine, tensor } from '../math/tensor.js'
import { inertialKm, inertialKmStepLimit } from './inertial-km.js'

it.each([
  [0.1, 1.761, 3],
  [0.3, 1.114, 3],
  [0.5, 0.5, 12],
  [0.7, 0.141, 3],
  [0.9, 0.01163, 5],
  [0.95, 0.0027, 4],
])('Theorem 2 allows inertia %f a step of %f beta', (inertia, limit, digits) => {
  expect(inertialKmStepLimit(inertia, 1)).toBeCloseTo(limit, digits)
  expect(inertialKmStepLimit(inertia, 0.086)).toBeCloseTo(0.086 * limit, digits)
})

it('the paper needs beta of at least 0.086 for its own settings', () => {
  expect(inertialKmStepLimit(0.9, 0.0861)).toBeGreaterThan(0.001)
  expect(inertialKmStepLimit(0.9, 0.0859)).toBeLessThan(0.001)
})

it('evaluates at the points of the recursion as the paper writes it', () => {
  const [inertia, rho] = [0.7, 0.3]
  const residual = (y: number) => Math.sin(y) + 0.2 * y
  const update = inertialKm({ inertia, rho }).start(tensor([1], [2]))
  let [before, z] = [2, 2]
  let y = tensor([1], [2])
  for (let k = 0; k < 6; k++) {
    const ahead = z + inertia * (z - before)
    expect(y.data[0]).toBeCloseTo(ahead, 14)
    ;[before, z] = [z, ahead - rho * residual(ahead)]
    y = update(y, combine([residual(ahead), tensor([1], [1])]), 0)
  }
})
