/** Configurations that nobody wrote: fields of the known names with values of every kind, and names that are not known. */
import { describe, expect, it } from 'vitest'
import { configOf } from '../checkpoints/config.js'
import { isUndiffuseError } from '../core/errors.js'
import { foreignFields, schedulerClasses, schedulerOf, schedulerReference } from './scheduler.js'

/** A generator of numbers in [0, 1): Mulberry32. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const strange: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  2,
  3,
  0.5,
  1e-9,
  1e9,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  '',
  'linear',
  'zero',
  'v_prediction',
  'flow_prediction',
  [],
  [0],
  [0.5, 'a'],
  {},
  { a: [] },
]

const count = Number(process.env.UNDIFFUSE_MUTATIONS ?? 300)
/** Seconds that reading one may take. */
const patience = 10

describe('mutated configurations', () => {
  const known = schedulerReference.readClasses
  it(`are read or refused by the name of a field: ${count} of them`, () => {
    const next = random(12)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
    for (let i = 0; i < count; i++) {
      const { name, fields } = pick(known)
      const names = Object.keys(fields)
      const config: Record<string, unknown> = { _class_name: name }
      for (let k = 0; k < 1 + Math.floor(next() * 5); k++) {
        config[next() < 0.1 ? pick(['shape', 'sigma', '__proto__x', 'beta-start']) : pick(names)] = pick(strange)
      }
      if (next() < 0.03) config._class_name = pick(strange)
      const begin = performance.now()
      try {
        const scheduler = schedulerOf(configOf('scheduler_config.json', config), { steps: 1 + Math.floor(next() * 20) })
        const schedule = scheduler.dynamic?.schedule(1) ?? scheduler.schedule
        scheduler.solver.grid(schedule)
      } catch (error) {
        if (!isUndiffuseError(error)) throw error
        const named = [...Object.keys(config), ...names].some((field) => error.message.includes(`\`${field}\``))
        expect(named, `${JSON.stringify(config)}: ${error.message}`).toBe(true)
      }
      expect((performance.now() - begin) / 1000, JSON.stringify(config)).toBeLessThan(patience)
    }
  })
})

it('every field is obeyed, foreign or refused, with its value', () => {
  for (const each of schedulerReference.readClasses) {
    const foreign = Object.keys(foreignFields(each))
    expect(foreign.filter((name) => Object.hasOwn(each.fields, name))).toEqual([])
    const config = { _class_name: each.name, ...Object.fromEntries(foreign.map((name) => [name, 3])) }
    expect(schedulerOf(configOf('f', config)).className).toBe(each.name)
    const unknown = { ...config, own_sigmas: [1, 0.5] }
    expect(() => schedulerOf(configOf('f', unknown))).toThrow(/`own_sigmas`: \[1,0\.5\]/)
  }
})

it('a class that is not reproduced opens, and refuses its own grid by name', () => {
  const names = schedulerClasses.filter((name) => Object.hasOwn(schedulerReference.unreadReasons, name))
  for (const name of names) {
    const { solver, schedule } = schedulerOf(configOf('f', { _class_name: name, beta_schedule: 'scaled_linear' }))
    expect(schedule.level(0).sigma).toBeGreaterThan(0)
    expect(() => solver.grid(schedule)).toThrow(new RegExp(`\`_class_name\` in \`f\`, got ${name}`))
  }
})

it('null is refused where a class has another default, and is false where it has a condition', () => {
  const read = (fields: Readonly<Record<string, unknown>>) =>
    schedulerOf(configOf('f', { _class_name: 'DDIMScheduler', ...fields }))
  expect(() => read({ beta_start: null })).toThrow(/`beta_start` in `f`, got null/)
  expect(read({}).solver.lossy).toMatch(/clips/)
  expect(read({ clip_sample: null }).solver.lossy).toBeUndefined()
})

it('a dynamic flow has a grid where the size of the latent is known', () => {
  const config = configOf('f', { _class_name: 'FlowMatchEulerDiscreteScheduler', use_dynamic_shifting: true })
  const { solver, schedule, dynamic } = schedulerOf(config, { steps: 4 })
  expect(() => solver.grid(schedule)).toThrow(/mu/)
  // Flux: mu is 0.5 at 256 tokens; e^mu/(e^mu + 1/s − 1) of the second of four even shares.
  const grid = solver.grid(dynamic!.schedule(dynamic!.mu(256)))
  const share = 1 - (1 - 1 / 1000) / 3
  expect(grid[1]!.sigma).toBeCloseTo(Math.exp(0.5) / (Math.exp(0.5) + 1 / share - 1), 6)
})

const gridOf = (fields: Readonly<Record<string, unknown>>, steps: number) => {
  const { solver, schedule } = schedulerOf(configOf('f', fields), { steps })
  return solver.grid(schedule)
}

it.each([
  'DDIMScheduler',
  'PNDMScheduler',
  'EulerDiscreteScheduler',
  'HeunDiscreteScheduler',
  'LMSDiscreteScheduler',
  'DPMSolverMultistepScheduler',
  'DPMSolverMultistepInverseScheduler',
  'DEISMultistepScheduler',
  'UniPCMultistepScheduler',
])('%s: an offset that leads beyond the table is refused by name', (name) => {
  const fields = { _class_name: name, timestep_spacing: 'leading', skip_prk_steps: true }
  expect(() => gridOf({ ...fields, steps_offset: 999 }, 10)).toThrow(/`steps_offset`.*Use fewer steps, or an offset/)
  expect(gridOf({ ...fields, steps_offset: 1 }, 10).every(({ t }) => t < 1000)).toBe(true)
})

it('more steps than a table has times are refused with what to do, where steps have no length', () => {
  const fields = { _class_name: 'DPMSolverMultistepScheduler', num_train_timesteps: 3 }
  expect(() => gridOf(fields, 10)).toThrow(/`num_train_timesteps`.*twice\. Use fewer steps/)
})

it('a stated end is no rise where there is but one level', () => {
  const fields = { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing', use_exponential_sigmas: true }
  const [first] = gridOf({ ...fields, sigma_max: 8.5 }, 1)
  expect(first!.sigma / first!.alpha).toBeCloseTo(8.5, 6)
})

const dpmSolvers = ['DPMSolverMultistepScheduler', 'DPMSolverSinglestepScheduler', 'DPMSolverMultistepInverseScheduler']

it.each(dpmSolvers)('%s: the variance that DDPM draws by does nothing, a learned one is refused', (name) => {
  const plain = gridOf({ _class_name: name }, 5)
  for (const variance of ['fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log']) {
    expect(gridOf({ _class_name: name, variance_type: variance }, 5)).toEqual(plain)
  }
  for (const variance of ['learned', 'learned_range', 'small', 3]) {
    expect(() => gridOf({ _class_name: name, variance_type: variance }, 5)).toThrow(/`variance_type` in `f`, got/)
  }
})

it.each(['DPMSolverMultistepScheduler', 'DPMSolverSinglestepScheduler', 'DEISMultistepScheduler'])(
  '%s: a linear shift is left over where nothing shifts, and refused where something does',
  (name) => {
    const fields = { _class_name: name, time_shift_type: 'linear' }
    expect(gridOf(fields, 5)).toEqual(gridOf({ _class_name: name }, 5))
    expect(() => gridOf({ ...fields, use_dynamic_shifting: true }, 5)).toThrow(/`time_shift_type` in `f`, got linear/)
  },
)
