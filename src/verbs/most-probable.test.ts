import { describe, expect, it } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { linearModel, linearShape, singularValues } from '../../test/laws/linear-model.js'
import { Task } from '../core/task.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { torchGenerator, torchNoise } from '../math/noise.js'
import { confidenceInterval, mean } from '../math/statistics.js'
import { dot, map, subtract, type Tensor } from '../math/tensor.js'
import { autoencoderOf } from '../model/views.js'
import { round8 } from '../pictures/pixels.js'
import { generate } from './generate.js'
import { invert } from './invert.js'
import { mostProbable } from './most-probable.js'
import { variance8 } from './noise-to-picture.js'
import { promptedDenoiser } from './sampling.js'

/** Of data: the last entries are lost in the rounding, and only the prior knows them. */
const variances = Array.from({ length: 16 }, (_, i) => 10 ** (-i / 2))
const solver = ddim({ steps: 8, spacing: 'lambda' })
const model = linearModel(variances)
const error = (noise: Tensor, truth: Tensor) => {
  const apart = subtract(noise, truth)
  return dot(apart, apart) / apart.data.length
}

/** A problem of the verbs, for the refiner alone. */
async function problemOf(image: Tensor, guidance: number, made = model) {
  const denoiser = await promptedDenoiser(made, { prompt: 'x', guidance })
  const grid = solver.grid(made.schedule(linearShape))
  return { image, solver, autoencoder: autoencoderOf(made), diffusion: { grid, ...denoiser } }
}

describe('mostProbable', () => {
  it('attains the floor of a linear world on average, where inverting alone does not', async () => {
    const floor = mean(singularValues(variances, solver, model).map((gain) => 1 / (gain ** 2 / variance8 + 1)))
    const random = torchGenerator(11)
    const errors = { inverted: [] as number[], refined: [] as number[] }
    for (let k = 0; k < 40; k++) {
      const noise = random.noise(linearShape)
      const { image } = await generate({ model, prompt: 'x', noise, guidance: 1, solver })
      const picture = { image: round8(image) }
      const asked = { model, prompt: 'x', guidance: 1, solver }
      errors.inverted.push(error((await invert(picture, asked)).noise, noise))
      const start = map(noise, () => 0)
      const { noise: refined } = await new Task(mostProbable().refine(start, await problemOf(picture.image, 1)))
      errors.refined.push(error(refined, noise))
    }
    const { mean: refined, halfWidth } = confidenceInterval(errors.refined)
    expect(Math.abs(refined - floor)).toBeLessThan(halfWidth)
    expect(halfWidth).toBeLessThan(floor / 3)
    const gained = confidenceInterval(errors.inverted.map((inverted, k) => inverted - errors.refined[k]!))
    expect(gained.mean).toBeGreaterThan(gained.halfWidth)
  })

  it('never returns what is less probable than its start', async () => {
    const mixture = analyticModel().model
    for (const guidance of [1, 3, 7.5]) {
      const { image, noise } = await generate({ model: mixture, prompt: 'x', seed: 3, guidance, solver })
      const problem = await problemOf(round8(image), guidance, mixture)
      for (const start of [noise, torchNoise(9, linearShape)]) {
        const { objective } = await new Task(mostProbable({ rounds: 2, products: 5 }).refine(start, problem))
        expect(objective.after).toBeLessThanOrEqual(objective.before)
      }
    }
  })
})
