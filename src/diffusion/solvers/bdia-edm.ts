/**
 * BDIA around Heun's step: EDM's sampler made exactly invertible. Our reading: the paper's equations were not released.
 */
import { define } from '../../core/define.js'
import { karrasFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { firstOrderMove } from '../multistep.js'
import { bidirectional, gammaField } from './parts/bidirectional.js'
import { trapezoidMove } from './parts/trapezoid.js'

/**
 * x′ = γ·x_old − γ·S_back(x) + S(x) with S Heun's step and S_back Euler's or Heun's step back to the last level.
 *
 * Euler takes S_back from the slope in hand: two evaluations a step as plain EDM, order 1, since its error stays. Heun
 * asks the network at the older level too: three evaluations, order 2. Memory: the older x. Inverts in closed form,
 * exact given the last two x's, even from sigma = 0. Errors: `bad-option`, `unsupported` at alpha = 0. Source: Zhang et
 * al., ECCV 2024, section on EDM, whose equations are not public: S_back is our reading, Euler the default.
 *
 * @example const solver = bdiaEdm({ steps: 18, backward: 'heun' })
 */
export const bdiaEdm = define({
  id: 'bdia-edm',
  title: 'BDIA-EDM',
  source: 'Zhang et al., ECCV 2024, as read by us',
  fields: {
    ...karrasFields,
    steps: { ...karrasFields.steps, default: 18 },
    gamma: gammaField,
    backward: {
      type: 'choice',
      choices: ['euler', 'heun'],
      default: 'euler',
      description: 'The estimate of the step back: from the slope in hand, or with one more evaluation.',
    },
  },
  make: (options) => {
    const heunBack = options.backward === 'heun'
    return bidirectional({
      name: 'bdia-edm',
      order: heunBack ? 2 : 1,
      evaluationsPerStep: heunBack ? 3 : 2,
      gamma: options.gamma,
      grid: (schedule) => gridOf(schedule, options),
      toClean: trapezoidMove,
      toNoise: heunBack ? trapezoidMove : async (x, denoised, from, to) => firstOrderMove(x, denoised, from, to),
    })
  },
})
