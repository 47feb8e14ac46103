import { expect, it } from 'vitest'
import { Task } from '../core/task.js'
import { nmseDb } from '../math/nmse.js'
import { torchNoise } from '../math/noise.js'
import { combine, type Tensor } from '../math/tensor.js'
import { automatic } from './inverters/automatic.js'
import type { NoiseLevel } from './level.js'
import { inBfloat16, roundingDb, toBfloat16 } from './rounded.js'
import { sample } from './sample.js'
import { rectifiedFlow } from './schedules.js'
import { flowEuler } from './solvers/flow-euler.js'

/** The estimate moves by rounding as much as the numbers do: a factor of two either way is what first order leaves. */
const firstOrderDb = 3

it('rounds every state, and says how near an inversion of what it rounds comes to the noise', async () => {
  const schedule = rectifiedFlow()
  const solver = inBfloat16(flowEuler({ steps: 8 }))
  // A velocity of x/5: it hardly damps.
  const denoise = async (x: Tensor, { sigma }: NoiseLevel) => combine([1 - sigma / 5, x])
  const diffusion = { grid: solver.grid(schedule), schedule, denoise }
  const noise = torchNoise(1, [16, 16, 16])
  const { states } = await new Task(sample(noise, solver, diffusion))
  for (const { x } of states) expect(x).toEqual(toBfloat16(x))
  const found = await new Task(automatic().invert(states.at(-1)!, solver.unrounded!, diffusion))
  expect(found.solutions.every(({ outcome }) => outcome === 'converged')).toBe(true)
  const away = nmseDb(found.states[0]!.x, states[0]!.x)
  const told = roundingDb(found.states.slice(0, -1))
  expect(Math.abs(away - told)).toBeLessThan(firstOrderDb)
  expect(away).toBeGreaterThan(-60)
})
