import { describe, expect, it } from 'vitest'
import { Task } from '../../core/task.js'
import { lbfgs } from '../../iterations/lbfgs.js'
import { solve } from '../../iterations/parts/solve.js'
import { combine, map, norm, subtract, type Tensor, torchGenerator } from '../../math/index.js'
import { round8 } from '../../pictures/index.js'
import type { Autoencoder } from '../autoencoder.js'
import { pixelProblem } from './pixel-problem.js'
import { roundingNorm } from './rounding.js'

const shape = [3, 6, 6]
const random = torchGenerator(1)
/** D(z) = d·z, entry by entry. */
const slopes = map(random.noise(shape), (value) => 0.5 + Math.abs(value))
const decode = (latent: Tensor) => map(latent, (value, i) => slopes.data[i]! * value)
const diagonal: Autoencoder = {
  encode: async (image) => map(image, (value, i) => value / slopes.data[i]!),
  decode: async (latent) => decode(latent),
  roundTrip: async (latent) => ({ image: decode(latent), latent }),
  pullback: async (latent, image) => ({ image: decode(latent), gradient: decode(subtract(decode(latent), image)) }),
}
const latent = map(random.noise(shape), (value) => value / 5)
const image = round8(decode(latent))

describe('pixelProblem', () => {
  it('goes to the least squares of the pixels, also from where rounding explains them', async () => {
    const start = combine([1, latent], [0.1, random.noise(shape)])
    const problem = pixelProblem(start, image, diagonal)
    const { value, residual } = await new Task(solve(problem, lbfgs(), { iterations: 100 }))
    expect(residual).toBeLessThan(0.01 * roundingNorm(image.data.length, 256))
    const wanted = await diagonal.encode(image)
    // L-BFGS sees the root of the objective: √1e-16.
    expect(norm(subtract(value, wanted)) / norm(wanted)).toBeLessThan(1e-7)
  })

  it('has the gradient of the squared pixel error', async () => {
    const { residual, merit } = await pixelProblem(latent, image, diagonal).evaluate(latent)
    const wanted = decode(combine([2, decode(latent)], [-2, image]))
    expect(norm(subtract(residual, wanted)) / norm(wanted)).toBeLessThan(1e-14)
    expect(merit).toBe(norm(subtract(decode(latent), image)))
  })

  it('is refused without gradients', () => {
    const { pullback: _, ...forwardOnly } = diagonal
    const refused = expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('gradients') })
    expect(() => pixelProblem(latent, image, forwardOnly)).toThrow(refused)
  })
})
