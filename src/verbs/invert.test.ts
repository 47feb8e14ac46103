import { expect, it } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { shape } from '../../test/laws/analytic-world.js'
import type { Inverter, StepInversion } from '../diffusion/diffusion.js'
import { naive } from '../diffusion/inverters/naive.js'
import { bdia } from '../diffusion/solvers/bdia.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { heun } from '../diffusion/solvers/heun.js'
import { torchNoise } from '../math/noise.js'
import { invert } from './invert.js'

const { model } = analyticModel()
const latent = torchNoise(3, shape)
const solver = ddim({ steps: 4 })

/** Leaves its steps so. */
const leaving = (left: Pick<StepInversion, 'residual' | 'contraction'>): Inverter => ({
  name: 'leaving',
  accepts: () => true,
  async *invert(clean, ...rest) {
    const { states, solutions } = yield* naive().invert(clean, ...rest)
    return { states, solutions: solutions.map((one) => ({ ...one, ...left })) }
  },
})

const remedy = async (inverter: Inverter) => (await invert({ latent }, { model, solver, inverter })).remedy

it('is content with rounding where steps have one root, and promises nothing of 64 bits', async () => {
  const told = await remedy(leaving({ residual: 1e-4, contraction: 0.3 }))
  expect(told).toMatch(/no other inverter mends it.*helps only a picture that was made in 64 bits/)
})

it('says that steps may have no root by what is left, and by how their map draws points together', async () => {
  expect(await remedy(leaving({ residual: 1e-2, contraction: 0.3 }))).toMatch(/may have no root.*#strong-guidance/)
  expect(await remedy(leaving({ residual: 1e-4, contraction: 1.4 }))).toMatch(/may have no root.*#strong-guidance/)
})

it('advises what the picture was not made by', async () => {
  const inverter = leaving({ residual: 1e-2, contraction: 0.3 })
  const told = async (more: object) => (await invert({ latent }, { model, solver, inverter, ...more })).remedy
  expect(await told({})).toMatch(/made by Heun or in more steps:/)
  expect(await told({})).toContain('as `automatic` tries')
  expect(await told({ inverter: { ...inverter, name: 'automatic' } })).not.toContain('`automatic`')
  expect(await told({ prompt: 'a', guidance: 3 })).toMatch(/made by Heun or with less guidance:/)
  expect(await told({ solver: heun({ steps: 4, end: 'cleanest', spread: 'levels' }) })).toMatch(
    /best made in more steps:/,
  )
})

it('names what undoes a solver in closed form, and nothing else to who takes that way', async () => {
  const inverter = leaving({ residual: 1e-2, contraction: 0.3 })
  const told = async (more: object) => (await invert({ latent }, { model, solver: bdia({ steps: 4 }), ...more })).remedy
  expect(await told({ inverter })).toMatch(/closed form, .* `automatic` or `reversible`/)
  expect(await told({ inverter: { ...inverter, name: 'reversible' } })).toMatch(/may have no root/)
})

it('names what solves steps where nothing was solved', async () => {
  expect(await remedy(naive())).toMatch(/`automatic`/)
})
