/** Imprinting in a world that is known in closed form: its gradient, what it forges and removes, what it costs. */
import { describe, expect, it } from 'vitest'
import { analyticImageShape, analyticModel } from '../../../test/laws/analytic-model.js'
import { guidedWorld, shape } from '../../../test/laws/analytic-world.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { ddim } from '../../diffusion/solvers/ddim.js'
import { torchNoise } from '../../math/noise.js'
import { combine, dot, map, norm, type Tensor, zeros } from '../../math/tensor.js'
import { psnrDb, round8 } from '../../pictures/pixels.js'
import { generate } from '../../verbs/generate.js'
import { invert } from '../../verbs/invert.js'
import { imprintNoise, noiseProblem } from './imprint.js'

const solver = ddim({ steps: 8, spacing: 'lambda' })
const generated = async (seed: number) => {
  const { model } = analyticModel()
  const made = await generate({ model, prompt: '', guidance: 1, seed, solver })
  return { ...made, image: round8(made.image) }
}
const correlation = (a: Tensor, b: Tensor): number => dot(a, b) / (norm(a) * norm(b))

it('has the gradient that finite differences have', async () => {
  const { model } = analyticModel()
  const grid = solver.grid(model.schedule(shape))
  const start = torchNoise(1, shape)
  const { problem } = noiseProblem(start, torchNoise(2, shape), { grid, ...guidedWorld(1) })
  const { residual } = await problem.evaluate(start)
  const merit = async (x: Tensor) => (await problem.evaluate(x)).merit!
  // Central differences of step h: an error of h²·f‴ and of 1e-16/h.
  const [step, tolerance] = [1e-5, 1e-7]
  for (let i = 0; i < start.data.length; i++) {
    const along = map(zeros(shape), (_, k) => (k === i ? 1 : 0))
    const [ahead, behind] = [combine([1, start], [step, along]), combine([1, start], [-step, along])]
    const slope = ((await merit(ahead)) - (await merit(behind))) / (2 * step)
    expect(Math.abs(slope - residual.data[i]!)).toBeLessThan(tolerance)
  }
})

it('evaluates the noise that naive inversion finds', async () => {
  const { model } = analyticModel()
  const { latent } = await generated(3)
  const { noise } = await invert({ latent }, { model, solver, inverter: naive({ label: 'cleaner' }) })
  const { problem, reached } = noiseProblem(latent, noise, {
    grid: solver.grid(model.schedule(shape)),
    ...guidedWorld(1),
  })
  const { merit } = await problem.evaluate(latent)
  expect(norm(combine([1, reached(latent)], [-1, noise]))).toBeLessThan(1e-12)
  expect(merit).toBeLessThan(1e-24)
})

describe('imprintNoise', () => {
  it('forges: a detector finds the noise of the marked picture, and the cover is still there', async () => {
    const [{ model }, marked, cover] = [analyticModel(), await generated(5), await generated(6)]
    const read = async (image: Tensor) => (await invert({ image }, { model, solver })).noise
    const options = { model, target: await read(marked.image), solver }
    const forged = await imprintNoise(cover.image, { ...options, iterations: 100 })
    // Independent noise of 16 entries is correlated by 0.25.
    expect(Math.abs(correlation(await read(cover.image), marked.noise))).toBeLessThan(0.5)
    expect(correlation(await read(forged.image), marked.noise)).toBeGreaterThan(0.8)
    // Nearer to the cover than to the marked picture, which the longest way would lead to.
    expect(psnrDb(forged.image, cover.image)).toBeGreaterThan(psnrDb(forged.image, marked.image))
    expect(forged.image).toEqual(round8(forged.image))
    const longer = await imprintNoise(cover.image, { ...options, iterations: 300 })
    expect(longer.solution.residual).toBeLessThan(forged.solution.residual)
    expect(psnrDb(longer.image, cover.image)).toBeLessThan(psnrDb(forged.image, cover.image))
  })

  it('removes: the noise turns away from what it was', async () => {
    const [{ model }, marked] = [analyticModel(), await generated(3)]
    const { noise } = await invert({ image: marked.image }, { model, solver })
    const target = map(noise, (value) => -value)
    const { image, noise: left } = await imprintNoise(marked.image, { model, target, solver, iterations: 100 })
    expect(correlation(left, marked.noise)).toBeLessThan(0)
    expect(correlation((await invert({ image }, { model, solver })).noise, marked.noise)).toBeLessThan(0.3)
  })

  it('asks once for each step, and ends when it is enough', async () => {
    const world = analyticModel()
    const [marked, cover] = [await generated(3), await generated(4)]
    const options = { model: world.model, target: marked.noise, solver, iterations: 50 }
    const { solution } = await imprintNoise(cover.image, options)
    expect(world.asked().estimates).toBe(50 * 8)
    const enough = (solution.history[0]! + solution.residual) / 2
    const sooner = await imprintNoise(cover.image, { ...options, enough })
    expect(sooner.solution).toMatchObject({ outcome: 'converged' })
    expect(sooner.solution.residual).toBeLessThanOrEqual(enough)
    expect(sooner.solution.evaluations).toBeLessThan(50)
  })

  it('refuses what does not fit, and stops when asked', async () => {
    const { model } = analyticModel()
    const image = zeros(analyticImageShape)
    const target = torchNoise(1, shape)
    await expect(imprintNoise(image, { model, target: zeros([1]) })).rejects.toMatchObject({ code: 'bad-shape' })
    const forgetful = ddim({ end: 'zero' })
    const refused = imprintNoise(image, { model, target, solver: forgetful })
    await expect(refused).rejects.toMatchObject({ code: 'unsupported' })
    const controller = new AbortController()
    const task = imprintNoise(image, { model, target, solver, signal: controller.signal })
    const reason = new Error('enough')
    const run = async () => {
      for await (const { done } of task) if (done === 2) controller.abort(reason)
    }
    await expect(run()).rejects.toBe(reason)
  })
})
