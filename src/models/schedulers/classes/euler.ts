/** EulerDiscreteScheduler, HeunDiscreteScheduler and LMSDiscreteScheduler: steps in x/alpha over ratios of noise, told fractional times. */
import { expected } from '../../../core/errors.js'
import { clampTo, withClippedEstimates } from '../../../diffusion/clipped.js'
import type { Grid } from '../../../diffusion/level.js'
import { euler } from '../../../diffusion/solvers/euler.js'
import { heun } from '../../../diffusion/solvers/heun.js'
import { lms } from '../../../diffusion/solvers/lms.js'
import {
  type BetaTable,
  betaTable,
  checkWithin,
  ratioAt,
  ratioLevel,
  tableFields,
  timeOfRatio,
} from '../shared/beta-tables.js'
import { boolean, choice, number, type SchedulerCall, schedulerClass } from '../shared/fields.js'
import { descending, float32, linspace, linspace32, roundHalfEven, series } from '../shared/reference-arithmetic.js'
import {
  finalSigmaField,
  offsetField,
  onGrid,
  predictions,
  refuseGiven,
  spacingField,
  startingWith,
  stepsOf,
} from '../shared/shared-fields.js'
import { type SpacedValues, spacedFields, spacedKind, spacedSigmas } from '../shared/spaced-sigmas.js'

interface SpacingValues extends SpacedValues {
  readonly timestep_spacing: string
  readonly steps_offset: number
}

function times({ timestep_spacing, steps_offset }: SpacingValues, count: number, steps: number): number[] {
  if (timestep_spacing === 'linspace')
    return linspace(0, count - 1, steps)
      .map(float32)
      .reverse()
  if (timestep_spacing === 'trailing') return descending(count, count / steps).map((time) => roundHalfEven(time) - 1)
  const ratio = Math.floor(count / steps)
  return series(steps, (k) => (steps - 1 - k) * ratio + steps_offset)
}

/** A run starts with noise of the largest ratio; with leading spacing of √(ratio² + 1), as if there were an image. */
function grid(told: readonly number[], ratios: readonly number[], spacing: string): Grid {
  const largest = Math.max(...ratios)
  const initial = spacing === 'leading' ? Math.sqrt(largest ** 2 + 1) : largest
  const levels = ratios.slice(0, told.length + 1).map((ratio, i) => ratioLevel(told[i] ?? 0, float32(ratio)))
  return startingWith(initial * levels[0]!.alpha, levels)
}

/** Told times and ratios of the class's spacing or of given times; the last ratio is not among them. */
function spaced(
  values: SpacingValues,
  kind: ReturnType<typeof spacedKind>,
  table: BetaTable,
  call: SchedulerCall,
  name: string,
  logarithmic = false,
) {
  if (call.timesteps && kind) refuseGiven(name, call, 'timesteps')
  const steps = call.timesteps?.length ?? stepsOf(call)
  const told = call.timesteps?.map(float32) ?? times(values, table.count, steps)
  if (!call.timesteps) checkWithin(table, told)
  const [cleanest, noisiest] = [table.logSigmas[0]!, table.logSigmas.at(-1)!]
  const plain = logarithmic
    ? linspace32(noisiest, cleanest, steps + 1).map((value) => float32(Math.exp(value)))
    : told.map((time) => ratioAt(table, time))
  if (!kind) return { told, ratios: plain }
  const ratios = spacedSigmas(kind, [plain[0]!, plain.at(-1)!], steps, values)
  return { told: ratios.map((ratio) => float32(timeOfRatio(table, ratio))), ratios }
}

export const eulerDiscreteScheduler = schedulerClass({
  name: 'EulerDiscreteScheduler',
  solver: 'euler',
  fields: {
    ...tableFields(0.0001, 0.02),
    prediction_type: choice(['epsilon', 'sample', 'original_sample', 'v_prediction'], 'epsilon'),
    interpolation_type: choice(['linear', 'log_linear'], 'linear'),
    ...spacedFields,
    timestep_spacing: spacingField('linspace'),
    timestep_type: choice(['discrete', 'continuous'], 'discrete'),
    steps_offset: offsetField,
    rescale_betas_zero_snr: boolean(false),
    final_sigmas_type: finalSigmaField,
  },
  make(values, call, config) {
    const table = betaTable(values, values.rescale_betas_zero_snr ? 'finite' : 'none', config)
    const kind = spacedKind(values, config)
    const continuous = values.timestep_type === 'continuous' && values.prediction_type === 'v_prediction'
    const logarithmic = values.interpolation_type === 'log_linear'
    const levels = () => {
      const name = 'EulerDiscreteScheduler'
      checkOneGiven(call, name)
      if (continuous) refuseGiven(name, call, 'timesteps')
      const found = call.sigmas
        ? { told: call.sigmas.slice(0, -1).map((ratio) => timeOfRatio(table, float32(ratio))), ratios: call.sigmas }
        : spaced(values, kind, table, call, name, logarithmic)
      const last = values.final_sigmas_type === 'zero' ? 0 : table.sigmas[0]!
      const ratios = call.sigmas ? found.ratios : [...found.ratios, last]
      const told = found.told.map((time, i) => (continuous ? 0.25 * Math.log(float32(ratios[i]!)) : float32(time)))
      return grid(told, ratios, values.timestep_spacing)
    }
    return {
      schedule: table.schedule,
      prediction: predictions[values.prediction_type]!,
      solver: onGrid(euler(), levels),
    }
  },
})

/** Steps, times or sigmas, and no two of them. */
function checkOneGiven({ steps, timesteps, sigmas }: SchedulerCall, name: string): void {
  if ([steps, timesteps, sigmas].filter((given) => given !== undefined).length <= 1) return
  throw expected('bad-option', 'one of steps, times and sigmas', name, 'several', 'Keep one of them.')
}

export const heunDiscreteScheduler = schedulerClass({
  name: 'HeunDiscreteScheduler',
  solver: 'heun',
  fields: {
    ...tableFields(0.00085, 0.012, ['exp']),
    prediction_type: choice(['epsilon', 'sample', 'v_prediction'], 'epsilon'),
    ...spacedFields,
    clip_sample: boolean(false),
    clip_sample_range: number(1, { minimum: 1e-6 }),
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const kind = spacedKind(values, config)
    const plain = onGrid(heun(), () => {
      refuseGiven('HeunDiscreteScheduler', call, 'sigmas')
      const { told, ratios } = spaced(values, kind, table, call, 'HeunDiscreteScheduler')
      return grid(told, [...ratios, 0], values.timestep_spacing)
    })
    return {
      schedule: table.schedule,
      prediction: predictions[values.prediction_type]!,
      solver: values.clip_sample ? withClippedEstimates(plain, clampTo(values.clip_sample_range)) : plain,
    }
  },
})

export const lmsDiscreteScheduler = schedulerClass({
  name: 'LMSDiscreteScheduler',
  solver: 'lms',
  fields: {
    ...tableFields(0.0001, 0.02),
    prediction_type: choice(['epsilon', 'sample', 'v_prediction'], 'epsilon'),
    ...spacedFields,
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const kind = spacedKind(values, config)
    // Its Karras sigmas have the ends of its own times, whatever is stated.
    const spacing = kind === 'karras' ? { ...values, sigma_min: undefined, sigma_max: undefined } : values
    const levels = () => {
      refuseGiven('LMSDiscreteScheduler', call, 'timesteps', 'sigmas')
      const { told, ratios } = spaced(spacing, kind, table, call, 'LMSDiscreteScheduler')
      return grid(told, [...ratios, 0], values.timestep_spacing)
    }
    return {
      schedule: table.schedule,
      prediction: predictions[values.prediction_type]!,
      solver: onGrid(lms(), levels),
    }
  },
})
