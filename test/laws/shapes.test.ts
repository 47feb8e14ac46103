/**
 * What every latent may be: rank, shape, schedule, guidance and solver are drawn. Generating, inverting and making the
 * picture again know axes by their names, not by their number.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inverters, solvers } from '../../src/catalog.js'
import { betas, rectifiedFlow, variancePreserving } from '../../src/diffusion/index.js'
import { automatic } from '../../src/diffusion/inverters/index.js'
import { bdia, ddim, dpmSolver2M, edict, flowEuler } from '../../src/diffusion/solvers/index.js'
import { nmseDb } from '../../src/math/nmse.js'
import { torchNoise } from '../../src/math/noise.js'
import { type Shape, sameShape } from '../../src/math/tensor.js'
import { autoencoderOf } from '../../src/model/index.js'
import { generate } from '../../src/verbs/generate.js'
import { invert, invertAll } from '../../src/verbs/invert.js'
import { reconstruct } from '../../src/verbs/reconstruct.js'
import { analyticModel } from './analytic-model.js'

const side = fc.integer({ min: 1, max: 4 })
/** Channels first; at most as many as a picture has room for. */
const shapes: fc.Arbitrary<Shape> = fc
  .integer({ min: 1, max: 3 })
  .chain((sides) => fc.tuple(fc.integer({ min: 1, max: 3 }), ...Array.from({ length: sides }, () => side)))

const schedules = fc.constantFrom(
  variancePreserving(betas('scaled-linear')),
  variancePreserving(betas('linear')),
  variancePreserving(betas('cosine')),
)

const guidances = fc.oneof(fc.constantFrom(0, 1, 7.5), fc.double({ min: 0.5, max: 5, noNaN: true }))

const made = fc.constantFrom(
  ddim({ steps: 12, spacing: 'lambda' }),
  dpmSolver2M({ steps: 12, spacing: 'lambda' }),
  edict({ steps: 8, spacing: 'lambda' }),
  bdia({ steps: 8, spacing: 'lambda' }),
)

/** Its cleanest level keeps some noise: a step to none cannot be undone. */
const flow = rectifiedFlow({ cleanest: 0.01 })

/** What solving a step leaves, −120 dB, is amplified by strong guidance over a dozen steps: by 20 dB and more. */
const tolerance = 1e-6
const solvedDb = -60
const runs = { numRuns: 40 }

describe('whatever the rank, shape, schedule, guidance and solver', () => {
  it('a noise is found that leads to the state, or the inversion says that it is not; without extrapolation the one', async () => {
    let converged = 0
    let same = 0
    await fc.assert(
      fc.asyncProperty(shapes, schedules, guidances, made, async (shape, schedule, guidance, solver) => {
        const { model } = analyticModel({ shape, schedule })
        const options = { model, prompt: 'a', guidance, solver, inverter: automatic({ tolerance }) }
        const { noise, latent, states, image } = await generate({ ...options, noise: torchNoise(3, shape) })
        expect(latent.shape).toEqual(shape)
        expect(image.shape).toEqual(model.layout.pictureShape(shape))
        const found = await invert({ state: states.at(-1)! }, options)
        if (found.outcome !== 'converged') return
        converged++
        // Guidance above 1 can lead several noises to one state on a grid as coarse as this.
        const isSame = nmseDb(found.noise, noise) < solvedDb
        if (isSame) same++
        expect(isSame || guidance > 1).toBe(true)
        const { match } = await reconstruct(found.states[0]!, { ...options, reference: { latent, image } })
        expect(match.latentNmseDb).toBeLessThan(solvedDb)
      }),
      runs,
    )
    expect(converged).toBeGreaterThan(0.9 * runs.numRuns)
    expect(same).toBeGreaterThan(0.9 * runs.numRuns)
  })

  it('several at the same time are what they are alone', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, guidances, async (shape, guidance) => {
        const { model } = analyticModel({ shape })
        const options = { model, prompt: 'a', guidance, solver: ddim({ steps: 4, spacing: 'lambda' }) }
        const latents = [1, 2, 3].map((seed) => torchNoise(seed, shape))
        const together = await invertAll(
          latents.map((latent) => ({ latent })),
          { ...options, chunk: 2 },
        )
        for (const [i, latent] of latents.entries()) {
          expect(together[i]!.noise).toEqual((await invert({ latent }, options)).noise)
        }
      }),
      { numRuns: 15 },
    )
  })

  it('latents of another shape are refused', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, shapes, async (shape, other) => {
        fc.pre(!sameShape(shape, other))
        const { model } = analyticModel({ shape })
        const attempt = invert({ latent: torchNoise(1, other) }, { model, solver: ddim({ steps: 2 }) })
        await expect(Promise.resolve(attempt)).rejects.toMatchObject({ code: 'bad-shape' })
      }),
      runs,
    )
  })
})

describe('every solver and every inverter that accepts it', () => {
  const clip: Shape = [2, 3, 2, 4]
  const cases = solvers.flatMap(({ definition }) =>
    inverters.map((inverter) => [definition.id, inverter.definition.id, definition, inverter] as const),
  )
  it.each(cases)('%s under %s takes clips: channels × frames × height × width', async (_, __, definition, inverter) => {
    const made = { steps: 6, end: 'cleanest', spread: 'levels', spacing: 'linspace' }
    const solver = definition.make(made as Record<string, unknown>)
    const isFlow = definition.id.startsWith('flow')
    const { model } = analyticModel({ shape: clip, ...(isFlow && { schedule: flow }) })
    expect(model.layout.axes).toEqual(['channels', 'frames', 'height', 'width'])
    const undo = inverter()
    const grid = solver.grid(model.schedule(clip))
    if (undo.accepts(solver, grid) !== true) return
    const options = { model, prompt: 'a', guidance: 1, solver }
    const { states, latent } = await generate({ ...options, seed: 5 })
    const found = await invert({ state: states.at(-1)! }, { ...options, inverter: undo })
    expect(found.noise.shape).toEqual(clip)
    expect(found.states.every(({ x }) => sameShape(x.shape, clip))).toBe(true)
    // Inverters that find no memory leave it to the solver.
    const [start] = found.states
    const { image } = await reconstruct(start!.memory.length > 0 ? start! : found.noise, options)
    expect(image.shape).toEqual((await autoencoderOf(model).decode(latent)).shape)
  })
})

it('a flow of a clip goes there and back', async () => {
  const shape: Shape = [3, 4, 2, 2]
  const { model } = analyticModel({ shape, schedule: flow })
  const solver = flowEuler({ steps: 10, end: 'cleanest' })
  const options = { model, prompt: 'a', guidance: 2, solver, inverter: automatic({ tolerance }) }
  const { noise, latent } = await generate({ ...options, seed: 2 })
  const found = await invert({ latent }, options)
  expect(found.outcome).toBe('converged')
  expect(nmseDb(found.noise, noise)).toBeLessThan(solvedDb)
})
