/** DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler and DPMSolverMultistepInverseScheduler. */
import type { Solver } from '../../../diffusion/diffusion.js'
import type { Grid, Schedule } from '../../../diffusion/level.js'
import { dpmSolver1 } from '../../../diffusion/solvers/dpm-solver-1.js'
import { dpmSolver2M } from '../../../diffusion/solvers/dpm-solver-2m.js'
import { dpmSolver2S } from '../../../diffusion/solvers/dpm-solver-2s.js'
import { dpmSolver3M } from '../../../diffusion/solvers/dpm-solver-3m.js'
import { dpmSolver3S } from '../../../diffusion/solvers/dpm-solver-3s.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import { type BetaTable, betaTable, checkWithin, ratioAt, tableFields, timeOfRatio } from '../shared/beta-tables.js'
import {
  boolean,
  choice,
  integer,
  numberOrNone,
  refusedValue,
  type SchedulerCall,
  schedulerClass,
} from '../shared/fields.js'
import {
  dynamicFields,
  finiteOn,
  flowFields,
  flowShares,
  levelGrid,
  predictionOf,
  refuseLinearShift,
  refuseMu,
  refuseSpacedFlow,
  scheduleOf,
  shiftedBy,
  varianceField,
  wholeTimes,
} from '../shared/level-grids.js'
import { linspace, roundHalfEven } from '../shared/reference-arithmetic.js'
import {
  finalSigmaField,
  offsetField,
  onGrid,
  refuseGiven,
  spacingField,
  stepsOf,
  thresholded,
  thresholdFields,
} from '../shared/shared-fields.js'
import { type SpacedKind, type SpacedValues, spacedFields, spacedKind, spacedSigmas } from '../shared/spaced-sigmas.js'

const algorithms = ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver', 'deis'] as const

/** The fields of all three. */
const fields = {
  ...tableFields(0.0001, 0.02),
  solver_order: integer(2, { minimum: 1, maximum: 100 }),
  ...flowFields,
  ...thresholdFields,
  algorithm_type: choice(algorithms, 'dpmsolver++'),
  solver_type: choice(['midpoint', 'heun', 'logrho', 'bh1', 'bh2'], 'midpoint'),
  ...spacedFields,
  lambda_min_clipped: numberOrNone(Number.NEGATIVE_INFINITY),
  variance_type: varianceField,
}

interface AlgorithmValues {
  readonly algorithm_type: (typeof algorithms)[number]
  readonly solver_type: string
  readonly solver_order: number
  readonly prediction_type: string
}

/** Data or noise, and how slopes are weighed. Refuses what draws noise and what the class itself cannot compute. */
function algorithmOf({ algorithm_type: type, solver_type, prediction_type }: AlgorithmValues, config: ConfigReader) {
  if (type === 'sde-dpmsolver' || type === 'sde-dpmsolver++') {
    const why = 'It draws noise at every step, so that no step can be undone; name a deterministic solver.'
    throw refusedValue(config, 'algorithm_type', 'dpmsolver++ or dpmsolver', type, why)
  }
  if (type === 'dpmsolver' && prediction_type === 'flow_prediction') {
    const why = 'diffusers has no dpmsolver of predicted velocities.'
    throw refusedValue(config, 'algorithm_type', 'dpmsolver++ with flow_prediction', type, why)
  }
  return {
    prediction: type === 'dpmsolver' ? 'noise' : 'data',
    variant: solver_type === 'heun' ? 'heun' : 'midpoint',
  } as const
}

/** diffusers raises for a noise rule to sigma = 0. */
function refuseNoiseToZero(config: ConfigReader, prediction: 'data' | 'noise', final: string): void {
  if (prediction === 'data' || final !== 'zero') return
  const why = 'diffusers has no dpmsolver that ends at sigma = 0.'
  throw refusedValue(config, 'final_sigmas_type', 'sigma_min with algorithm_type dpmsolver', final, why)
}

/** How many of the noisiest times are left out: those with a lambda below the limit. */
const clippedCount = ({ logSigmas }: BetaTable, limit: number): number =>
  logSigmas.filter((value) => -value < limit).length

/** Ratios of a spacing from the noisier to the cleaner end of `ends`, and the times that they are told. */
function spacedRatios(
  kind: SpacedKind | 'lu',
  ends: readonly [number, number],
  steps: number,
  table: BetaTable,
  values: SpacedValues & { readonly beta_schedule: string },
) {
  const ratios =
    kind === 'lu'
      ? linspace(0, 1, steps).map((share) => {
          const [first, last] = [table.logSigmas.at(-1)!, table.logSigmas[0]!]
          return Math.exp(first + share * (last - first))
        })
      : spacedSigmas(kind, ends, steps, values)
  const rounded = kind === 'karras' || kind === 'lu'
  const told = ratios.map((ratio) => timeOfRatio(table, ratio))
  return { ratios, told: rounded ? told.map(roundHalfEven) : told }
}

const ends = ({ sigmas }: BetaTable): readonly [noisiest: number, cleanest: number] => [sigmas.at(-1)!, sigmas[0]!]

interface Levels {
  readonly values: SpacedValues & {
    readonly beta_schedule: string
    readonly use_flow_sigmas: boolean
    readonly lambda_min_clipped: number
  }
  readonly spacing: Parameters<typeof wholeTimes>[0]
  readonly kind: SpacedKind | 'lu' | undefined
  readonly table: BetaTable
  readonly call: SchedulerCall
  readonly shift: Schedule['shift']
  /** The ratio at the end. */
  readonly last: number
}

/** The grid of either class: levels spaced by `kind`, of a flow, or at whole times of the table. */
function levelsOf({ values, spacing, kind, table, call, shift, last }: Levels): Grid {
  const steps = call.timesteps?.length ?? stepsOf(call)
  if (kind) {
    const { told, ratios } = spacedRatios(kind, ends(table), steps, table, values)
    return levelGrid(told, [...ratios, last], false)
  }
  if (values.use_flow_sigmas) {
    const shares = flowShares(table.count, steps, shift!)
    return levelGrid(
      shares.map((share) => share * table.count),
      [...shares, last],
      true,
    )
  }
  const latest = table.count - clippedCount(table, values.lambda_min_clipped)
  const told = call.timesteps?.map(Math.trunc) ?? wholeTimes(spacing, table, steps, latest)
  return levelGrid(told, [...told.map((time) => ratioAt(table, time)), last], false)
}

export const dpmSolverMultistepScheduler = schedulerClass({
  name: 'DPMSolverMultistepScheduler',
  solver: 'dpm-solver-2m',
  fields: {
    ...fields,
    lower_order_final: boolean(true),
    euler_at_final: boolean(false),
    use_lu_lambdas: boolean(false),
    final_sigmas_type: finalSigmaField,
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
    rescale_betas_zero_snr: boolean(false),
    ...dynamicFields,
  },
  make(values, call, config) {
    const table = betaTable(values, values.rescale_betas_zero_snr ? 'finite' : 'none', config)
    const { prediction, variant } = algorithmOf(values, config)
    refuseNoiseToZero(config, prediction, values.final_sigmas_type)
    const spacing = spacedKind(values, config)
    const kind = spacing === 'karras' || !values.use_lu_lambdas ? spacing : 'lu'
    const { use_flow_sigmas: flow } = values
    refuseSpacedFlow(config, flow, kind)
    refuseLinearShift(config, values)
    const last = values.final_sigmas_type === 'zero' ? 0 : table.sigmas[0]!
    const grid = ({ shift }: Schedule): Grid => {
      refuseMu('DPMSolverMultistepScheduler', call, values.use_dynamic_shifting)
      refuseGiven('DPMSolverMultistepScheduler', call, 'sigmas')
      if (kind) refuseGiven('DPMSolverMultistepScheduler', call, 'timesteps')
      const steps = call.timesteps?.length ?? stepsOf(call)
      if (kind === 'karras' || kind === 'lu') {
        // Only here are the times of the cosine's levels not rounded.
        const { told, ratios } = spacedRatios(kind, ends(table), steps, table, values)
        const whole = values.beta_schedule !== 'squaredcos_cap_v2'
        return levelGrid(whole ? told : ratios.map((ratio) => timeOfRatio(table, ratio)), [...ratios, last], false)
      }
      return levelsOf({ values, spacing: values, kind, table, call, shift, last })
    }
    const solver = multistepSolver(Math.min(values.solver_order, 3), {
      prediction,
      variant,
      lowerOrderFinal: values.lower_order_final,
      firstOrderFinal: values.euler_at_final,
    })
    return {
      ...scheduleOf(values, table),
      prediction: predictionOf(values, config),
      solver: thresholded(
        onGrid(solver, (schedule) => finiteOn(solver, grid(schedule), config, 'final_sigmas_type')),
        values,
      ),
    }
  },
})

function multistepSolver(order: number, options: Parameters<typeof dpmSolver2M>[0]): Solver {
  if (order === 1) return dpmSolver1()
  if (order === 2) return dpmSolver2M(options)
  return dpmSolver3M(options)
}

export const dpmSolverSinglestepScheduler = schedulerClass({
  name: 'DPMSolverSinglestepScheduler',
  solver: 'dpm-solver-2s',
  fields: {
    ...fields,
    solver_order: integer(2, { minimum: 1, maximum: 3 }),
    lower_order_final: boolean(false),
    final_sigmas_type: finalSigmaField,
    ...dynamicFields,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const { prediction, variant } = algorithmOf(values, config)
    refuseNoiseToZero(config, prediction, values.final_sigmas_type)
    if (values.thresholding && prediction === 'noise') {
      const why = 'diffusers reads another level than the step is at.'
      throw refusedValue(config, 'thresholding', 'false with algorithm_type dpmsolver', true, why)
    }
    const kind = spacedKind(values, config)
    const { use_flow_sigmas: flow, solver_order: order } = values
    refuseSpacedFlow(config, flow, kind)
    refuseLinearShift(config, values)
    const last = values.final_sigmas_type === 'zero' ? 0 : table.sigmas[0]!
    const grid = ({ shift }: Schedule): Grid => {
      refuseMu('DPMSolverSinglestepScheduler', call, values.use_dynamic_shifting)
      refuseGiven('DPMSolverSinglestepScheduler', call, 'sigmas')
      if (kind) refuseGiven('DPMSolverSinglestepScheduler', call, 'timesteps')
      const spacing = { timestep_spacing: 'linspace', steps_offset: 0 }
      return levelsOf({ values, spacing, kind, table, call, shift, last })
    }
    // It turns the option on where its groups do not come out even.
    const made = (lowerOrderFinal: boolean): Solver =>
      order === 1
        ? dpmSolver1()
        : order === 2
          ? dpmSolver2S({ prediction, variant, lowerOrderFinal })
          : dpmSolver3S({ prediction, variant, lowerOrderFinal })
    const even = call.timesteps?.length ?? call.steps ?? 50
    const lowered = values.lower_order_final || values.final_sigmas_type === 'zero' || even % order !== 0
    const solver = made(lowered)
    return {
      ...scheduleOf(values, table),
      prediction: predictionOf(values, config),
      solver: thresholded(
        onGrid(solver, (schedule) => finiteOn(solver, grid(schedule), config, 'final_sigmas_type')),
        values,
      ),
    }
  },
})

export const dpmSolverMultistepInverseScheduler = schedulerClass({
  name: 'DPMSolverMultistepInverseScheduler',
  solver: 'dpm-solver-2m',
  fields: {
    ...fields,
    lower_order_final: boolean(true),
    euler_at_final: boolean(false),
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const { prediction, variant } = algorithmOf(values, config)
    const kind = spacedKind(values, config)
    refuseSpacedFlow(config, values.use_flow_sigmas, kind)
    const grid = (): Grid => {
      refuseGiven('DPMSolverMultistepInverseScheduler', call, 'timesteps', 'sigmas')
      const steps = stepsOf(call)
      if (kind) {
        const [noisiest, cleanest] = ends(table)
        const { told, ratios } = spacedRatios(kind, [cleanest, noisiest], steps, table, values)
        return levelGrid(once(told), [...ratios, ratios.at(-1)!], false)
      }
      if (values.use_flow_sigmas) {
        // As released: from noise to image, as the forward class goes.
        const shares = flowShares(table.count, steps, shiftedBy(values.flow_shift))
        const told = shares.map((share) => share * table.count)
        return levelGrid(once(told), [...shares, shares.at(-1)!], true)
      }
      const latest = table.count - clippedCount(table, values.lambda_min_clipped)
      const told = upwards(values, table, steps, latest)
      const ratios = [...told.map((time) => ratioAt(table, time)), ratioAt(table, latest - 1)]
      return levelGrid(once(told), ratios, false)
    }
    const solver = multistepSolver(Math.min(values.solver_order, 3), {
      prediction,
      variant,
      lowerOrderFinal: values.lower_order_final,
      firstOrderFinal: values.euler_at_final,
    })
    return {
      schedule: table.schedule,
      prediction: predictionOf(values, config),
      solver: thresholded(
        onGrid(solver, () => finiteOn(solver, grid(), config, 'timestep_spacing')),
        values,
      ),
    }
  },
})

/** Whole times from the image up, the noisiest left out. */
function upwards(
  values: { readonly timestep_spacing: string; readonly steps_offset: number },
  table: BetaTable,
  steps: number,
  latest: number,
): number[] {
  if (values.timestep_spacing === 'trailing') return wholeTimes(values, table, steps, latest).reverse()
  if (values.timestep_spacing === 'linspace')
    return linspace(0, latest - 1, steps + 1)
      .map(roundHalfEven)
      .slice(0, -1)
  const ratio = Math.floor(latest / (steps + 1))
  const told = Array.from({ length: steps }, (_, k) => k * ratio + values.steps_offset)
  checkWithin(table, told)
  return told
}

/** Each time where it is first told. */
const once = (told: readonly number[]): number[] => [...new Set(told)]
