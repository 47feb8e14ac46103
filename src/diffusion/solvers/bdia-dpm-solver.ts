/** BDIA around DPM-Solver++ of order 2. Multistep is for sampling only; single-step can be undone. */
import { define } from '../../core/define.js'
import { combine } from '../../math/tensor.js'
import type { Coefficients, Solver } from '../diffusion.js'
import { gridOf } from '../grids.js'
import type { Grid } from '../level.js'
import { firstOrderMove, firstOrderStep, interval, multistep } from '../multistep.js'
import { bidirectional, bidirectionalFields } from './parts/bidirectional.js'
import { exponentialStep } from './parts/exponential.js'

/**
 * x′ = γ·x_old − γ·S_back(x) + S(x) with S a second-order step of DPM-Solver++ and S_back DDIM's step back.
 *
 * multistep: S is 2M's, with the older estimate inside: one evaluation a step, but x_old is then hidden in a network
 * call, and there is no `unstep`. Single-step: S is 2S's with its middle at the end of the step, x̃ + ½·c·(D(x̃) −
 * D(x)), c = α′·(1 − e⁻ʰ). That takes two evaluations a step, inverts in closed form, exact given the last two x's.
 * Order 1 as a whole, since S_back is of order 1; steps to sigma = 0 are DDIM's. Memory: the older x (multistep: and
 * estimate). Errors: `bad-option`. Source: Zhang et al., ECCV 2024, general form; the combination is ours, the paper's
 * equations are not public.
 *
 * @example const solver = bdiaDpmSolver({ steps: 20, inner: 'single-step' })
 */
export const bdiaDpmSolver = define({
  id: 'bdia-dpm-solver',
  title: 'BDIA on DPM-Solver++',
  source: 'Zhang et al., ECCV 2024, as read by us',
  fields: {
    ...bidirectionalFields,
    inner: {
      type: 'choice',
      choices: ['single-step', 'multistep'],
      default: 'single-step',
      description: 'The second-order step inside; multistep costs one evaluation and cannot be undone.',
    },
  },
  make: ({ gamma, inner, ...options }): Solver => {
    const shared = {
      name: 'bdia-dpm-solver',
      order: 1,
      grid: (schedule: Parameters<Solver['grid']>[0]) => gridOf(schedule, options),
    }
    if (inner === 'multistep') {
      const coefficients = (grid: Grid, index: number) => multistepRule(grid, index, gamma)
      return multistep({ ...shared, past: { x: 1, denoised: 1 }, coefficients })
    }
    return bidirectional({
      ...shared,
      evaluationsPerStep: 2,
      gamma,
      toNoise: async (x, denoised, from, to) => firstOrderMove(x, denoised, from, to),
      async toClean(x, denoised, from, to, denoise) {
        const predicted = firstOrderMove(x, denoised, from, to)
        if (to.sigma === 0) return predicted
        const half = firstOrderStep(from, to).denoised[0]! / 2
        return combine([1, predicted], [half, await denoise(predicted, to)], [-half, denoised])
      },
    })
  },
})

/** γ·x_old − γ·S_back(x) + S_2M(x) as one rule. */
function multistepRule(grid: Grid, index: number, gamma: number): Coefficients {
  const { from, to } = interval(grid, index)
  const older = grid[index - 1]
  if (!older) return firstOrderStep(from, to)
  const nodes = to.sigma === 0 ? [from] : [from, older]
  const next = exponentialStep(nodes, 0, to, { prediction: 'data', variant: 'midpoint' })
  const back = firstOrderStep(from, older)
  return {
    x: [next.x[0]! - gamma * back.x[0]!, gamma],
    denoised: [next.denoised[0]! - gamma * back.denoised[0]!, next.denoised[1] ?? 0],
  }
}
