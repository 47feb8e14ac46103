/** Where a step is not solved to the tolerance: whether other ways are tried. */
import { expect, it } from 'vitest'
import { Task } from '../../../core/task.js'
import { map, type Tensor, tensor } from '../../../math/tensor.js'
import { rectifiedFlow } from '../../schedules.js'
import { flowEuler } from '../../solvers/flow-euler.js'
import { automatic } from '../automatic.js'
import { implicit } from '../implicit.js'

const schedule = rectifiedFlow()
/** The last steps of a flow: a clean end whose noise is small, so that rounding is much of it. */
const grid = [9, 2].map((t) => schedule.level(t))
const target = tensor(
  [4, 8, 8],
  Float64Array.from({ length: 256 }, (_, i) => Math.sin(12.9898 * i)),
)
const tolerance = 1e-6

/** The evaluations of one step, with a network that answers so. */
async function evaluationsOf(denoise: (x: Tensor) => Tensor, inverter = automatic({ tolerance })) {
  const diffusion = { schedule, grid, denoise: async (x: Tensor) => denoise(x) }
  const clean = { index: 1, x: target, memory: [] }
  const { solutions } = await new Task(inverter.invert(clean, flowEuler(), diffusion))
  return solutions[0]!
}

/** A network in float32: the last bits of its answers are as good as chance. */
const rounding = (x: Tensor): Tensor => map(x, (value) => Math.fround(0.9 * value + 1e-7 * Math.sin(1e9 * value)))

it('at the rounding of float32 nothing else is tried', async () => {
  const found = await evaluationsOf(rounding)
  const alone = await evaluationsOf(rounding, implicit({ tolerance }))
  expect(alone).toMatchObject({ outcome: 'exhausted' })
  expect(alone.residual).toBeLessThan(1e-3)
  expect(found).toMatchObject({ evaluations: alone.evaluations, residual: alone.residual })
})

it('above it everything is tried', async () => {
  // No root near: the answer jumps where x changes its sign about the target.
  const jumping = (x: Tensor): Tensor => map(x, (value, i) => (value > target.data[i]! ? 40 : -40))
  const [found, alone] = [await evaluationsOf(jumping), await evaluationsOf(jumping, implicit({ tolerance }))]
  expect(alone).toMatchObject({ outcome: 'exhausted' })
  expect(found.evaluations).toBeGreaterThan(2 * alone.evaluations)
})
