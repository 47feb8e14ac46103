/** DDIMScheduler and its inverse: steps of one size down from each told time, which need not meet the next told time. */
import { clampTo, dynamicThreshold, withClippedImage } from '../../../diffusion/clipped.js'
import type { Grid, NoiseLevel } from '../../../diffusion/level.js'
import { noiseLevel } from '../../../diffusion/level.js'
import { ddim } from '../../../diffusion/solvers/ddim.js'
import { type BetaTable, betaTable, beyondTable, tableFields } from '../shared/beta-tables.js'
import { boolean, choice, number, refusedValue, type SchedulerCall, schedulerClass } from '../shared/fields.js'
import { descending, linspace, roundHalfEven, series } from '../shared/reference-arithmetic.js'
import {
  offsetField,
  onGrid,
  predictions,
  refuseGiven,
  spacingField,
  stepsOf,
  thresholdFields,
} from '../shared/shared-fields.js'

const fields = {
  ...tableFields(0.0001, 0.02),
  clip_sample: boolean(true),
  clip_sample_range: number(1, { minimum: 1e-6 }),
  set_alpha_to_one: boolean(true),
  steps_offset: offsetField,
  prediction_type: choice(['epsilon', 'sample', 'v_prediction'], 'epsilon'),
  rescale_betas_zero_snr: boolean(false),
}

/** Told times, noisiest first. */
export function toldTimes(
  { timestep_spacing, steps_offset }: { readonly timestep_spacing: string; readonly steps_offset: number },
  count: number,
  steps: number,
): number[] {
  if (timestep_spacing === 'linspace')
    return linspace(0, count - 1, steps)
      .map(roundHalfEven)
      .reverse()
  if (timestep_spacing === 'trailing') return descending(count, count / steps).map((time) => roundHalfEven(time) - 1)
  const ratio = Math.floor(count / steps)
  return series(steps, (k) => (steps - 1 - k) * ratio + steps_offset)
}

/** The level of a whole time as Python indexes a table: −1 is the last. Throws `bad-option` beyond both ends. */
export function tabulated({ schedule, products }: BetaTable, time: number): NoiseLevel {
  const index = time < 0 ? time + products.length : time
  if (index >= 0 && index < products.length) return schedule.level(index)
  throw beyondTable(products.length, time)
}

/** Neighbouring steps as a grid: a level says where its step leads where that is not the next level. */
export function joined(steps: readonly { readonly from: NoiseLevel; readonly to: NoiseLevel }[]): Grid {
  const same = (a: NoiseLevel, b: NoiseLevel) => a.alpha === b.alpha && a.sigma === b.sigma
  const levels = steps.map(({ from, to }, i) => {
    const next = steps[i + 1]?.from
    return next && !same(next, to) ? { ...from, step: { from, to } } : from
  })
  return [...levels, steps.at(-1)!.to]
}

/** The level of an image: the first time's, or none of noise. */
export const imageLevel = (table: BetaTable, noiseless: boolean): NoiseLevel =>
  noiseless ? noiseLevel(0, 1, 0) : table.schedule.level(0)

/**
 * The level that the inverse class starts at: of no noise, where an estimate of x₀ would say nothing of the noise that the
 * network sees. With this much the noise keeps eight digits and the image seven.
 */
const nearlyNoiseless = noiseLevel(0, 1, 1e-7)

/** Steps from one time to another that is this much earlier; `count` is the class's number of times. */
function strideOf(name: string, call: SchedulerCall, count: number) {
  refuseGiven(name, call, 'timesteps', 'sigmas')
  const steps = stepsOf(call, count)
  return { steps, stride: Math.floor(count / steps) }
}

export const ddimScheduler = schedulerClass({
  name: 'DDIMScheduler',
  solver: 'ddim',
  fields: { ...fields, timestep_spacing: spacingField('leading'), ...thresholdFields },
  make(values, call, config) {
    const table = betaTable(values, values.rescale_betas_zero_snr ? 'exact' : 'none', config)
    const grid = () => {
      const { steps, stride } = strideOf('DDIMScheduler', call, table.count)
      const image = imageLevel(table, values.set_alpha_to_one)
      const leaps = toldTimes(values, table.count, steps).map((t) => ({
        from: { ...tabulated(table, t), t },
        to: t - stride < 0 ? image : tabulated(table, t - stride),
      }))
      if (values.prediction_type === 'epsilon' && leaps.some(({ from }) => from.alpha === 0)) {
        const why = 'A network that predicts noise says nothing where there is no image.'
        throw refusedValue(config, 'rescale_betas_zero_snr', 'false with prediction_type epsilon', true, why)
      }
      return joined(leaps)
    }
    const plain = onGrid(ddim(), grid)
    const clip = values.thresholding
      ? dynamicThreshold(values.dynamic_thresholding_ratio, values.sample_max_value)
      : values.clip_sample && clampTo(values.clip_sample_range)
    return {
      schedule: table.schedule,
      prediction: predictions[values.prediction_type]!,
      solver: clip ? withClippedImage(plain, clip) : plain,
    }
  },
})

export const ddimInverseScheduler = schedulerClass({
  name: 'DDIMInverseScheduler',
  solver: 'ddim',
  fields: { ...fields, timestep_spacing: choice(['leading', 'trailing'], 'leading') },
  make(values, call, config) {
    const table = betaTable(values, values.rescale_betas_zero_snr ? 'exact' : 'none', config)
    const image = values.set_alpha_to_one ? nearlyNoiseless : table.schedule.level(0)
    const plain = onGrid(ddim(), () => {
      const { steps, stride } = strideOf('DDIMInverseScheduler', call, table.count)
      const up = toldTimes(values, table.count, steps).reverse()
      const leaps = up.map((t) => {
        const start = Math.min(t - stride, table.count - 1)
        return { from: { ...(start < 0 ? image : tabulated(table, start)), t }, to: tabulated(table, t) }
      })
      if (values.prediction_type === 'sample' && leaps[0]!.from.sigma === nearlyNoiseless.sigma) {
        const why = 'At no noise an estimate of x₀ says nothing of the noise: diffusers ends in NaN.'
        throw refusedValue(config, 'set_alpha_to_one', 'false with prediction_type sample', true, why)
      }
      return joined(leaps)
    })
    return {
      schedule: table.schedule,
      prediction: predictions[values.prediction_type]!,
      solver: values.clip_sample ? withClippedImage(plain, clampTo(values.clip_sample_range)) : plain,
    }
  },
})
