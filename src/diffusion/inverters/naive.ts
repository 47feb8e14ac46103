/** Inversion without solving: the first-order step backwards, as if the network said the same at the other end. */
import { define } from '../../core/define.js'
import type { Inverter } from '../diffusion.js'
import { interval } from '../multistep.js'
import { labels, levelsBetween, naiveStep, scheduleOf } from './parts/naive-step.js'
import { checkAccepted, countedDiffusion, walkBack, whatIsLost } from './parts/walk-back.js'

/**
 * Walks the first-order rule backwards with the network evaluated at the known, cleaner x.
 *
 * x[i] = (α/α′)·x[i+1] + (σ − α·σ′/α′)·ε(x[i+1]), (α, σ) at i, (α′, σ′) at i + 1; ε is told the time of level i
 * (`noisier`, as in the released codes) or of i + 1 (`cleaner`, as many papers print it). With `substeps` the same on a
 * finer grid. Shapes: any. Cost: `substeps` evaluations a step. Exact: no, whatever the solver; every step's outcome is
 * `exhausted` and its residual infinite, that is, not known. Errors: `unsupported` for a grid that ends at sigma = 0, and
 * for substeps without a schedule. Source: DDIM inversion, Song et al., ICLR 2021; Dhariwal and Nichol 2021.
 *
 * @example const { states } = await new Task(naive().invert(clean, solver, diffusion))
 */
export const naive = define({
  id: 'naive',
  title: 'Naive inversion',
  source: 'DDIM inversion: Song et al., ICLR 2021; Dhariwal and Nichol, NeurIPS 2021',
  also: {
    ddim: 'naive',
    'ddim-inversion': 'naive',
  },
  fields: {
    label: {
      type: 'choice',
      choices: labels,
      default: 'noisier',
      description: 'The end whose time the network is told.',
    },
    substeps: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 1,
      unit: 'evaluations',
      description: 'Smaller steps in each step of the grid, even in time.',
    },
  },
  make: ({ label, substeps }): Inverter => {
    const inverter: Inverter = {
      name: 'naive',
      accepts: (solver, grid) => whatIsLost(solver, grid) ?? true,
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const schedule = substeps > 1 ? scheduleOf(plain, 'naive:substeps') : undefined
        return yield* walkBack('naive', clean, plain, 1, async function* (known, index, end) {
          const { diffusion, evaluations } = countedDiffusion(plain)
          const { from: noisier } = interval(plain.grid, index)
          const { to: cleaner } = interval(plain.grid, end - 1)
          const stride = schedule && (schedule.time(noisier.lambda) - schedule.time(cleaner.lambda)) / substeps
          const path = schedule && stride ? levelsBetween(cleaner, noisier, stride, schedule) : [noisier]
          let x = known
          let at = cleaner
          for (const next of path) {
            x = await naiveStep(x, at, next, label, diffusion)
            at = next
            yield { stage: 'naive', done: evaluations(), total: substeps, latent: x }
          }
          return {
            states: [{ index, x, memory: [] }],
            solution: {
              value: x,
              residual: Number.POSITIVE_INFINITY,
              iterations: 0,
              evaluations: evaluations(),
              outcome: 'exhausted',
              history: [],
            },
          }
        })
      },
    }
    return inverter
  },
})
