/** The inverter that fits a solver, by what the solver can do. */
import { define } from '../../core/define.js'
import type { Inverter, Solver } from '../diffusion.js'
import type { Grid } from '../level.js'
import { implicit } from './implicit.js'
import { checkAccepted } from './parts/walk-back.js'
import { reversible } from './reversible.js'
import { sweep } from './sweep.js'

/**
 * Chooses by capability, the first that fits:
 *
 * 1. the solver undoes itself (`unstep`) and the state has its memory: `reversible`, one step's cost a step, exact given
 *    the memory;
 * 2. its steps need no memory: `implicit`, Anderson on each step, exact given the latent. A step that does not
 *    converge so goes on by Picard, Newton–Krylov and shorter steps, at most five times `iterations`; one that is at
 *    the rounding of float32 does not. `by` says what solved it;
 * 3. it is a linear multistep rule: `sweep`, Anderson on the whole trajectory, exact given the latent; so too for reversible
 *    rules whose memory is lost;
 * 4. it undoes itself but not by a linear rule, and the memory is lost: `reversible`, which guesses it;
 * 5. otherwise, and for a grid that ends at sigma = 0 in 2 and 3: `unsupported`, with the reason.
 *
 * `tolerance` and `iterations` are passed on. Shapes, cost, errors: the chosen one's. Source: ours.
 *
 * @example const { states } = await new Task(automatic().invert(clean, solver, diffusion))
 */
export const automatic = define({
  id: 'automatic',
  title: 'By what the solver can do',
  source: 'undiffuse',
  fields: {
    tolerance: {
      type: 'number',
      minimum: 0,
      description:
        'Converged when the residual is at most this, in units of the noise. Default: that of the chosen one.',
    },
    iterations: {
      type: 'integer',
      minimum: 1,
      default: 50,
      unit: 'evaluations of a step',
      description: 'Budget of each step.',
    },
  },
  make: ({ tolerance, iterations }): Inverter => {
    const [closed, stepwise, whole] = [
      reversible({ tolerance }),
      implicit({ tolerance, iterations, fallback: 'continuation' }),
      sweep({ tolerance, sweeps: iterations }),
    ]
    const chosen = (solver: Solver, grid: Grid, remembers: boolean) =>
      (remembers ? [closed, stepwise, whole] : [stepwise, whole, closed]).find(
        ({ accepts }) => accepts(solver, grid) === true,
      )
    const inverter: Inverter = {
      name: 'automatic',
      accepts: (solver, grid) => (chosen(solver, grid, true) ? true : whole.accepts(solver, grid)),
      async *invert(clean, solver, diffusion) {
        checkAccepted(inverter, solver, diffusion.grid)
        const remembers = clean.memory.length > 0
        return yield* chosen(solver, diffusion.grid, remembers)!.invert(clean, solver, diffusion)
      },
    }
    return inverter
  },
})
