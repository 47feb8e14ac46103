/** What every solver promises, on worlds whose denoiser and flow are known in closed form. */
import { describe, expect, it } from 'vitest'
import { betas, variancePreserving } from '../../src/diffusion/schedules.js'
import { combine, dot, torchNoise } from '../../src/math/index.js'
import { guidedWorld, shape } from './analytic-world.js'

const schedule = variancePreserving(betas('scaled-linear'))

describe('the analytic world', () => {
  it.each([1, 3])('has the pullback of its denoiser, guidance %d', async (weight) => {
    const { denoise, pullback } = guidedWorld(weight)
    const level = schedule.level(400)
    const [x, direction, cotangent] = [torchNoise(1, shape), torchNoise(2, shape), torchNoise(3, shape)]
    const step = 1e-5
    const difference = combine(
      [0.5 / step, await denoise(combine([1, x], [step, direction]), level)],
      [-0.5 / step, await denoise(combine([1, x], [-step, direction]), level)],
    )
    expect(dot(difference, cotangent)).toBeCloseTo(dot(direction, await pullback(x, level, cotangent)), 7)
  })
})
