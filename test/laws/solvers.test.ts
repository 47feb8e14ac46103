/** What every solver promises, on worlds whose denoiser and flow are known in closed form. */
import { describe, expect, it } from 'vitest'
import { solvers } from '../../src/catalog.js'
import { Task } from '../../src/core/index.js'
import {
  bdia,
  bdiaDpmSolver,
  bdiaEdm,
  betas,
  type Denoiser,
  type Diffusion,
  ddim,
  deis,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  dpmSolver3S,
  edict,
  edmSchedule,
  euler,
  flowEuler,
  flowHeun,
  flowMidpoint,
  heun,
  lms,
  type NoiseLevel,
  noiseLevel,
  oBelm,
  pndm,
  rectifiedFlow,
  rex,
  type Schedule,
  type Solver,
  type State,
  sample,
  uniPc,
  variancePreserving,
} from '../../src/diffusion/index.js'
import { combine, dot, norm, subtract, type Tensor, torchNoise } from '../../src/math/index.js'
import { exactFlow, gaussian, guidedWorld, mixtureDenoiser, roundedToSingle, shape } from './analytic-world.js'

/** Observed orders are read off two finite grids; the next term of the error shows. */
const orderTolerance = 0.15
/** Squared relative error: float64 rounds at 1e-32, and the oldest x is found by a division by gamma, p or ζ. */
const roundingTolerance = 1e-28
/** Relative distance from the exact flow after 80 steps, by order: what is far off is another solver than it says. */
const endTolerance = [Number.NaN, 0.1, 0.01, 0.003, 0.001]

const variance = variancePreserving(betas('scaled-linear'))
const flow = rectifiedFlow({ cleanest: 0.01 })
const edm = edmSchedule()
/** So noisy at first that start-up steps of low order cost nothing, and not yet where the fourth order shows. */
const noisy = edmSchedule({ noisiest: 1000, cleanest: 1 })

interface Options {
  readonly steps: number
  readonly spacing: 'lambda' | 'linspace' | 'karras'
  readonly spread: 'levels' | 'steps'
  readonly wholeTimes: boolean
  readonly end: 'cleanest' | 'zero'
}

/** A solver with the options whose order is to be seen, and the schedule to see it on. */
interface Entry {
  readonly name: string
  readonly make: (options: Options) => Solver
  readonly schedule: Schedule
  /** The coarser of the two grids. */
  readonly steps: number
}

const entry = (name: string, make: Entry['make'], schedule: Schedule = variance, steps = 80): Entry => ({
  name,
  make,
  schedule,
  steps,
})

const table: readonly Entry[] = [
  entry('ddim', ddim),
  entry('dpm-solver-1', dpmSolver1),
  ...(['data', 'noise'] as const).flatMap((prediction) => [
    ...(['midpoint', 'heun'] as const).flatMap((variant) => [
      entry(`dpm-solver-2m ${prediction} ${variant}`, (grid) => dpmSolver2M({ ...grid, prediction, variant })),
      entry(`dpm-solver-2s ${prediction} ${variant}`, (grid) => dpmSolver2S({ ...grid, prediction, variant })),
    ]),
    entry(`dpm-solver-3m ${prediction} released`, (grid) => dpmSolver3M({ ...grid, prediction })),
    entry(
      `dpm-solver-3m ${prediction} exact`,
      (grid) => dpmSolver3M({ ...grid, prediction, curvature: 'exact' }),
      noisy,
      160,
    ),
  ]),
  // Higher orders show where the first steps, which are of lower order, cost nothing.
  ...(['data', 'noise'] as const).flatMap((prediction) => [
    entry(
      `dpm-solver-3s ${prediction} midpoint`,
      (grid) => dpmSolver3S({ ...grid, prediction, variant: 'midpoint' }),
      noisy,
      81,
    ),
    entry(`dpm-solver-3s ${prediction} heun`, (grid) => dpmSolver3S({ ...grid, prediction }), noisy, 81),
    ...([1, 2, 3] as const).flatMap((order) =>
      (['bh1', 'bh2'] as const).map((variant) =>
        entry(
          `uni-pc ${prediction} ${order} ${variant}`,
          (grid) => uniPc({ ...grid, prediction, order, variant, lowerOrderFinal: false }),
          order === 1 ? variance : noisy,
          320,
        ),
      ),
    ),
  ]),
  entry('deis 1', (grid) => deis({ ...grid, order: 1 })),
  entry('deis 2', (grid) => deis({ ...grid, order: 2 })),
  entry('deis 3', (grid) => deis({ ...grid, order: 3 }), noisy, 160),
  ...([1, 2, 3, 4] as const).map((order) =>
    entry(`lms ${order}`, (grid) => lms({ ...grid, order }), order < 3 ? variance : noisy, order < 3 ? 80 : 320),
  ),
  entry('pndm', pndm),
  entry('pndm v', (grid) => pndm({ ...grid, prediction: 'v' })),
  entry('euler', euler),
  entry('heun', heun),
  entry('heun edm', heun, edm),
  // Between 0.92 and 1 the first-order error is so small that its order shows only far beyond 160 steps.
  entry('bdia 0.5', (grid) => bdia({ ...grid, gamma: 0.5 })),
  entry('bdia 1', (grid) => bdia({ ...grid, gamma: 1 })),
  entry('bdia-edm euler', bdiaEdm),
  entry('bdia-edm heun', (grid) => bdiaEdm({ ...grid, backward: 'heun' })),
  entry('bdia-edm heun edm', (grid) => bdiaEdm({ ...grid, backward: 'heun' }), edm),
  entry('bdia-dpm-solver single-step', bdiaDpmSolver),
  entry('bdia-dpm-solver multistep', (grid) => bdiaDpmSolver({ ...grid, inner: 'multistep' })),
  entry('o-belm', oBelm),
  entry('edict', edict),
  // Near ζ = 1 Euler's error changes sign on the way, and with noise the coupling damps the error of coarse grids.
  entry('rex data euler', (grid) => rex({ ...grid, tableau: 'euler', coupling: 0.5 })),
  entry('rex noise euler', (grid) => rex({ ...grid, prediction: 'noise', tableau: 'euler', coupling: 0.5 })),
  entry('rex data heun', rex),
  entry('rex noise heun', (grid) => rex({ ...grid, prediction: 'noise', coupling: 0.5 })),
  entry('rex data midpoint', (grid) => rex({ ...grid, tableau: 'midpoint' })),
  entry('rex data rk4', (grid) => rex({ ...grid, tableau: 'rk4' }), variance, 20),
  entry('rex noise rk4', (grid) => rex({ ...grid, prediction: 'noise', tableau: 'rk4', coupling: 0.5 }), variance, 40),
  entry('rex data heun flow', rex, flow),
  entry('bdia 0.5 flow', (grid) => bdia({ ...grid, gamma: 0.5 }), flow),
  entry('o-belm flow', oBelm, flow),
  entry('flow-euler', flowEuler, flow),
  entry('flow-midpoint', flowMidpoint, flow),
  entry('flow-heun', flowHeun, flow),
]

const gridOptions = (steps: number, { schedule }: Entry, end: Options['end'] = 'cleanest'): Options => ({
  steps,
  spacing: schedule === flow ? 'linspace' : 'lambda',
  spread: 'levels',
  wholeTimes: false,
  end,
})

const noise = (grid: readonly NoiseLevel[]) => combine([grid[0]!.sigma, torchNoise(5, shape)])

async function run(entry: Entry, steps: number, denoise: Denoiser, end: Options['end'] = 'cleanest') {
  const solver = entry.make(gridOptions(steps, entry, end))
  const grid = solver.grid(entry.schedule)
  const diffusion: Diffusion = { grid, schedule: entry.schedule, denoise }
  const { states } = await new Task(sample(noise(grid), solver, diffusion))
  return { solver, grid, diffusion, states, last: states.at(-1)! }
}

const relative = (a: Tensor, b: Tensor) => norm(subtract(a, b)) / norm(b)

/** How far two states are from one another, memory included, as a squared relative error. */
function distance(a: State, b: State): number {
  expect(a.index).toBe(b.index)
  expect(a.memory.length).toBe(b.memory.length)
  const pairs = [[a.x, b.x] as const, ...a.memory.map((x, k) => [x, b.memory[k]!] as const)]
  return Math.max(...pairs.map(([x, y]) => relative(x, y) ** 2))
}

/** A differential equation along the levels: its variable, and y there. Written apart from the solvers' coefficients. */
interface Equation {
  variable(level: NoiseLevel): number
  level(u: number): NoiseLevel
  /** y = x/scale. */
  scale(level: NoiseLevel): number
  slope(y: Tensor, denoised: Tensor, u: number): Tensor
}

/** dy/dλ = D(x) − y for y = x/α: with that α, σ of any family of levels. */
const inLambda = (level: Equation['level']): Equation => ({
  variable: ({ lambda }) => lambda,
  level,
  scale: ({ alpha }) => alpha,
  slope: (y, denoised) => subtract(denoised, y),
})

const equations = new Map<Schedule, Equation>([
  [variance, inLambda((u) => noiseLevel(0, 1 / Math.sqrt(1 + Math.exp(-2 * u)), 1 / Math.sqrt(1 + Math.exp(2 * u))))],
  // dx/ds = (x − D(x))/s
  [
    flow,
    {
      variable: ({ sigma }) => sigma,
      level: (s) => noiseLevel(0, 1 - s, s),
      scale: () => 1,
      slope: (x, denoised, s) => combine([1 / s, x], [-1 / s, denoised]),
    },
  ],
])
const edmEquation = inLambda((u) => noiseLevel(0, 1, Math.exp(-u)))

/** Where the flow carries x, by Runge and Kutta's rule of order 4 in many steps. */
async function trueSolution(x: Tensor, from: NoiseLevel, to: NoiseLevel, denoise: Denoiser, equation: Equation) {
  const steps = 1000
  const length = (equation.variable(to) - equation.variable(from)) / steps
  const slope = async (u: number, y: Tensor) => {
    const here = equation.level(u)
    return equation.slope(y, await denoise(combine([equation.scale(here), y]), here), u)
  }
  let y = combine([1 / equation.scale(from), x])
  for (let i = 0; i < steps; i++) {
    const u = equation.variable(from) + i * length
    const first = await slope(u, y)
    const second = await slope(u + length / 2, combine([1, y], [length / 2, first]))
    const third = await slope(u + length / 2, combine([1, y], [length / 2, second]))
    const fourth = await slope(u + length, combine([1, y], [length, third]))
    y = combine([1, y], [length / 6, first], [length / 3, second], [length / 3, third], [length / 6, fourth])
  }
  return combine([equation.scale(to), y])
}

const solved = new Map<Schedule, Promise<Tensor>>()

/** The true solution for the mixture, once for each schedule: the grids of all solvers begin and end alike. */
function exactEnd(schedule: Schedule): Promise<Tensor> {
  const [from, to] = [schedule.level(schedule.noisiest), schedule.level(schedule.cleanest)]
  const equation = equations.get(schedule) ?? edmEquation
  const found = solved.get(schedule) ?? trueSolution(noise([from]), from, to, guidedWorld(1).denoise, equation)
  solved.set(schedule, found)
  return found
}

function counting(plain: Denoiser) {
  let count = 0
  const denoise: Denoiser = (x, level) => {
    count++
    return plain(x, level)
  }
  return { denoise, evaluations: () => count }
}

describe('the analytic world', () => {
  it.each([1, 3])('has the pullback of its denoiser, guidance %d', async (weight) => {
    const { denoise, pullback } = guidedWorld(weight)
    const level = variance.level(400)
    const [x, direction, cotangent] = [torchNoise(1, shape), torchNoise(2, shape), torchNoise(3, shape)]
    const step = 1e-5
    const difference = combine(
      [0.5 / step, await denoise(combine([1, x], [step, direction]), level)],
      [-0.5 / step, await denoise(combine([1, x], [-step, direction]), level)],
    )
    expect(dot(difference, cotangent)).toBeCloseTo(dot(direction, await pullback(x, level, cotangent)), 7)
  })

  it('has a flow of one Gaussian that the true solution follows', async () => {
    const levels = [variance.level(900), variance.level(10)]
    const x = noise(levels)
    const { denoise } = mixtureDenoiser([gaussian])
    const found = await trueSolution(x, levels[0]!, levels[1]!, denoise, equations.get(variance)!)
    expect(relative(found, exactFlow(x, levels[0]!, levels[1]!))).toBeLessThan(1e-9)
  })
})

it('the table has every solver', () => {
  const inTable = new Set(table.map(({ name }) => name.split(' ')[0]))
  expect([...inTable].sort()).toEqual(solvers.map(({ definition }) => definition.id).sort())
})

describe.each(table.map((each) => [each.name, each] as const))('%s', (_, each) => {
  it('carries its name', () => {
    expect(each.make(gridOptions(5, each)).name).toBe(each.name.split(' ')[0])
  })

  it('has the order that it says', async () => {
    const { denoise } = guidedWorld(1)
    const exact = await exactEnd(each.schedule)
    const [coarse, fine] = [await run(each, each.steps, denoise), await run(each, 2 * each.steps, denoise)]
    const order = Math.log2(relative(coarse.last.x, exact) / relative(fine.last.x, exact))
    expect(Math.abs(order - fine.solver.order), `observed ${order.toFixed(2)}`).toBeLessThan(orderTolerance)
  })

  it('ends where the flow of one Gaussian does', async () => {
    const { grid, states, last, solver } = await run(each, 80, mixtureDenoiser([gaussian]).denoise)
    expect([last.index, states.length]).toEqual([80, 81])
    const exact = exactFlow(states[0]!.x, grid[0]!, grid.at(-1)!)
    expect(relative(last.x, exact)).toBeLessThan(endTolerance[solver.order]!)
  })

  it('gives the same bits twice, for the evaluations that it says', async () => {
    const { denoise, evaluations } = counting(guidedWorld(3).denoise)
    const { solver, diffusion, states } = await run(each, 6, denoise)
    const costs = []
    for (const [i, before] of states.slice(0, -1).entries()) {
      const sofar = evaluations()
      expect(await solver.step(before, diffusion)).toEqual(states[i + 1])
      costs.push(evaluations() - sofar)
    }
    expect(Math.max(...costs)).toBe(solver.evaluationsPerStep)
  })

  it('goes on from any of its states', async () => {
    const { solver, diffusion, states } = await run(each, 6, guidedWorld(1).denoise)
    const rest = await new Task(sample(states[3]!, solver, diffusion))
    expect(rest.states).toEqual(states.slice(3))
  })

  it('undoes each step, given the memory, with estimates of single precision', async () => {
    const { solver, states, diffusion } = await run(each, 20, roundedToSingle(guidedWorld(3).denoise))
    if (!solver.unstep) return
    for (const [i, before] of states.slice(0, -1).entries()) {
      expect(distance(await solver.unstep(states[i + 1]!, diffusion), before)).toBeLessThan(roundingTolerance)
    }
  })

  it('recalls a state of the clean end that can be undone, and that leads back to x', async () => {
    const { solver, diffusion, last } = await run(each, 20, guidedWorld(1).denoise)
    if (!solver.unstep) return
    let state = await solver.recall!(last.x, diffusion)
    expect([state.index, state.x, state.memory.length]).toEqual([20, last.x, last.memory.length])
    while (state.index > 10) state = await solver.unstep(state, diffusion)
    while (state.index < 20) state = await solver.step(state, diffusion)
    // Undoing ten steps amplifies rounding by less than 1e4.
    expect(relative(state.x, last.x)).toBeLessThan(1e-10)
  })

  it('never undoes a step to sigma = 0 silently', async () => {
    const { denoise } = guidedWorld(1)
    const walked = run(each, 12, denoise, 'zero')
    if (each.name.startsWith('rex')) {
      await expect(walked).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('end=cleanest'),
      })
      return
    }
    const { solver, states, diffusion, last } = await walked
    expect(diffusion.grid.at(-1)!.sigma).toBe(0)
    expect(last.x.data.every(Number.isFinite)).toBe(true)
    if (!solver.unstep) return
    expect(distance(await solver.unstep(last, diffusion), states.at(-2)!)).toBeLessThan(roundingTolerance)
  })
})

it.each(table.map((each) => [each.name, each] as const))(
  'from pure noise %s works or says why not',
  async (_, each) => {
    const solver = each.make({ ...gridOptions(6, each), spacing: 'linspace' })
    const schedule = rectifiedFlow({ cleanest: 0.01 })
    const grid = solver.grid(schedule)
    expect(grid[0]!.alpha).toBe(0)
    const diffusion: Diffusion = { grid, schedule, denoise: guidedWorld(1).denoise }
    const walk = async () => {
      const { states } = await new Task(sample(noise(grid), solver, diffusion))
      let state = states.at(-1)!
      while (solver.unstep && state.index > 0) state = await solver.unstep(state, diffusion)
      return relative(state.x, states[state.index]!.x)
    }
    const outcome = await walk().catch((error) => error.code)
    expect(outcome === 'unsupported' || outcome < 1e-10, `${outcome}`).toBe(true)
  },
)

it('memory and ends that cannot be undone are told', async () => {
  const { solver, diffusion, last } = await run(entry('bdia', bdia), 5, guidedWorld(1).denoise)
  await expect(solver.unstep!({ ...last, memory: [] }, diffusion)).rejects.toMatchObject({ code: 'unsupported' })
  await expect(solver.step(last, diffusion)).rejects.toMatchObject({ code: 'bad-option' })
  const toZero = bdia({ steps: 5, end: 'zero' }).grid(variance)
  await expect(solver.recall!(last.x, { ...diffusion, grid: toZero })).rejects.toMatchObject({ code: 'unsupported' })
})

it('flow solvers refuse levels off the straight path', async () => {
  for (const solver of [flowEuler({ steps: 5 }), flowMidpoint({ steps: 5 })]) {
    const grid = solver.grid(variance)
    const walked = new Task(sample(noise(grid), solver, { grid, denoise: guidedWorld(1).denoise }))
    await expect(walked).rejects.toMatchObject({ code: 'bad-option' })
  }
})

it('one step of flow Euler from pure noise is its estimate', async () => {
  const solver = flowEuler({ steps: 1 })
  const grid = solver.grid(rectifiedFlow())
  const { denoise } = guidedWorld(1)
  const x = torchNoise(9, shape)
  const { states } = await new Task(sample(x, solver, { grid, denoise }))
  expect(states[1]!.x).toEqual(await denoise(x, grid[0]!))
})
