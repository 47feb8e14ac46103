import { expect, it } from 'vitest'
import { tensor } from '../math/tensor.js'
import { plateauStep } from './plateau-step.js'

/** The step sizes that residuals of 1 with the given losses lead to. */
function steps(losses: readonly number[], options?: Parameters<typeof plateauStep>[0]): number[] {
  const zero = tensor([1], [0])
  const update = plateauStep(options).start(zero)
  return losses.map((loss) => -update(zero, tensor([1], [1]), Math.sqrt(loss)).data[0]!)
}

it('warms up to rho over 20 updates', () => {
  const falling = Array.from({ length: 22 }, (_, i) => 1 / (i + 1))
  const sizes = steps(falling, { rho: 0.5 })
  expect(sizes[0]).toBeCloseTo(0.025, 12)
  expect(sizes[9]).toBeCloseTo(0.25, 12)
  expect(sizes.slice(19)).toEqual([0.5, 0.5, 0.5])
})

/** PyTorch: the first loss is the best; the 21st after it that is no better halves the step for the update that follows. */
it('halves the step after more than 20 losses that are no lower by 1e-4', () => {
  const flat = Array.from({ length: 50 }, (_, i) => 1 - 1e-6 * i)
  const sizes = steps(flat, { rho: 1, warmUp: 0 })
  expect(sizes.slice(0, 22).every((size) => size === 1)).toBe(true)
  expect(sizes.slice(22, 43).every((size) => size === 0.5)).toBe(true)
  expect(sizes[43]).toBe(0.25)
})

it('overwrites during the warm-up what was halved', () => {
  const flat = Array.from({ length: 21 }, () => 1)
  const sizes = steps(flat, { rho: 1, warmUp: 20, patience: 3 })
  expect(sizes[19]).toBe(1)
})
