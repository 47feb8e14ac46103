import { describe, expect, it } from 'vitest'
import { analyticAutoencoder, imageShape, latentShape } from '../../test/laws/analytic-autoencoder.js'
import { Task } from '../core/task.js'
import { torchNoise } from '../math/noise.js'
import { map, type Tensor } from '../math/tensor.js'
import { round8 } from '../pictures/pixels.js'
import { accelerated } from './accelerated.js'
import { roundingNorm } from './parts/rounding.js'

const autoencoder = analyticAutoencoder(0.6)
// Small enough that no pixel is cut off at −1 or 1.
const latent = map(torchNoise(3, latentShape), (value) => value / 4)
const exact = await autoencoder.decode(latent)
const rounded = round8(exact)
const count = exact.data.length

const run = (image: Tensor, options = {}) => new Task(accelerated(options).invert(image, autoencoder))

describe('accelerated', () => {
  it('stops as soon as rounding explains what is left', async () => {
    expect(exact.shape).toEqual(imageShape)
    const { outcome, residual, history, evaluations } = await run(rounded)
    const enough = Number(accelerated.definition.fields.margin!.default) * roundingNorm(count, 256)
    expect(outcome).toBe('converged')
    expect(residual).toBeLessThanOrEqual(enough)
    expect(history.slice(0, -1).every((merit) => merit > enough)).toBe(true)
    expect(evaluations).toBeGreaterThan(1)
  })

  it('goes on with margin 0 while it gets nearer, and stops earlier with fewer levels', async () => {
    const usual = await run(rounded)
    expect((await run(rounded, { margin: 0 })).evaluations).toBeGreaterThan(usual.evaluations)
    expect((await run(rounded, { levels: 16 })).evaluations).toBeLessThan(usual.evaluations)
  })

  it('runs out of patience where the picture did not come from the decoder', async () => {
    const { outcome, history } = await run(torchNoise(6, imageShape), { iterations: 50, patience: 3 })
    expect(outcome).toBe('exhausted')
    expect(history.length).toBeLessThan(50)
    expect(Math.min(...history.slice(-3))).toBeGreaterThanOrEqual(Math.min(...history.slice(0, -3)))
  })
})
