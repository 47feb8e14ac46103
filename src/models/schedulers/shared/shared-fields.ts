/** Fields that several classes have, and what they mean alike. */

import { expected, gotText } from '../../../core/errors.js'
import { dynamicThreshold, withClippedEstimates } from '../../../diffusion/clipped.js'
import type { Prediction } from '../../../diffusion/denoiser.js'
import type { Solver } from '../../../diffusion/diffusion.js'
import type { Grid, NoiseLevel } from '../../../diffusion/level.js'
import { boolean, choice, integer, number, type SchedulerCall } from './fields.js'

export const predictions: Readonly<Record<string, Prediction>> = {
  epsilon: 'epsilon',
  v_prediction: 'v',
  sample: 'sample',
  original_sample: 'sample',
  flow_prediction: 'velocity',
}

export const spacingField = (fallback: 'linspace' | 'leading' | 'trailing') =>
  choice(['linspace', 'leading', 'trailing'], fallback)

export const offsetField = integer(0, { minimum: 0, maximum: 100_000 })

export const finalSigmaField = choice(['zero', 'sigma_min'], 'zero')

export const thresholdFields = {
  thresholding: boolean(false),
  dynamic_thresholding_ratio: number(0.995, { minimum: 0, maximum: 1 }),
  sample_max_value: number(1, { minimum: 1e-6 }),
} as const

export interface ThresholdValues {
  readonly thresholding: boolean
  readonly dynamic_thresholding_ratio: number
  readonly sample_max_value: number
}

/** The solver with dynamic thresholding of its estimates, where that is asked for. */
export const thresholded = (solver: Solver, values: ThresholdValues): Solver =>
  values.thresholding
    ? withClippedEstimates(solver, dynamicThreshold(values.dynamic_thresholding_ratio, values.sample_max_value))
    : solver

const defaultSteps = 50
const mostSteps = 10_000

/** The steps of a call that gives no times; at most `trained` where the class has no more times than that. */
export function stepsOf({ steps = defaultSteps }: SchedulerCall, trained?: number): number {
  const most = Math.min(trained ?? mostSteps, mostSteps)
  if (Number.isInteger(steps) && steps >= 1 && steps <= most) return steps
  const what = most === trained ? `at most \`num_train_timesteps\`, ${most}` : `from 1 to ${most}`
  throw expected('bad-option', `an integer, ${what},`, 'steps', gotText(steps), 'Use fewer steps, at least one.')
}

/** Refuses what a class takes no part of. */
export function refuseGiven(name: string, call: SchedulerCall, ...refused: readonly ('timesteps' | 'sigmas')[]): void {
  const given = refused.find((one) => call[one] !== undefined)
  if (given) throw expected('bad-option', 'steps', `\`${given}\` of ${name}`, 'a list', 'The class spaces them itself.')
}

/** The solver on another grid, which is made when it is asked for: reading a file does not say how many steps there are. */
export const onGrid = (solver: Solver, grid: Solver['grid']): Solver => ({ ...solver, grid })

/** The grid on which a run starts with noise of this deviation. */
export function startingWith(deviation: number, [first, ...rest]: readonly NoiseLevel[]): Grid {
  return [{ ...first!, deviation }, ...rest]
}
