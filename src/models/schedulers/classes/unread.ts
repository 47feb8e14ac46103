/**
 * Classes whose own solver is not reproduced. What their files say of the network is read, so that it can be sampled by
 * another solver; their own refuses to make a grid.
 */
import { expected } from '../../../core/errors.js'
import { ddim } from '../../../diffusion/solvers/ddim.js'
import { betaTable, tableFields } from '../shared/beta-tables.js'
import { boolean, choice, type SchedulerClass, schedulerClass } from '../shared/fields.js'
import { onGrid, predictions } from '../shared/shared-fields.js'

const stochastic = 'it draws noise at every step, so that no step can be undone'
const notHere = 'its solver is not reproduced here'

/** Why each of them is not reproduced. */
export const unreadReasons: Readonly<Record<string, string>> = {
  DDPMScheduler: stochastic,
  DDPMParallelScheduler: stochastic,
  DDIMParallelScheduler: notHere,
  EulerAncestralDiscreteScheduler: stochastic,
  KDPM2AncestralDiscreteScheduler: stochastic,
  DPMSolverSDEScheduler: stochastic,
  SASolverScheduler: stochastic,
  LCMScheduler: stochastic,
  TCDScheduler: stochastic,
  KDPM2DiscreteScheduler: notHere,
}

export const unread: readonly SchedulerClass[] = Object.entries(unreadReasons).map(([name, why]) =>
  schedulerClass({
    name,
    solver: 'none',
    fields: {
      ...(name.startsWith('KDPM2') ? tableFields(0.00085, 0.012) : tableFields(0.0001, 0.02)),
      prediction_type: choice(['epsilon', 'sample', 'v_prediction'], 'epsilon'),
      rescale_betas_zero_snr: boolean(false),
    },
    make(values, _, config) {
      const table = betaTable(values, values.rescale_betas_zero_snr ? 'finite' : 'none', config)
      const grid = () => {
        const how = `Name another solver, for instance \`ddim\`: ${why}.`
        throw expected(
          'unsupported',
          'a scheduler that is reproduced here',
          `\`_class_name\` in \`${config.file}\``,
          name,
          how,
        )
      }
      return {
        schedule: table.schedule,
        prediction: predictions[values.prediction_type]!,
        solver: onGrid(ddim(), grid),
      }
    },
  }),
)
