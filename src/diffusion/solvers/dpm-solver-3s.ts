/**
 * DPM-Solver(++)-3S: third order in triples of steps that remember nothing else. For unguided sampling with few steps.
 */
import { define } from '../../core/define.js'
import type { Coefficients } from '../diffusion.js'
import { gridOf } from '../grids.js'
import type { NoiseLevel } from '../level.js'
import { interval, multistep } from '../multistep.js'
import { exponentialFields, exponentialStep, exponentialWeights, variantField, weighted } from './parts/exponential.js'
import { singleStepFinalField, singleStepOrder } from './parts/single-step.js'

/**
 * Three steps make one of order 3: of order 1, then 2S's, then one from the start of the triple over all.
 *
 * Data (++), from x at λ over x₁, x₂ at λ₁, λ₂, with rᵢ = (λᵢ − λ)/h, h = λ′ − λ and dᵢ = (Dᵢ − D)/rᵢ: x′ = (σ′/σ)·x +
 * w₀·D + w₁·(r₂·d₁ − r₁·d₂)/(r₂ − r₁) + w₂·2·(d₂ − d₁)/(r₂ − r₁), w as in `exponentialStep`; `midpoint` is w₀·D +
 * w₁·d₂, of order 3 where r₂ = 2/3 as on grids even in λ, otherwise 2; noise: the twin. One evaluation a step; memory in a triple: the x's and the
 * estimates since its start. A step to sigma = 0 is of order 1. Inverts as one implicit equation for each triple
 * (`stride` 3), exact given the latent. Errors: `bad-option` for a grid that does not fit.
 * Source: Lu et al., DPM-Solver, NeurIPS 2022, Algorithm 2; diffusers' DPMSolverSinglestepScheduler, `solver_order` 3.
 *
 * @example const solver = dpmSolver3S({ steps: 18 })
 */
export const dpmSolver3S = define({
  id: 'dpm-solver-3s',
  title: 'DPM-Solver, third order, single-step',
  source: 'Lu et al., NeurIPS 2022',
  fields: {
    ...exponentialFields,
    variant: { ...variantField, default: 'heun' },
    lowerOrderFinal: singleStepFinalField,
  },
  make: (options) =>
    multistep({
      name: 'dpm-solver-3s',
      order: 3,
      past: { x: 2, denoised: 2 },
      stride: 3,
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const order = singleStepOrder(grid, index, 3, options.lowerOrderFinal)
        if (order === 1) return exponentialStep([from], 0, to, options)
        const middle = grid[index - 1]!
        if (order === 2) return exponentialStep([from, middle], 1, to, options)
        return thirdOrder([from, middle, grid[index - 2]!], to, options)
      },
    }),
})

/** The step of order 3 over the whole triple, whose start is the last of `nodes`. */
function thirdOrder(
  nodes: readonly [newest: NoiseLevel, middle: NoiseLevel, start: NoiseLevel],
  to: NoiseLevel,
  { prediction, variant }: { readonly prediction: 'data' | 'noise'; readonly variant: 'midpoint' | 'heun' },
): Coefficients {
  const [newest, middle, start] = nodes
  if (start.alpha === 0) return exponentialStep([...nodes], 2, to, { prediction })
  const h = to.lambda - start.lambda
  const { w0, w1, w2 } = exponentialWeights(start, to, prediction)
  const [r1, r2] = [(middle.lambda - start.lambda) / h, (newest.lambda - start.lambda) / h]
  const [ofFirst, ofSecond] =
    variant === 'midpoint' ? [0, w1] : [(w1 * r2 - 2 * w2) / (r2 - r1), (2 * w2 - w1 * r1) / (r2 - r1)]
  const weights = [ofSecond / r2, ofFirst / r1, w0 - ofFirst / r1 - ofSecond / r2]
  return weighted(nodes, 2, to, weights, prediction)
}
