/** The solvers of this library on its own grids against trajectories of diffusers 0.27.2 in test/golden/schedulers.json. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Task } from '../src/core/index.js'
import {
  betas,
  type Denoiser,
  ddim,
  denoiser,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  euler,
  type Grid,
  heun,
  type NoiseLevel,
  type Solver,
  sample,
  variancePreserving,
} from '../src/diffusion/index.js'
import { map, tensor } from '../src/math/index.js'

interface Case {
  readonly scheduler: string
  readonly config: {
    readonly beta_start: number
    readonly beta_end: number
    readonly num_train_timesteps: number
    readonly prediction_type: 'epsilon' | 'v_prediction'
    readonly timestep_spacing?: 'leading' | 'trailing' | 'linspace'
    readonly steps_offset?: number
    readonly solver_order?: 1 | 2 | 3
    readonly algorithm_type?: 'dpmsolver' | 'dpmsolver++'
    readonly final_sigmas_type?: 'zero' | 'sigma_min'
    readonly use_karras_sigmas?: boolean
  }
  readonly num_inference_steps: number
  readonly seed_noise: readonly number[]
  readonly timesteps: readonly number[]
  readonly init_noise_sigma: number
  readonly trajectory: readonly (readonly number[])[]
}

const { cases } = JSON.parse(readFileSync(new URL('golden/schedulers.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[]
}

/** Relative to the largest value, up to 34: the reference keeps betas, their products and Heun's sigmas in float32. */
const tolerance = 1e-5

const schedule = variancePreserving(betas('scaled-linear', { start: 0.00085, end: 0.012, count: 1000 }))

/** The stand-in for the network, as the file describes it. */
const network: Denoiser = async (x, { t }) => {
  const u = t / 1000
  const last = x.data.length - 1
  return map(x, (value, i) => {
    const before = x.data[i === 0 ? last : i - 1]!
    return 0.6 * Math.sin(1.3 * value + 0.7 * before) + 0.35 * u * value - 0.1 * u + 0.05 * Math.cos(3 * u + value)
  })
}

const denoise = {
  epsilon: denoiser(network, 'epsilon'),
  v_prediction: denoiser(network, 'v'),
}

/** A solver and its grid; or, where diffusers leaves a step at another level than it starts the next from, pairs of levels. */
function ours({ scheduler, config, num_inference_steps: steps, timesteps }: Case): {
  readonly solver: Solver
  readonly pairs?: readonly Grid[]
} {
  const spacing = config.use_karras_sigmas ? 'karras' : (config.timestep_spacing ?? 'linspace')
  const spread = config.use_karras_sigmas ? 'steps' : 'levels'
  const options = { steps, spacing, spread, offset: config.steps_offset ?? 0 } as const
  const prediction = config.algorithm_type === 'dpmsolver' ? 'noise' : 'data'
  const end = config.final_sigmas_type === 'sigma_min' ? 'cleanest' : 'zero'
  const stride = config.num_train_timesteps / steps
  const level = (t: number): NoiseLevel => schedule.level(Math.max(t, 0))
  switch (scheduler) {
    case 'DDIMScheduler': {
      const solver = ddim({ ...options, spread: 'steps', end: 'cleanest' })
      // With `linspace` the steps of this version still go down by the stride of `leading`.
      const pairs = timesteps.map((t) => [level(t), level(t - stride)])
      return spacing === 'linspace' ? { solver, pairs } : { solver }
    }
    case 'DDIMInverseScheduler':
      // Naive inversion: from one level up to the next, whose time the network is told.
      return { solver: ddim(), pairs: timesteps.map((t) => [{ ...level(t - stride), t }, level(t)]) }
    case 'DPMSolverMultistepScheduler': {
      const given = { ...options, prediction, end } as const
      if (config.solver_order === 1) return { solver: dpmSolver1({ ...options, end }) }
      return { solver: config.solver_order === 2 ? dpmSolver2M(given) : dpmSolver3M(given) }
    }
    case 'DPMSolverSinglestepScheduler':
      return { solver: dpmSolver2S({ ...options, end }) }
    case 'EulerDiscreteScheduler':
      return { solver: euler({ ...options, spread: 'steps' }) }
    case 'HeunDiscreteScheduler':
      return { solver: heun({ ...options, spread: 'steps' }) }
    default:
      throw new Error(`No solver for ${scheduler}.`)
  }
}

/** The states of ours that diffusers reports: Heun's predictions are steps of their own there. */
const reported = ({ scheduler, trajectory }: Case) =>
  scheduler === 'HeunDiscreteScheduler' ? [...trajectory.filter((_, k) => k % 2 === 1), trajectory.at(-1)!] : trajectory

describe.each(cases.map((each, k) => [`${k}: ${each.scheduler}, ${each.num_inference_steps} steps`, each] as const))(
  '%s',
  (_, each) => {
    const { solver, pairs } = ours(each)
    const grid = pairs ? undefined : solver.grid(schedule)
    /** Euler and Heun work on x/alpha there. */
    const scaled = each.scheduler.startsWith('Euler') || each.scheduler.startsWith('Heun')

    it.runIf(grid)('tells the network the same times', () => {
      const told = grid!.slice(0, -1).map(({ t }) => t)
      const times = each.timesteps.filter((t, k, all) => t !== all[k - 1])
      told.forEach((t, k) => {
        expect(t).toBeCloseTo(times[k]!, scaled ? 2 : 12)
      })
    })

    it('walks the same trajectory', async () => {
      const estimate = denoise[each.config.prediction_type]
      const scale = scaled ? grid![0]!.alpha * each.init_noise_sigma : 1
      const x = tensor(
        [each.seed_noise.length],
        each.seed_noise.map((value) => scale * value),
      )
      const states = [x]
      if (grid) {
        const sampled = await new Task(sample(x, solver, { grid, denoise: estimate }))
        states.push(...sampled.states.slice(1).map((state) => state.x))
      } else {
        for (const pair of pairs!) {
          const state = solver.start(states.at(-1)!)
          states.push((await solver.step(state, { grid: pair, denoise: estimate })).x)
        }
      }
      const theirs = reported(each)
      expect(states.length).toBe(theirs.length + 1)
      const largest = Math.max(1, ...theirs.flat().map(Math.abs))
      theirs.forEach((values, k) => {
        const factor = scaled ? 1 / grid![k + 1]!.alpha : 1
        const error = Math.max(...values.map((value, i) => Math.abs(factor * states[k + 1]!.data[i]! - value)))
        expect(error / largest, `after step ${k + 1}`).toBeLessThan(tolerance)
      })
    })
  },
)
