import { describe, expect, it } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { linearModel, linearShape, singularValues } from '../../test/laws/linear-model.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { dpmSolver2M } from '../diffusion/solvers/dpm-solver-2m.js'
import { heun } from '../diffusion/solvers/heun.js'
import { torchNoise } from '../math/noise.js'
import { mean } from '../math/statistics.js'
import { variance8 } from './noise-to-picture.js'
import { pictureFloor } from './picture-floor.js'

/** Of data: from what the picture shows well to what the sampler nearly forgets. */
const variances = Array.from({ length: 16 }, (_, i) => 10 ** (-i / 3))
const solver = ddim({ steps: 8, spacing: 'lambda' })
const model = linearModel(variances)
const noise = torchNoise(1, linearShape)

/** Central differences of a linear decoder are exact up to rounding; so are Cholesky's numbers. */
const rounding = 1e-5

describe('pictureFloor', () => {
  it('is the posterior variance of a linear world', async () => {
    const told = singularValues(variances, solver, model).map((gain) => 1 / (gain ** 2 / variance8 + 1))
    const { nmseDb } = await pictureFloor(noise, { model, solver, probes: 'whole' })
    expect(Math.max(...told)).toBeGreaterThan(100 * Math.min(...told))
    expect(Math.abs(nmseDb - 10 * Math.log10(mean(told)))).toBeLessThan(rounding)
  })

  it.each([
    ['a linear world', model, solver, 1],
    ['a mixture under guidance', analyticModel().model, solver, 3],
    ['a multistep solver', analyticModel().model, dpmSolver2M({ steps: 8, spacing: 'lambda' }), 3],
  ] as const)('is within the interval of its probes in %s', async (_, model, solver, guidance) => {
    const asked = { model, solver, guidance, prompt: 'x' }
    const whole = await pictureFloor(noise, { ...asked, probes: 'whole' })
    const { intervalDb, each } = await pictureFloor(noise, { ...asked, probes: 12, tolerance: 1e-6 })
    expect(each).toHaveLength(12)
    // Random signs know the trace of a diagonal matrix exactly: there the interval has no width.
    expect(whole.nmseDb).toBeGreaterThanOrEqual(intervalDb!.low - rounding)
    expect(whole.nmseDb).toBeLessThanOrEqual(intervalDb!.high + rounding)
  })

  it('refuses solvers that ask the network inside a step', async () => {
    await expect(pictureFloor(noise, { model, solver: heun({ steps: 4 }), probes: 2 })).rejects.toThrow(/`heun`/)
  })
})
