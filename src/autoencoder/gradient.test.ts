import { expect, it } from 'vitest'
import { analyticAutoencoder, latentShape } from '../../test/laws/analytic-autoencoder.js'
import { Task } from '../core/task.js'
import { torchNoise } from '../math/noise.js'
import { combine, map, norm, subtract, type Tensor } from '../math/tensor.js'
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

it('halves the scale of its loss until nothing overflows, and then moves as without', async () => {
  const plain = analyticAutoencoder(0.01)
  const image = await plain.decode(torchNoise(5, latentShape))
  const asked: number[] = []
  const narrow: typeof plain.pullback = async (latent, target, scale = 1) => {
    asked.push(scale)
    const pulled = await plain.pullback(latent, target)
    return scale > 4 ? { ...pulled, gradient: map(pulled.gradient, () => Number.POSITIVE_INFINITY) } : pulled
  }
  const run = (lossScale: number, pullback: typeof plain.pullback) =>
    new Task(gradient({ optimizer: 'lbfgs', iterations: 3, lossScale }).invert(image, { ...plain, pullback }))
  expect(await run(16, narrow)).toEqual(await run(1, plain.pullback))
  expect(asked).toEqual([16, 8, 4, 4, 4])
})

it('an overflow without a scale ends it, diverged', async () => {
  const plain = analyticAutoencoder(0.01)
  const image = await plain.decode(torchNoise(5, latentShape))
  const pullback: typeof plain.pullback = async (...question) => {
    const pulled = await plain.pullback(...question)
    return { ...pulled, gradient: map(pulled.gradient, () => Number.NaN) }
  }
  for (const lossScale of [1, 4]) {
    const inverter = gradient({ optimizer: 'lbfgs', iterations: 3, lossScale })
    expect((await new Task(inverter.invert(image, { ...plain, pullback }))).outcome).toBe('diverged')
  }
})
