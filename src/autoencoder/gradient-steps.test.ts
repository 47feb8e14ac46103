import { describe, expect, it } from 'vitest'
import { Task } from '../core/task.js'
import { combine, map, norm, round8, subtract, type Tensor, torchGenerator } from '../math/index.js'
import type { Autoencoder } from './autoencoder.js'
import { gradientSteps } from './gradient-steps.js'
import { roundingNorm, roundingVariance } from './rounding.js'

const shape = [3, 6, 6]
const random = torchGenerator(1)
/** D(z) = d·z, entry by entry. */
const slopes = map(random.noise(shape), (value) => 0.5 + Math.abs(value))
const decode = (latent: Tensor) => map(latent, (value, i) => slopes.data[i]! * value)
const diagonal: Autoencoder = {
  latentShape: () => shape,
  encode: async (image) => map(image, (value, i) => value / slopes.data[i]!),
  decode: async (latent) => decode(latent),
  roundTrip: async (latent) => ({ image: decode(latent), latent }),
  pullback: async (latent, image) => ({ image: decode(latent), gradient: decode(subtract(decode(latent), image)) }),
}
const latent = map(random.noise(shape), (value) => value / 5)
const image = round8(decode(latent))

describe('gradientSteps', () => {
  it('come to the most probable latent', async () => {
    const rounding = Math.sqrt(roundingVariance(256))
    // So far off that the start's error, thought to be of three roundings, and not the picture's is what stays.
    const start = combine([1, latent], [10 * rounding, random.noise(shape)])
    const deviation = 3 * rounding
    const expectedNmseDb = 10 * Math.log10((deviation ** 2 * start.data.length) / norm(start) ** 2)
    const options = { pullbacks: 100, expectedNmseDb }
    const { value, residual } = await new Task(gradientSteps(start, image, diagonal, options))
    // (d²/s² + 1/τ²)·z = d·x/s² + start/τ²
    const [s2, t2] = [rounding ** 2, deviation ** 2]
    const wanted = map(start, (from, i) => {
      const d = slopes.data[i]!
      return ((d * image.data[i]!) / s2 + from / t2) / (d ** 2 / s2 + 1 / t2)
    })
    // L-BFGS sees the root of the objective, which is flat there: √1e-16.
    expect(norm(subtract(value, wanted)) / norm(wanted)).toBeLessThan(1e-7)
    const misfit = norm(subtract(decode(wanted), image)) ** 2 + (s2 / t2) * norm(subtract(wanted, start)) ** 2
    expect(residual ** 2 / misfit).toBeCloseTo(1, 9)
  })

  it('go on where rounding explains the picture, to the least squares of its pixels', async () => {
    const start = combine([1, latent], [0.1, random.noise(shape)])
    const { value, residual } = await new Task(gradientSteps(start, image, diagonal, { pullbacks: 100 }))
    expect(residual).toBeLessThan(0.01 * roundingNorm(image.data.length, 256))
    const wanted = await diagonal.encode(image)
    // L-BFGS sees the root of the objective: √1e-16.
    expect(norm(subtract(value, wanted)) / norm(wanted)).toBeLessThan(1e-7)
  })

  it('keep to their budget', async () => {
    const start = combine([1, latent], [0.1, random.noise(shape)])
    const solution = await new Task(gradientSteps(start, image, diagonal, { pullbacks: 2 }))
    expect(solution).toMatchObject({ outcome: 'exhausted', evaluations: 2 })
  })

  it('are refused without gradients', async () => {
    const { pullback: _, ...forwardOnly } = diagonal
    const task = new Task(gradientSteps(latent, image, forwardOnly, { pullbacks: 5 }))
    await expect(task).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('gradients') })
  })
})
