/** UniPCMultistepScheduler: the flows of Wan among others, whose first share is a little below 1. */
import { expected } from '../../../core/errors.js'
import type { Grid, Schedule } from '../../../diffusion/level.js'
import { uniPcSolver } from '../../../diffusion/solvers/uni-pc.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import { betaTable, ratioAt, tableFields, timeOfRatio } from '../shared/beta-tables.js'
import {
  boolean,
  choice,
  integer,
  number,
  numbers,
  only,
  optional,
  refusedValue,
  type SchedulerCall,
  schedulerClass,
} from '../shared/fields.js'
import {
  dynamicFields,
  dynamicShift,
  finiteOn,
  flowFields,
  flowSchedule,
  levelGrid,
  predictionOf,
  refuseSpacedFlow,
  shiftedBy,
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
import { spacedFields, spacedKind, spacedSigmas } from '../shared/spaced-sigmas.js'
import { linearMu } from '../time-shifts.js'

export const uniPcMultistepScheduler = schedulerClass({
  name: 'UniPCMultistepScheduler',
  solver: 'uni-pc',
  fields: {
    ...tableFields(0.0001, 0.02),
    solver_order: integer(2, { minimum: 1, maximum: 10 }),
    ...flowFields,
    ...thresholdFields,
    predict_x0: boolean(true),
    solver_type: choice(['bh1', 'bh2', 'midpoint', 'heun', 'logrho'], 'bh2'),
    lower_order_final: boolean(true),
    disable_corrector: numbers,
    solver_p: only(null, 'Another scheduler as the predictor is not read here.'),
    ...spacedFields,
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
    final_sigmas_type: finalSigmaField,
    rescale_betas_zero_snr: boolean(false),
    ...dynamicFields,
    shift_terminal: optional(number(0, { minimum: 0, maximum: 1 - Number.EPSILON })),
  },
  make(values, call, config) {
    const table = betaTable(values, values.rescale_betas_zero_snr ? 'finite' : 'none', config)
    const kind = spacedKind(values, config)
    const { use_flow_sigmas: flow, final_sigmas_type: final, solver_order: order } = values
    if (kind !== 'karras') refuseSpacedFlow(config, flow, kind)
    refuseNotFinite(config, values)
    if (values.shift_terminal !== undefined && !flow) {
      throw refusedValue(
        config,
        'shift_terminal',
        'null without use_flow_sigmas',
        values.shift_terminal,
        'Take it out.',
      )
    }
    if (!values.predict_x0 && values.prediction_type === 'flow_prediction') {
      const why = 'diffusers predicts no noise from velocities.'
      throw refusedValue(config, 'predict_x0', 'true with flow_prediction', false, why)
    }
    const name = 'UniPCMultistepScheduler'
    const grid = ({ shift }: Schedule): Grid => {
      refuseGiven(name, call, 'timesteps')
      if (!flow || kind) refuseGiven(name, call, 'sigmas')
      const steps = call.sigmas?.length ?? stepsOf(call)
      if (values.use_dynamic_shifting && flow && !kind && !shift) throw noShift(name)
      if (kind) {
        const spaced = spacedSigmas(kind, [table.sigmas.at(-1)!, table.sigmas[0]!], steps, values)
        const sigmas = flow ? spaced.map((ratio) => ratio / (ratio + 1)) : spaced
        const times = spaced.map((ratio) => timeOfRatio(table, ratio))
        const told = kind === 'karras' ? times.map(roundHalfEven) : times
        const last = final === 'zero' ? 0 : sigmas.at(-1)!
        return levelGrid(flow ? sigmas.map((share) => share * table.count) : told, [...sigmas, last], flow)
      }
      if (flow) {
        const shares = flowSharesOf(values, call, table.count, steps, shift!)
        const last = final === 'zero' ? 0 : shares.at(-1)!
        return levelGrid(
          shares.map((share) => share * table.count),
          [...shares, last],
          true,
        )
      }
      const told = wholeTimes(values, table, steps)
      const last = final === 'zero' ? 0 : table.sigmas[0]!
      return levelGrid(told, [...told.map((time) => ratioAt(table, time)), last], false)
    }
    const plain = uniPcSolver({
      order,
      prediction: values.predict_x0 ? 'data' : 'noise',
      variant: values.solver_type === 'bh1' ? 'bh1' : 'bh2',
      lowerOrderFinal: values.lower_order_final,
      uncorrected: values.disable_corrector,
      grid,
    })
    // Thresholding is for estimates of x₀ alone.
    const checked = onGrid(plain, (schedule) => finiteOn(plain, grid(schedule), config, 'final_sigmas_type'))
    const ofMu = (mu: number) => flowSchedule(table.count, dynamicShift(values.time_shift_type, mu))
    return {
      schedule: !flow
        ? table.schedule
        : values.use_dynamic_shifting
          ? withoutShift(ofMu(1))
          : flowSchedule(table.count, shiftedBy(values.flow_shift)),
      ...(flow && values.use_dynamic_shifting && { dynamic: { mu: linearMu(), schedule: ofMu } }),
      prediction: predictionOf(values, config),
      // A flow's last step leaves x − sigma·velocity.
      solver: { ...(values.predict_x0 ? thresholded(checked, values) : checked), ...(flow && { keepsToZero: true }) },
    }
  },
})

/** A dynamic flow before its latent's size is known. */
export const withoutShift = ({ shift: _, ...schedule }: Schedule): Schedule => schedule

export const noShift = (name: string) =>
  expected(
    'unsupported',
    'the schedule of a latent of some size',
    `\`use_dynamic_shifting\` of ${name}`,
    'one without mu',
    'Its time shift depends on how many tokens the latent has: ask `dynamic.schedule(mu)` for the schedule.',
  )

/** Shares of noise: given, or even down to 1/T; shifted, stretched to end at `shift_terminal`, a little below 1 at first. */
function flowSharesOf(
  { shift_terminal: terminal }: { readonly shift_terminal: number | undefined },
  call: SchedulerCall,
  count: number,
  steps: number,
  shift: (share: number) => number,
): number[] {
  const even = call.sigmas ?? linspace(1, 1 / count, steps + 1).slice(0, -1)
  const shares = stretched(even.map(shift), terminal)
  const below = 1e-6
  const [first, ...rest] = shares
  return Math.abs(first! - 1) < below ? [first! - below, ...rest] : shares
}

/** 1 − (1 − s)·(1 − terminal)/(1 − s_last); 0 is none. Throws where all is noise: there is nothing to stretch. */
export function stretched(shares: readonly number[], terminal: number | undefined): number[] {
  if (!terminal) return [...shares]
  if (shares.at(-1) === 1) {
    throw expected('bad-option', 'at least 2 steps', 'a scheduler with `shift_terminal`', '1', 'Take more steps.')
  }
  const scale = (1 - shares.at(-1)!) / (1 - terminal)
  return shares.map((share) => 1 - (1 - share) / scale)
}

/** Combinations that end in NaN in diffusers, since an infinite step is multiplied by zero. */
function refuseNotFinite(
  config: ConfigReader,
  values: {
    readonly final_sigmas_type: string
    readonly solver_type: string
    readonly predict_x0: boolean
    readonly lower_order_final: boolean
    readonly solver_order: number
  },
): void {
  if (values.final_sigmas_type !== 'zero') return
  const why = 'diffusers ends in NaN with it where `final_sigmas_type` is zero.'
  if (values.solver_type === 'bh1') throw refusedValue(config, 'solver_type', 'bh2', 'bh1', why)
  if (!values.predict_x0) throw refusedValue(config, 'predict_x0', 'true', false, why)
  if (!values.lower_order_final && values.solver_order > 1) {
    throw refusedValue(config, 'lower_order_final', 'true, or solver_order 1,', false, why)
  }
}
