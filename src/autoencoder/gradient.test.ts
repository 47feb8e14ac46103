import { expect, it } from 'vitest'
import { analyticAutoencoder, latentShape } from '../../test/laws/analytic-autoencoder.js'
import { Task } from '../core/task.js'
import { torchNoise } from '../math/noise.js'
import { combine, norm, subtract, type Tensor } from '../math/tensor.js'
import { gradient } from './gradient.js'

it('follows the gradient of the sum of squares, twice that of its half', async () => {
  const plain = analyticAutoencoder(0.01)
  const image = await plain.decode(torchNoise(5, latentShape))
  const visited: Tensor[] = []
  const pullback: typeof plain.pullback = (latent, target) => {
    visited.push(latent)
    return plain.pullback(latent, target)
  }
  const inverter = gradient({ optimizer: 'lbfgs', iterations: 2 })
  await new Task(inverter.invert(image, { ...plain, pullback }))
  // With so small a gradient the first step of L-BFGS is 1 times it.
  const [start, next] = visited as [Tensor, Tensor]
  const half = (await plain.pullback(start, image)).gradient
  expect(half.data.reduce((sum, value) => sum + Math.abs(value), 0)).toBeLessThan(0.5)
  expect(norm(subtract(next, combine([1, start], [-2, half])))).toBeLessThan(1e-14)
  expect(norm(half)).toBeGreaterThan(1e-3)
})
