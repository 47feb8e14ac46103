/** DEISMultistepScheduler: its last level is the table's cleanest, or the last one again. */
import type { Grid, Schedule } from '../../../diffusion/level.js'
import { deis } from '../../../diffusion/solvers/deis.js'
import { betaTable, ratioAt, tableFields, timeOfRatio } from '../shared/beta-tables.js'
import { boolean, choice, integer, schedulerClass } from '../shared/fields.js'
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
  wholeTimes,
} from '../shared/level-grids.js'
import { roundHalfEven } from '../shared/reference-arithmetic.js'
import {
  offsetField,
  onGrid,
  refuseGiven,
  spacingField,
  stepsOf,
  thresholded,
  thresholdFields,
} from '../shared/shared-fields.js'
import { spacedFields, spacedKind, spacedSigmas } from '../shared/spaced-sigmas.js'

export const deisMultistepScheduler = schedulerClass({
  name: 'DEISMultistepScheduler',
  solver: 'deis',
  fields: {
    ...tableFields(0.0001, 0.02),
    solver_order: integer(2, { minimum: 1, maximum: 100 }),
    ...flowFields,
    ...thresholdFields,
    // Both are the same whatever of these is said.
    algorithm_type: choice(['deis', 'dpmsolver', 'dpmsolver++'], 'deis'),
    solver_type: choice(['logrho', 'midpoint', 'heun', 'bh1', 'bh2'], 'logrho'),
    lower_order_final: boolean(true),
    ...spacedFields,
    timestep_spacing: spacingField('linspace'),
    steps_offset: offsetField,
    ...dynamicFields,
  },
  make(values, call, config) {
    const table = betaTable(values, 'none', config)
    const kind = spacedKind(values, config)
    const { use_flow_sigmas: flow } = values
    refuseSpacedFlow(config, flow, kind)
    refuseLinearShift(config, values)
    const grid = ({ shift }: Schedule): Grid => {
      refuseMu('DEISMultistepScheduler', call, values.use_dynamic_shifting)
      refuseGiven('DEISMultistepScheduler', call, 'timesteps', 'sigmas')
      const steps = stepsOf(call)
      if (kind) {
        const ratios = spacedSigmas(kind, [table.sigmas.at(-1)!, table.sigmas[0]!], steps, values)
        const told = ratios.map((ratio) => timeOfRatio(table, ratio))
        return levelGrid(kind === 'karras' ? told.map(roundHalfEven) : told, [...ratios, ratios.at(-1)!], false)
      }
      if (flow) {
        const shares = flowShares(table.count, steps, shift!)
        return levelGrid(
          shares.map((share) => share * table.count),
          [...shares, shares.at(-1)!],
          true,
        )
      }
      const told = wholeTimes(values, table, steps)
      return levelGrid(told, [...told.map((time) => ratioAt(table, time)), table.sigmas[0]!], false)
    }
    const solver = deis({ order: Math.min(values.solver_order, 3), lowerOrderFinal: values.lower_order_final })
    return {
      ...scheduleOf(values, table),
      prediction: predictionOf(values, config),
      solver: thresholded(
        onGrid(solver, (schedule) => finiteOn(solver, grid(schedule), config, 'timestep_spacing')),
        values,
      ),
    }
  },
})
