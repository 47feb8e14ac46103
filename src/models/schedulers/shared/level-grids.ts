/** The grids of DPM-Solver, UniPC and DEIS: spaced over all levels, told whole times, in ratios of noise or as a flow. */

import { expected } from '../../../core/errors.js'
import { plural } from '../../../core/plural.js'
import type { Prediction } from '../../../diffusion/denoiser.js'
import type { Solver } from '../../../diffusion/diffusion.js'
import { type Grid, type NoiseLevel, noiseLevel, type Schedule } from '../../../diffusion/level.js'
import { rectifiedFlow } from '../../../diffusion/schedules.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import { linearMu } from '../time-shifts.js'
import { type BetaTable, checkWithin, ratioLevel, type TableValues } from './beta-tables.js'
import {
  boolean,
  choice,
  type DynamicShift,
  type Field,
  number,
  only,
  refusedValue,
  type SchedulerCall,
} from './fields.js'
import { descending, float32, linspace, roundHalfEven, series } from './reference-arithmetic.js'
import { predictions, startingWith } from './shared-fields.js'
import type { SpacedKind } from './spaced-sigmas.js'

export const flowFields = {
  prediction_type: choice(['epsilon', 'sample', 'v_prediction', 'flow_prediction'], 'epsilon'),
  use_flow_sigmas: boolean(false),
  flow_shift: number(1, { minimum: 1e-4, maximum: 1e4 }),
} as const

export const dynamicFields = {
  use_dynamic_shifting: boolean(false),
  time_shift_type: choice(['exponential', 'linear'], 'exponential'),
} as const

/** Variances that DDPM draws by. DPM-Solver has a field of that name, and looks for the learned ones alone. */
const drawnVariances: readonly unknown[] = ['fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log']
const learnedVariance = only(null, 'A network that predicts its variance too has twice the channels.')

export const varianceField: Field<null> = {
  ...learnedVariance,
  values: `null, or ${drawnVariances.join(', ')}, which do nothing`,
  read: (config, name) => (drawnVariances.includes(config.value(name)) ? null : learnedVariance.read(config, name)),
}

export interface FlowValues extends Pick<TableValues, 'num_train_timesteps'> {
  readonly prediction_type: keyof typeof predictions
  readonly use_flow_sigmas: boolean
  readonly flow_shift: number
}

/** Whole times over all levels, the last left out; `latest` is where they begin, the table's last unless it is clipped. */
export function wholeTimes(
  { timestep_spacing, steps_offset }: { readonly timestep_spacing: string; readonly steps_offset: number },
  table: BetaTable,
  steps: number,
  latest = table.count,
): number[] {
  const { count } = table
  if (timestep_spacing === 'linspace') {
    return linspace(0, latest - 1, steps + 1)
      .map(roundHalfEven)
      .reverse()
      .slice(0, -1)
  }
  if (timestep_spacing === 'trailing') return descending(latest, count / steps).map((time) => roundHalfEven(time) - 1)
  const ratio = Math.floor(latest / (steps + 1))
  const told = series(steps, (k) => (steps - k) * ratio + steps_offset)
  checkWithin(table, told)
  return told
}

/** The levels of told times, cut to whole ones, and of one more ratio (or, in a flow, share) of noise. */
export function levelGrid(told: readonly number[], sigmas: readonly number[], flow: boolean): Grid {
  const level = flow ? flowLevel : ratioLevel
  const levels = sigmas.slice(0, told.length + 1).map((sigma, i) => level(Math.trunc(told[i] ?? 0), float32(sigma)))
  return startingWith(1, levels)
}

export const flowLevel = (t: number, share: number): NoiseLevel => noiseLevel(t, 1 - share, share)

/** s → shift·s/(1 + (shift − 1)·s). */
export const shiftedBy = (shift: number) => (share: number) => (shift * share) / (1 + (shift - 1) * share)

/** s → m/(m + 1/s − 1), the same with m for the shift: e^mu, or mu itself where `time_shift_type` is linear. */
export const dynamicShift = (type: 'exponential' | 'linear', mu: number) => {
  const m = type === 'exponential' ? Math.exp(mu) : mu
  return (share: number) => m / (m + (1 / share - 1))
}

/** The shares that DPM-Solver and DEIS take of a flow: even from 1/T below 1 down to 0, then shifted; without the last. */
export const flowShares = (count: number, steps: number, shift: (share: number) => number): number[] =>
  linspace(1, 1 / count, steps + 1)
    .map((alpha) => shift(1 - alpha))
    .reverse()
    .slice(0, -1)

/** The schedule of a folder's flow: from pure noise to the least noise that the network was trained at. */
export const flowSchedule = (count: number, shift: (share: number) => number): Schedule => ({
  ...rectifiedFlow({ scale: count, cleanest: 1 / count }),
  shift,
})

/** Refuses a mu that the class has no use for. */
export function refuseMu(name: string, { mu }: SchedulerCall, dynamic: boolean): void {
  if (mu === undefined || dynamic) return
  throw expected('bad-option', 'no mu without `use_dynamic_shifting`', name, `${mu}`, 'Leave it out.')
}

/** A flow's schedule, or the table's. A dynamic flow makes another schedule for each mu. */
export function scheduleOf(
  values: FlowValues & { readonly use_dynamic_shifting?: boolean },
  table: BetaTable,
): { readonly schedule: Schedule; readonly dynamic?: DynamicShift } {
  if (!values.use_flow_sigmas) return { schedule: table.schedule }
  const schedule = flowSchedule(table.count, shiftedBy(values.flow_shift))
  if (!values.use_dynamic_shifting) return { schedule }
  const ofMu = (mu: number) => flowSchedule(table.count, shiftedBy(Math.exp(mu)))
  return { schedule, dynamic: { mu: linearMu(), schedule: ofMu } }
}

/** What the network predicts; throws for combinations that diffusers computes by formulas of other levels. */
export function predictionOf(values: FlowValues, config: ConfigReader): Prediction {
  const { prediction_type: type, use_flow_sigmas: flow } = values
  if ((type === 'flow_prediction') !== flow && (flow ? type === 'v_prediction' : true)) {
    const allowed = flow
      ? 'flow_prediction, epsilon or sample with use_flow_sigmas'
      : 'no flow_prediction without use_flow_sigmas'
    throw refusedValue(
      config,
      'prediction_type',
      allowed,
      type,
      'Use the configuration that the weights were published with.',
    )
  }
  return predictions[type]!
}

/**
 * The grid, where every step of the solver on it is a number. A last level that is reached twice is a step of length zero,
 * whose slope some rules divide by: diffusers ends in NaN. Throws `unsupported` naming the field.
 */
export function finiteOn(
  solver: Solver,
  grid: Grid,
  config: ConfigReader,
  field: 'final_sigmas_type' | 'timestep_spacing',
): Grid {
  const finite = (index: number) => {
    const { x, denoised } = solver.coefficients!(grid, index)
    return [...x, ...denoised].every(Number.isFinite)
  }
  const broken = grid.findIndex((_, index) => index < grid.length - 1 && !finite(index))
  if (broken < 0) return grid
  const same = grid.findIndex((level, i) => level.sigma === grid[i + 1]?.sigma && level.alpha === grid[i + 1]?.alpha)
  if (same >= 0 && same < grid.length - 2) {
    const what = `fewer steps than times, or another spacing: ${plural(grid.length - 1, 'step')},`
    const got = `time ${grid[same]!.t} twice`
    throw expected('unsupported', what, `\`num_train_timesteps\` in \`${config.file}\``, got, 'Use fewer steps.')
  }
  const why = `diffusers ends in NaN: step ${broken} has no length. Use other steps, or another value of the field.`
  throw refusedValue(config, field, 'levels that differ', config.value(field) ?? 'its default', why)
}

/** Refuses a shift that the class does not compute. Where nothing shifts, the field is another scheduler's. */
export function refuseLinearShift(
  config: ConfigReader,
  values: { readonly use_dynamic_shifting: boolean; readonly time_shift_type: string },
): void {
  if (!values.use_dynamic_shifting || values.time_shift_type !== 'linear') return
  const why = 'diffusers raises for it here; use FlowMatchEulerDiscreteScheduler.'
  throw refusedValue(config, 'time_shift_type', 'exponential with use_dynamic_shifting', 'linear', why)
}

/** Refuses spacings of a table on the levels of a flow: their ratios are above 1, and diffusers ends in NaN. */
export function refuseSpacedFlow(config: ConfigReader, flow: boolean, kind: SpacedKind | 'lu' | undefined): void {
  if (!flow || !kind) return
  const field = kind === 'lu' ? 'use_lu_lambdas' : `use_${kind}_sigmas`
  throw refusedValue(config, field, 'false with use_flow_sigmas', true, 'diffusers ends in NaN with both.')
}
