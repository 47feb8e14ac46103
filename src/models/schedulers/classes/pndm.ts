/** PNDMScheduler: its grid lists each evaluation, so that the first steps are there twice or four times. */
import { expected } from '../../../core/errors.js'
import type { Grid, NoiseLevel } from '../../../diffusion/level.js'
import { pndmSolver } from '../../../diffusion/solvers/pndm.js'
import { type BetaTable, betaTable, tableFields } from '../shared/beta-tables.js'
import { boolean, choice, schedulerClass } from '../shared/fields.js'
import { offsetField, predictions, refuseGiven, spacingField, stepsOf } from '../shared/shared-fields.js'
import { imageLevel, joined, tabulated, toldTimes } from './ddim.js'

export const pndmScheduler = schedulerClass({
  name: 'PNDMScheduler',
  solver: 'pndm',
  fields: {
    ...tableFields(0.0001, 0.02),
    skip_prk_steps: boolean(false),
    set_alpha_to_one: boolean(false),
    prediction_type: choice(['epsilon', 'v_prediction'], 'epsilon'),
    timestep_spacing: spacingField('leading'),
    steps_offset: offsetField,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const image = imageLevel(table, values.set_alpha_to_one)
    const [start, listed] = values.skip_prk_steps
      ? (['trapezoid', twice] as const)
      : (['runge-kutta', fourfold] as const)
    const grid = () => {
      refuseGiven('PNDMScheduler', call, 'timesteps', 'sigmas')
      const steps = stepsOf(call, table.count)
      return listed(table, toldTimes(values, table.count, steps), Math.floor(table.count / steps), image)
    }
    const prediction = predictions[values.prediction_type]!
    const mixed = prediction === 'v' ? 'v' : 'epsilon'
    return { schedule: table.schedule, prediction, solver: pndmSolver({ start, prediction: mixed, grid }) }
  },
})

/** A step, told a time that need not be that of its start. */
const leap = (table: BetaTable, told: number, from: number, to: number, image: NoiseLevel) => ({
  told: { ...tabulated(table, told), t: told },
  from: tabulated(table, from),
  to: to < 0 ? image : tabulated(table, to),
})

/** The grid of such steps; each level says between which levels its step leads. */
function gridOf(leaps: readonly ReturnType<typeof leap>[]): Grid {
  return [...leaps.map(({ told, from, to }) => ({ ...told, step: { from, to } })), leaps.at(-1)!.to]
}

/** The second time is told twice, and the second time that it is told the first step is taken again. */
function twice(table: BetaTable, times: readonly number[], stride: number, image: NoiseLevel): Grid {
  const down = (time: number) => leap(table, time, time, time - stride, image)
  const [first, second, ...rest] = times
  if (second === undefined) return joined([down(first!)])
  return gridOf([down(first!), leap(table, second, second + stride, second, image), ...[second, ...rest].map(down)])
}

/** The first three steps are Runge and Kutta's, told their start, their middle twice and their end. */
function fourfold(table: BetaTable, times: readonly number[], stride: number, image: NoiseLevel): Grid {
  if (times.length < 4) {
    throw expected(
      'bad-option',
      'at least 4 without `skip_prk_steps`',
      'steps of PNDMScheduler',
      `${times.length}`,
      'Use more steps.',
    )
  }
  const half = Math.floor(stride / 2)
  const told = times.slice(0, 4).flatMap((time, i) => {
    const middle = times[i + 1]! + half
    return i === 3 ? [] : [time, middle, middle, times[i + 1]!]
  })
  const runge = told.map((time, i) => {
    const start = told[i - (i % 4)]!
    return leap(table, time, start, i % 2 === 0 ? time - half : time, image)
  })
  const adams = times.slice(3).map((time) => leap(table, time, time, time - stride, image))
  return gridOf([...runge, ...adams])
}
