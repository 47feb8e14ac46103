import { describe, expect, it } from 'vitest'
import { guidedWorld, shape } from '../../test/laws/analytic-world.js'
import { Task } from '../core/task.js'
import { torchNoise } from '../math/noise.js'
import { combine, dot, norm, subtract } from '../math/tensor.js'
import { linearized } from './linearized.js'
import { sample } from './sample.js'
import { betas, variancePreserving } from './schedules.js'
import { bdia } from './solvers/bdia.js'
import { ddim } from './solvers/ddim.js'
import { dpmSolver2M } from './solvers/dpm-solver-2m.js'
import { dpmSolver2S } from './solvers/dpm-solver-2s.js'
import { dpmSolver3M } from './solvers/dpm-solver-3m.js'
import { heun } from './solvers/heun.js'

const schedule = variancePreserving(betas('scaled-linear'))
const { denoise, pullback } = guidedWorld(3)
const grid = { steps: 7, end: 'cleanest' } as const

/** Central differences of step 1e-5 in float64. */
const differences = { step: 1e-5, error: 1e-7 }
/** Of a dot product in float64. */
const rounding = 1e-10

describe.each(
  [ddim(grid), dpmSolver2M(grid), dpmSolver2S(grid), dpmSolver3M(grid), bdia(grid)].map(
    (solver) => [solver.name, solver] as const,
  ),
)('linearized %s', (_, solver) => {
  // The analytic world's Jacobian is symmetric.
  const diffusion = { grid: solver.grid(schedule), denoise, pullback, pushforward: pullback }
  const run = async (noise: ReturnType<typeof torchNoise>) => await new Task(sample(noise, solver, diffusion))
  const [noise, tangent, cotangent] = [1, 2, 3].map((seed) => torchNoise(seed, shape)) as [never, never, never]

  it('carries tangents as differences of two runs do', async () => {
    const { states } = await run(noise)
    const forward = await linearized(states, solver, diffusion).pushforward(tangent)
    const { step } = differences
    const moved = async (by: number) => (await run(combine([1, noise], [by, tangent]))).states.at(-1)!.x
    const expected = combine([1 / (2 * step), await moved(step)], [-1 / (2 * step), await moved(-step)])
    expect(norm(subtract(forward, expected)) / norm(expected)).toBeLessThan(differences.error)
  })

  it('pulls cotangents back by the transposed', async () => {
    const { states } = await run(noise)
    const { pushforward, pullback } = linearized(states, solver, diffusion)
    const [there, back] = [dot(await pushforward(tangent), cotangent), dot(tangent, await pullback(cotangent))]
    expect(Math.abs(there / back - 1)).toBeLessThan(rounding)
  })
})

describe('linearized', () => {
  it('refuses solvers that ask the network inside a step, and denoisers without derivatives', async () => {
    expect(() => linearized([], heun(grid), { grid: [], denoise })).toThrow(/`heun`/)
    const solver = ddim(grid)
    const diffusion = { grid: solver.grid(schedule), denoise }
    const x = torchNoise(1, shape)
    const { states } = await new Task(sample(x, solver, diffusion))
    await expect(linearized(states, solver, diffusion).pullback(x)).rejects.toThrow(/derivatives/)
  })
})
