/**
 * Every case of diffusers' own schedulers in test/golden/schedulers-0.42.json, or in the folder that UNDIFFUSE_GOLDEN names:
 * the file as it was saved is read, and walks the same trajectory, or it is refused and its class says why.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { parseJsonObject } from '../src/checkpoints/json.js'
import { isUndiffuseError, Task } from '../src/core/index.js'
import { type Denoiser, denoiser, endingWithNoise, sample, whyNotUndone } from '../src/diffusion/index.js'
import { automatic } from '../src/diffusion/inverters/index.js'
import { map, norm, subtract, type Tensor, tensor, torchNoise } from '../src/math/index.js'
import { schedulerOf } from '../src/models/scheduler.js'
import { empiricalMu, evenShares, linearMu, rootMu } from '../src/models/schedulers/time-shifts.js'
import { fromNoise } from '../src/verbs/sampling.js'
import { guidedWorld, shape } from './laws/analytic-world.js'

interface Call {
  readonly num_inference_steps?: number
  readonly timesteps?: readonly number[]
  readonly sigmas?: readonly number[]
  readonly mu?: number
}

interface Case {
  readonly name: string
  readonly scheduler: string
  /** The text of scheduler_config.json. */
  readonly config: string
  /** What a published folder states itself. */
  readonly published_config?: string
  readonly set_timesteps: Call
  readonly timesteps: readonly number[]
  readonly init_noise_sigma: number
  readonly noise: readonly number[]
  /** Null where the class draws noise. */
  readonly trajectory: readonly (readonly number[])[] | null
  /** How far the same class is from this in float64; null where it does not run so. */
  readonly float32_effect: number | null
}

interface Refusal {
  readonly scheduler: string
  readonly options: Readonly<Record<string, unknown>>
  readonly set_timesteps: Call
  readonly fails: 'construct' | 'set_timesteps' | 'step' | null
}

interface Golden {
  readonly cases: readonly Case[]
  /** Configurations that end in NaN there, without an error. */
  readonly not_finite: readonly (Pick<Case, 'config' | 'set_timesteps'> & { readonly label: string })[]
  readonly refusals?: readonly Refusal[]
  /** What functions of pipelines return. */
  readonly helpers?: readonly {
    readonly function: string
    readonly arguments: Readonly<Record<string, number>>
    readonly value: number | readonly number[]
  }[]
}

const given = (name: string, value: number | undefined) => (value === undefined ? {} : { [name]: value })

const folder = process.env.UNDIFFUSE_GOLDEN ?? join(import.meta.dirname, 'golden')
const file = join(folder, 'schedulers-0.42.json')
/** The tests' own numbers are all; another folder may have pipelines alone. */
const strict = process.env.UNDIFFUSE_GOLDEN === undefined
const golden: Golden =
  strict || existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { cases: [], not_finite: [] }

/** Relative to the largest value of the trajectory, 1 at least. */
const tolerance = 1e-5
/** Where the reference's own float32 moves its trajectory by more than `visible`. */
const looseTolerance = 1e-4
const visible = 1e-6
/** Where it moves it by more than that: so many times as far, since another arithmetic rounds otherwise. None of ours does. */
const ownRounding = 2
/** Of told times, in times: fractional ones are float32 there, of a table that can be nearly flat at its end. */
const timeTolerance = { tight: 1e-3, loose: 0.5 }

/** Classes that may be refused: their solver is not here, or they draw noise. */
const mayBeRefused = /^(IPNDM|TCD|LCM|KDPM2|EDM|DDPM|EulerAncestral)/
/** Classes whose samples are x/alpha. */
const scaled = /^(Euler|Heun|LMS)/
/** Classes that report the prediction of each step too. */
const predicting = /Heun/

/** The stand-in for the network, as the file describes it. */
const network: Denoiser = async (x, { t }) => {
  const u = t / 1000
  const last = x.data.length - 1
  return map(x, (value, i) => {
    const before = x.data[i === 0 ? last : i - 1]!
    return 0.6 * Math.sin(1.3 * value + 0.7 * before) + 0.35 * u * value - 0.1 * u + 0.05 * Math.cos(3 * u + value)
  })
}

const read = (text: string, { num_inference_steps: steps, ...call }: Call) =>
  schedulerOf(configOf('scheduler_config.json', parseJsonObject(text, 'scheduler_config.json')), { steps, ...call })

/**
 * Classes that cut exponential, beta and the cosine's times to whole ones: whether the first is 998 or 999 hangs on the last bit of torch's
 * square root, which depends on the processor. There a time that is one off is taken from the reference.
 */
const isCut = ({ config }: Pick<Case, 'config'>) =>
  /"use_(exponential|beta)_sigmas": true|squaredcos_cap_v2/.test(config) &&
  !/"_class_name": "(Euler|Heun|LMS|FlowMatch)/.test(config)

/** The states after each step, in the class's own coordinates, and the times that the network was told. */
async function walked(
  { noise, scheduler: name }: Pick<Case, 'noise' | 'scheduler'>,
  text: string,
  call: Call,
  times: readonly number[] = [],
) {
  const { solver, schedule, prediction } = read(text, call)
  const grid = solver.grid(schedule).map((level, i) => {
    const isOneOff = isCut({ config: text }) && Math.abs(level.t - (times[i] ?? level.t)) === 1
    return isOneOff ? { ...level, t: times[i]! } : level
  })
  const start = fromNoise(tensor([noise.length], [...noise]), grid)
  const { states } = await new Task(sample(start, solver, { grid, denoise: denoiser(network, prediction) }))
  const factor = (i: number) => (scaled.test(name) ? 1 / grid[i]!.alpha : 1)
  return {
    told: grid.slice(0, -1).map(({ t }) => t),
    start: start.data.map((value) => value * factor(0)),
    states: states.slice(1).map(({ x }, i) => Array.from(x.data, (value) => value * factor(i + 1))),
  }
}

/** The states of ours that diffusers reports: predictions are steps of their own there. */
const reported = ({ scheduler, trajectory }: Case) =>
  predicting.test(scheduler)
    ? [...trajectory!.filter((_, k) => k % 2 === 1), ...(trajectory!.length % 2 === 1 ? [trajectory!.at(-1)!] : [])]
    : trajectory!

const distinct = (times: readonly number[], scheduler: string) =>
  predicting.test(scheduler) ? times.filter((_, k) => k === 0 || k % 2 === 1) : times

describe.each(golden.cases.map((each, k) => [`${k}: ${each.name}`, each] as const))('%s', (_, each) => {
  if (mayBeRefused.test(each.scheduler)) {
    it('is refused by name', () => {
      const refused = () => {
        const { solver, schedule } = read(each.config, each.set_timesteps)
        solver.grid(schedule)
      }
      expect(refused).toThrow(/`_class_name`/)
    })
    return
  }
  it('walks the same trajectory from the same noise', async () => {
    const times = distinct(each.timesteps, each.scheduler)
    const { told, start, states } = await walked(each, each.config, each.set_timesteps, times)
    const wide = each.float32_effect === null || each.float32_effect > visible
    expect(told.length).toBe(times.length)
    told.forEach((t, i) => {
      const allowed = timeTolerance[wide ? 'loose' : 'tight']
      expect(Math.abs(t - times[i]!), `time ${i}: ${t}, there ${times[i]}`).toBeLessThan(allowed)
    })
    start.forEach((value, i) => {
      const error = Math.abs(value / each.init_noise_sigma - each.noise[i]!)
      expect(error, 'at the start').toBeLessThan(
        (wide ? looseTolerance : tolerance) * Math.max(1, Math.abs(each.noise[i]!)),
      )
    })
    const theirs = reported(each)
    expect(states.length).toBe(theirs.length)
    const largest = Math.max(1, ...theirs.flat().map(Math.abs))
    const own = ownRounding * (each.float32_effect ?? 0)
    const allowed = wide ? Math.max(looseTolerance, strict ? 0 : own) : tolerance
    theirs.forEach((values, k) => {
      const error = Math.max(...values.map((value, i) => Math.abs(states[k]![i]! - value)))
      expect(error / largest, `after step ${k + 1}`).toBeLessThan(allowed)
    })
  })
  const published = each.published_config
  if (published)
    it('reads what the published folder states as the whole file', async () => {
      const [whole, stated] = [each.config, published].map((text) => walked(each, text, each.set_timesteps))
      expect(await stated).toEqual(await whole)
    })
})

const outcome = async (text: string, call: Call) => {
  try {
    await walked({ noise: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], scheduler: 'any' }, text, call)
    return 'walks'
  } catch (error) {
    if (isUndiffuseError(error)) return 'refused'
    throw error
  }
}

it.each(golden.not_finite.map((each) => [each.label, each] as const))(
  'refuses what ends in NaN there: %s',
  async (_, { config, set_timesteps }) => {
    expect(await outcome(config, set_timesteps)).toBe('refused')
  },
)

it.each((golden.refusals ?? []).map((each, k) => [k, each.scheduler, each] as const))(
  'refuses what raises there: %d, %s',
  async (_, __, { scheduler, options, set_timesteps, fails }) => {
    // Steps have a default here.
    if (fails === null || (fails === 'set_timesteps' && Object.keys(set_timesteps).length === 0)) return
    const text = JSON.stringify({ _class_name: scheduler, ...options })
    expect(await outcome(text, set_timesteps)).toBe('refused')
  },
)

it.each([
  { _class_name: 'DEISMultistepScheduler', use_exponential_sigmas: true, sigma_min: 1000 },
  { _class_name: 'UniPCMultistepScheduler', use_beta_sigmas: true, sigma_max: 0.01 },
  { _class_name: 'EulerDiscreteScheduler', use_exponential_sigmas: true, sigma_min: 1000 },
  { _class_name: 'DPMSolverMultistepScheduler', use_exponential_sigmas: true, sigma_min: 3, sigma_max: 2 },
])('refuses noise that would rise: %j', async (config) => {
  const walk = walked({ noise: [0.5], scheduler: 'any' }, JSON.stringify(config), { num_inference_steps: 5 })
  await expect(walk).rejects.toThrow(/sigma_m/)
})

describe('the functions by which pipelines choose', () => {
  const pipelines: Readonly<Record<string, (call: Readonly<Record<string, number>>) => unknown>> = {
    'pipeline_flux.calculate_shift': ({ image_seq_len, base_seq_len, max_seq_len, ...shifts }) =>
      linearMu({ ...shifts, ...given('base_image_seq_len', base_seq_len), ...given('max_image_seq_len', max_seq_len) })(
        image_seq_len!,
      ),
    'pipeline_cogview4.calculate_shift': ({ image_seq_len }) => rootMu(image_seq_len!),
    'pipeline_flux2_klein.compute_empirical_mu': ({ image_seq_len, num_steps }) =>
      empiricalMu(image_seq_len!, num_steps!),
    'pipeline_z_image.get_default_z_image_sigmas': ({ num_inference_steps }) => evenShares(num_inference_steps!),
  }
  it('return what they return there', () => {
    for (const { function: path, arguments: call, value } of golden.helpers ?? []) {
      const name = Object.keys(pipelines).find((each) => path.endsWith(each))
      if (name === undefined) continue
      const found = [pipelines[name]!(call)].flat() as number[]
      const theirs = [value].flat()
      expect(found.length).toBe(theirs.length)
      // z-image's shares are float32.
      found.forEach((each, i) => {
        expect(each, `${name} of ${JSON.stringify(call)}`).toBeCloseTo(theirs[i]!, 6)
      })
    }
  })
})

/** Longer than any of the reference's walks: what is left is the rounding of a sweep. */
const undone = -90
/** From pure noise to nearly none in one step, whose end asks for the velocity again. */
const hardlyContracts = /^FlowMatchHeunDiscrete .*num_inference_steps=1$/

describe.skipIf(golden.cases.length === 0)(
  'what its scheduler makes is undone by the automatic inverter, where the grid keeps the noise',
  () => {
    const cases = golden.cases.filter(({ scheduler }) => !mayBeRefused.test(scheduler))
    it.each(cases.map((each) => [each.name, each] as const))('%s', async (_, each) => {
      const { solver: own, schedule } = read(each.config, each.set_timesteps)
      if (own.lossy) {
        expect(whyNotUndone(own, own.grid(schedule))).toMatch(/clips/)
        return
      }
      const solver = endingWithNoise(own)
      const grid = solver.grid(schedule)
      expect(whyNotUndone(solver, grid)).toBeUndefined()
      const { denoise } = guidedWorld(1)
      const noise = fromNoise(torchNoise(5, shape), grid)
      const { states } = await new Task(sample(noise, solver, { grid, denoise }))
      const clean = { ...states.at(-1)!, memory: [] }
      const inverter = automatic({ tolerance: 1e-8, iterations: 100 })
      const found = await new Task(inverter.invert(clean, solver, { grid, denoise }))
      if (!found.solutions.every(({ outcome }) => outcome === 'converged')) {
        expect(!strict || hardlyContracts.test(each.name), 'it did not converge, and says so').toBe(true)
        return
      }
      const apart = (a: Tensor, b: Tensor) => 20 * Math.log10(norm(subtract(a, b)) / norm(b))
      const again = await new Task(sample(found.states[0]!.x, solver, { grid, denoise }))
      expect(apart(again.states.at(-1)!.x, clean.x)).toBeLessThan(undone)
      // Of other sets some steps are so long that several noises make one image.
      if (strict) expect(apart(found.states[0]!.x, noise)).toBeLessThan(undone)
    })
  },
)
