/** What every inverter promises, with every solver, on worlds whose denoiser is known in closed form. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { guidedInverters, inverters, solvers } from '../../src/catalog.js'
import { expected, parse, Task } from '../../src/core/index.js'
import { negativePrompt, nullText, withEmbeddings } from '../../src/diffusion/guided-editing/index.js'
import {
  betas,
  type Denoiser,
  type Diffusion,
  type Inverter,
  rectifiedFlow,
  type Solver,
  type State,
  sample,
  type Trajectory,
  variancePreserving,
} from '../../src/diffusion/index.js'
import {
  algorithm1,
  algorithm2,
  automatic,
  branching,
  implicit,
  naive,
  reversible,
  sweep,
} from '../../src/diffusion/inverters/index.js'
import { bdia, bdiaDpmSolver, ddim, dpmSolver2M, edict, oBelm, rex } from '../../src/diffusion/solvers/index.js'
import {
  combine,
  dot,
  isFinite as isFiniteTensor,
  map,
  norm,
  subtract,
  type Tensor,
  torchNoise,
} from '../../src/math/index.js'
import { guidedWorld, mixtureDenoiser, roundedToSingle, shape, unconditionalMixture } from './analytic-world.js'

/** The noise's squared relative error. −90 dB is what the default tolerance promises, with what errors grow by. */
const accurate = 1e-9
/** Rounding of float64, amplified by what reversible solvers divide by. */
const closed = 1e-24
/** Inversions that solve nothing, or another equation: at 50 steps and guidance 1 they are near, not there. */
const near = 0.03

const nmse = (x: Tensor, reference: Tensor): number =>
  dot(subtract(x, reference), subtract(x, reference)) / dot(reference, reference)

const schedules = { flow: rectifiedFlow({ cleanest: 0.01 }), variance: variancePreserving(betas('scaled-linear')) }
const scheduleOf = ({ name }: Solver) => (name.startsWith('flow') ? schedules.flow : schedules.variance)

interface Run {
  readonly solver: Solver
  readonly noise: Tensor
  readonly clean: State
  readonly diffusion: Diffusion
  evaluations(): number
}

/** A sample of a solver, to be inverted by a denoiser that counts. */
async function run(solver: Solver, world = guidedWorld(1), seed = 3): Promise<Run> {
  const schedule = scheduleOf(solver)
  const grid = solver.grid(schedule)
  const x = combine([Math.hypot(grid[0]!.alpha, grid[0]!.sigma), torchNoise(seed, shape)])
  const { states } = await new Task(sample(x, solver, { grid, denoise: world.denoise }))
  let count = 0
  const diffusion: Diffusion = {
    grid,
    schedule,
    denoise: (...question) => {
      count++
      return world.denoise(...question)
    },
    pullback: (...question) => {
      count++
      return world.pullback(...question)
    },
  }
  return { solver, noise: x, clean: states.at(-1)!, diffusion, evaluations: () => count }
}

const inverted = (inverter: Inverter, { clean, solver, diffusion }: Run): Promise<Trajectory> =>
  Promise.resolve(new Task(inverter.invert(clean, solver, diffusion)))

const total = ({ solutions }: Trajectory) => solutions.reduce((sum, { evaluations }) => sum + evaluations, 0)

const outcomes = ({ solutions }: Trajectory) => [...new Set(solutions.map(({ outcome }) => outcome))].sort()

const toleranceOf: Readonly<Record<string, number>> = {
  automatic: accurate,
  implicit: accurate,
  branching: accurate,
  sweep: accurate,
  reversible: closed,
  naive: near,
  'algorithm-1': near,
  'algorithm-2': near,
}

/** Every exported solver; those that sample down to sigma = 0 by default are told to stop above it. */
const makers = solvers.map(
  ({ definition }) =>
    [
      definition.id,
      (steps: number) =>
        definition.make({ steps, end: 'cleanest', spread: 'levels', spacing: 'linspace' } as Record<string, unknown>),
    ] as const,
)

it.each([
  ['inverters', inverters],
  ['guided-editing', guidedInverters],
])('the catalogue has every method of %s', (folder, list) => {
  const files = readdirSync(new URL(`../../src/diffusion/${folder}`, import.meta.url))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'index.ts')
    .map((file) => file.replace('.ts', ''))
  expect(list.map(({ definition }) => definition.id).sort()).toEqual(files.sort())
})

it('is made from text', () => {
  expect(parse(inverters, 'implicit:iteration=anderson,tolerance=1e-7').name).toBe('implicit')
  expect(() => parse(inverters, 'implicit:iteration=andersen')).toThrow('anderson')
})

describe.each(inverters.map((factory) => [factory.definition.id, factory()] as const))('%s', (id, inverter) => {
  it.each(makers)('finds the noise of %s, or refuses', async (_, make) => {
    const given = await run(make(50))
    const answer = inverter.accepts(given.solver, given.diffusion.grid)
    if (answer !== true) {
      await expect(inverted(inverter, given)).rejects.toMatchObject({ code: 'unsupported' })
      expect(given.evaluations()).toBe(0)
      return
    }
    const trajectory = await inverted(inverter, given)
    const { states, solutions } = trajectory
    expect(nmse(states[0]!.x, given.noise)).toBeLessThan(toleranceOf[id]!)
    expect(total(trajectory)).toBe(given.evaluations())
    expect(states.map(({ index }) => index)).toEqual(given.diffusion.grid.map((_, index) => index))
    expect(solutions).toHaveLength(states.length - 1)
    if (toleranceOf[id]! < near) expect(outcomes(trajectory)).toEqual(['converged'])
  })

  it('refuses a step to sigma = 0 before any evaluation, with the remedy', async () => {
    const given = await run(ddim({ steps: 10, end: 'zero' }))
    await expect(inverted(inverter, given)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(id === 'reversible' ? 'implicit' : 'end=cleanest'),
    })
    expect(given.evaluations()).toBe(0)
  })

  it('stops when it is told to', async () => {
    const solver = id === 'reversible' ? edict({ steps: 20 }) : dpmSolver2M({ steps: 20 })
    const given = await run(['implicit', 'branching', 'algorithm-1'].includes(id) ? ddim({ steps: 20 }) : solver)
    const controller = new AbortController()
    const { denoise } = given.diffusion
    /** A model's denoiser has its signal bound: it refuses to answer after an abort. */
    const bound: Denoiser = async (...question) => {
      controller.signal.throwIfAborted()
      if (given.evaluations() === 4) controller.abort(new Error('enough'))
      return await denoise(...question)
    }
    const diffusion = { ...given.diffusion, denoise: bound }
    await expect(inverted(inverter, { ...given, diffusion })).rejects.toThrow('enough')
    expect(given.evaluations()).toBe(5)
  })
})

describe('large guidance', () => {
  const exact = [automatic(), implicit(), branching({ restarts: 4 }), sweep(), reversible()]
  it.each(exact.map((inverter) => [inverter.name, inverter] as const))('%s', async (_, inverter) => {
    for (const [, make] of makers) {
      const solver = make(20)
      const given = await run(solver, guidedWorld(7.5))
      if (inverter.accepts(solver, given.diffusion.grid) !== true) continue
      const trajectory = await inverted(inverter, given)
      expect(nmse(trajectory.states[0]!.x, given.noise), solver.name).toBeLessThan(1e-8)
      expect(outcomes(trajectory), solver.name).toEqual(['converged'])
    }
  })
})

describe('implicit', () => {
  it.each(['picard', 'forward-step', 'anderson', 'newton-krylov', 'gradient-descent'] as const)(
    'solves by %s',
    async (iteration) => {
      for (const guidance of [1, 3, 7.5]) {
        const given = await run(ddim({ steps: 20 }), guidedWorld(guidance))
        const trajectory = await inverted(implicit({ iteration }), given)
        expect(outcomes(trajectory)).toEqual(['converged'])
        expect(total(trajectory)).toBe(given.evaluations())
        // Others stop with the residual just within the tolerance; errors then add up over the steps.
        expect(nmse(trajectory.states[0]!.x, given.noise)).toBeLessThan(iteration === 'anderson' ? accurate : 2e-8)
      }
    },
  )

  it.each([1, 3, 7.5])('needs at most 4 evaluations a step, guidance %d', async (guidance) => {
    const given = await run(ddim({ steps: 50 }), guidedWorld(guidance))
    const { states } = await inverted(implicit(), given)
    expect(nmse(states[0]!.x, given.noise)).toBeLessThan(accurate)
    expect(given.evaluations()).toBeLessThanOrEqual(4 * 50)
  })

  it('is as exact with a network of low precision, since the same input gives the same bits', async () => {
    const plain = guidedWorld(3)
    const given = await run(ddim({ steps: 20 }), { ...plain, denoise: roundedToSingle(plain.denoise) })
    const trajectory = await inverted(implicit(), given)
    expect(outcomes(trajectory)).toEqual(['converged'])
    expect(nmse(trajectory.states[0]!.x, given.noise)).toBeLessThan(accurate)
  })

  it('stops, and says so, where the network is too rough to go on', async () => {
    const plain = guidedWorld(3)
    /** A ripple far shorter than any step: no iteration can learn it. */
    const denoise: Denoiser = async (...question) =>
      map(await plain.denoise(...question), (v) => v + 1e-5 * Math.sin(1e9 * v))
    const given = await run(ddim({ steps: 20 }), { ...plain, denoise })
    const { solutions } = await inverted(implicit({ tolerance: 1e-12, iterations: 500 }), given)
    expect(solutions.some(({ outcome }) => outcome === 'exhausted')).toBe(true)
    expect(Math.max(...solutions.map(({ evaluations }) => evaluations))).toBeLessThan(100)
    expect(Math.max(...solutions.map(({ residual }) => residual))).toBeLessThan(1e-3)
  })

  /** Its estimates lead away from x, ever faster: no contraction for any iteration that does not learn the slope. */
  const repelling = { denoise: async (x: Tensor) => map(x, (v) => -40 * v), pullback: guidedWorld(1).pullback }

  it('reports what diverges, keeps finite numbers, and learns the slope where it can', async () => {
    const given = await run(ddim({ steps: 20 }), repelling)
    const lost = await inverted(implicit({ iteration: 'picard' }), given)
    expect(outcomes(lost)).toContain('diverged')
    expect(lost.states.every(({ x }) => isFiniteTensor(x))).toBe(true)
    const learned = await inverted(implicit(), given)
    expect(outcomes(learned)).toEqual(['converged'])
  })

  it.each([implicit({ iteration: 'picard' }), sweep({ iteration: 'picard' })] as const)(
    'takes a network without an answer as divergence, case %#',
    async (inverter) => {
      const given = await run(ddim({ steps: 20 }), repelling)
      const bound = 1e3 * Math.max(1, norm(given.clean.x))
      const denoise: Denoiser = async (x) => {
        if (norm(x) > bound) throw expected('not-finite', 'finite numbers', 'the estimate', 'NaN', 'Check it.')
        return repelling.denoise(x)
      }
      const { solutions, states } = await inverted(inverter, { ...given, diffusion: { ...given.diffusion, denoise } })
      expect(solutions.some(({ outcome }) => outcome === 'diverged')).toBe(true)
      expect(states.every(({ x }) => isFiniteTensor(x))).toBe(true)
    },
  )

  it.each([
    ['implicit', ddim({ steps: 10 }), implicit()],
    ['branching', ddim({ steps: 10 }), branching()],
    ['picard', ddim({ steps: 10 }), implicit({ iteration: 'picard' })],
    ['sweep', dpmSolver2M({ steps: 10 }), sweep()],
    ['reversible', oBelm({ steps: 10 }), reversible()],
    ['algorithm-1', ddim({ steps: 10 }), algorithm1()],
    ['algorithm-2', dpmSolver2M({ steps: 10 }), algorithm2()],
    ['naive', ddim({ steps: 10 }), naive()],
    ['automatic', ddim({ steps: 10 }), automatic()],
  ] as const)(
    'takes a network that answers with NaN for broken, not for divergence: %s',
    async (_, solver, inverter) => {
      const given = await run(solver)
      const noisier = given.diffusion.grid[5]!.t
      for (const answers of [() => false, (t: number) => t < noisier]) {
        const denoise: Denoiser = async (x, level) => {
          const estimate = await given.diffusion.denoise(x, level)
          return answers(level.t) ? estimate : map(estimate, (v, i) => (i === 0 ? Number.NaN : v))
        }
        const broken = { ...given, diffusion: { ...given.diffusion, denoise } }
        await expect(inverted(inverter, broken)).rejects.toMatchObject({ code: 'not-finite' })
      }
    },
  )

  it('refuses gradient descent without gradients', async () => {
    const { diffusion, ...given } = await run(ddim({ steps: 10 }))
    const { pullback: _, ...without } = diffusion
    const inverter = implicit({ iteration: 'gradient-descent' })
    await expect(inverted(inverter, { ...given, diffusion: without })).rejects.toMatchObject({ code: 'unsupported' })
    expect(given.evaluations()).toBe(0)
  })
})

describe('baselines', () => {
  it('naive inversion is nearer on a finer grid', async () => {
    const given = await run(ddim({ steps: 50 }))
    const error = async (options: Parameters<typeof naive>[0]) =>
      nmse((await inverted(naive(options), given)).states[0]!.x, given.noise)
    const [coarse, fine] = [await error({}), await error({ substeps: 5 })]
    expect(fine).toBeLessThan(coarse)
    expect(await error({ label: 'cleaner' })).not.toBeCloseTo(coarse, 5)
  })

  it('naive sub-steps and Algorithm 2 need the schedule', async () => {
    const { diffusion, ...given } = await run(dpmSolver2M({ steps: 10 }))
    const { schedule: _, ...without } = diffusion
    for (const inverter of [naive({ substeps: 2 }), algorithm2()]) {
      await expect(inverted(inverter, { ...given, diffusion: without })).rejects.toMatchObject({ code: 'unsupported' })
    }
  })

  it('Algorithm 1 gets nearer with its stop scaled to the latent', async () => {
    const given = await run(ddim({ steps: 20 }))
    const [released, scaled] = [
      await inverted(algorithm1(), given),
      await inverted(algorithm1({ stop: 'per-element' }), given),
    ]
    expect(nmse(scaled.states[0]!.x, given.noise)).toBeLessThan(nmse(released.states[0]!.x, given.noise) / 10)
  })

  it.each([10, 20])(
    'at %d steps Algorithm 2 is better than naive, not exact, and dearer than sweeps',
    async (steps) => {
      const given = await run(dpmSolver2M({ steps }))
      const error = ({ states }: Trajectory) => nmse(states[0]!.x, given.noise)
      const swept = await inverted(sweep(), given)
      const released = await inverted(algorithm2(), given)
      expect(error(swept)).toBeLessThan(1e-8)
      expect(error(released)).toBeLessThan(error(await inverted(naive(), given)))
      expect(error(released)).toBeGreaterThan(1e-6)
      expect(outcomes(released)).toContain('exhausted')
      expect(total(swept)).toBeLessThan(total(released))
    },
  )
})

describe('reversible solvers on a rectified flow', () => {
  const made = [bdia, bdiaDpmSolver, oBelm, rex].map((solver) => [solver.definition.id, solver] as const)
  it.each(made.flatMap(([id, solver]) => [2, 4, 20].map((steps) => [id, steps, solver] as const)))(
    '%s, %d steps from pure noise: automatic finds it',
    async (_, steps, solver) => {
      const made = { ...solver({ steps, end: 'cleanest', spacing: 'linspace' }), name: 'flow' }
      const given = await run(made, guidedWorld(3))
      expect(given.diffusion.grid[0]!.alpha).toBe(0)
      const trajectory = await inverted(automatic(), given)
      expect(outcomes(trajectory)).toEqual(['converged'])
      expect(nmse(trajectory.states[0]!.x, given.noise)).toBeLessThan(1e-20)
    },
  )
})

describe('lost memory', () => {
  it('reversible says how far the noise alone is from making the image', async () => {
    const given = await run(edict({ steps: 20 }))
    const kept = await inverted(reversible(), given)
    expect(kept.solutions[0]!.residual).toBeLessThan(1e-10)
    const lost = await inverted(reversible(), { ...given, clean: { ...given.clean, memory: [] } })
    expect(lost.solutions[0]).toMatchObject({ outcome: 'exhausted' })
    expect(lost.solutions[0]!.residual).toBeGreaterThan(1e-3)
  })

  it('automatic finds the noise of a reversible rule from x alone', async () => {
    const given = await run(oBelm({ steps: 20 }))
    const lost = { ...given, clean: { ...given.clean, memory: [] } }
    const { states, solutions } = await inverted(automatic(), lost)
    expect(nmse(states[0]!.x, given.noise)).toBeLessThan(accurate)
    expect(solutions.every(({ outcome }) => outcome === 'converged')).toBe(true)
  })
})

describe('guided editing', () => {
  const world = mixtureDenoiser(unconditionalMixture)
  const guidance = 3
  const solver = ddim({ steps: 20 })
  const grid = solver.grid(schedules.variance)
  /** An embedding moves the world: x₀ + embedding. */
  const diffusion = {
    grid,
    prompt: map(torchNoise(8, shape), (v) => 0.3 * v),
    empty: map(torchNoise(8, shape), () => 0),
    denoiser: {
      denoise: async (x: Tensor, level: (typeof grid)[number], embedding: Tensor) =>
        combine([1, await world.denoise(combine([1, x], [-level.alpha, embedding]), level)], [1, embedding]),
      pullback: async (x: Tensor, level: (typeof grid)[number], embedding: Tensor, cotangent: Tensor) => {
        const inner = await world.pullback(combine([1, x], [-level.alpha, embedding]), level, cotangent)
        return combine([1, cotangent], [-level.alpha, inner])
      },
    },
  }
  const clean = { index: 20, x: combine([0.8, torchNoise(4, shape)]), memory: [] }
  const again = async (x: Tensor, embeddings: readonly Tensor[]) => {
    const denoise = withEmbeddings(diffusion, embeddings, guidance)
    return (await new Task(sample(x, solver, { grid, denoise }))).states.at(-1)!.x
  }

  it('null-text optimisation bends guidance towards the image', async () => {
    const inverter = nullText({ guidance, iterations: 50 })
    const { states, embeddings, losses } = await new Task(inverter.invert(clean, solver, diffusion))
    const without = nmse(
      await again(
        states[0]!.x,
        embeddings.map(() => diffusion.empty),
      ),
      clean.x,
    )
    const bent = await again(states[0]!.x, embeddings)
    expect(nmse(bent, clean.x)).toBeLessThan(without / 10)
    expect(losses.at(-1)).toBeCloseTo(dot(subtract(bent, clean.x), subtract(bent, clean.x)) / bent.data.length, 10)
  })

  it('negative-prompt inversion cancels guidance', async () => {
    const { states, embeddings } = await new Task(negativePrompt().invert(clean, solver, diffusion))
    const denoise: Denoiser = (x, level) => diffusion.denoiser.denoise(x, level, diffusion.prompt)
    const plain = (await new Task(sample(states[0]!.x, solver, { grid, denoise }))).states.at(-1)!.x
    expect(nmse(await again(states[0]!.x, embeddings), plain)).toBeLessThan(1e-24)
  })

  it('null-text optimisation needs gradients and first-order steps', async () => {
    const { pullback: _, ...forward } = diffusion.denoiser
    const without = { ...diffusion, denoiser: forward }
    await expect(new Task(nullText().invert(clean, solver, without))).rejects.toMatchObject({ code: 'unsupported' })
    const second = dpmSolver2M({ steps: 20 })
    await expect(new Task(nullText().invert(clean, second, diffusion))).rejects.toMatchObject({ code: 'unsupported' })
  })
})
