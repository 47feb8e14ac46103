/** Rex: any explicit Runge-Kutta rule, made exponential (Lawson) and exactly invertible (McCallum and Foster). */
import { define } from '../../core/define.js'
import { combine, type Tensor } from '../../math/tensor.js'
import { noiseOf } from '../denoiser.js'
import type { Diffusion, Solver } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import type { Grid, NoiseLevel } from '../level.js'
import { cannotUndo, interval, noMemory } from '../multistep.js'

/**
 * Two coupled copies; the second takes back the first one's step from where it arrived.
 *
 * x′ = r·(ζ·x + (1 − ζ)·y) + Ψ(y, from → to); y′ = r·(y − Ψ(x′, to → from)). With data, r = σ′/σ and Ψ = c·Σ bᵢ·D(stageᵢ),
 * c = α′ − α·r; with noise, r = α′/α, c = σ′ − σ·r and ε for D. Order and evaluations: Euler 1 and 2, Heun 2 and 4 a step.
 * Near ζ = 1 Euler's error is small and changes sign before it falls in proportion. Memory: the twin y, which starts as x. Inverts in closed form, y = y′/r + Ψ(x′, to → from),
 * x = ((x′ − Ψ(y, from → to))/r − (1 − ζ)·y)/ζ, exact given both; given the image alone `recall` takes the twin to be the same.
 * Errors: `unsupported` for a step to sigma = 0, or from alpha = 0 with noise; `bad-option`.
 * Source: Blasingame and Liu, Rex, ICML 2026, ODE case; coupling as in its code (0.999). Only tableaus whose stages are at the
 * ends of the step: midpoint and RK4 need levels that a grid does not have.
 *
 * @example const solver = rex({ steps: 25, tableau: 'heun' })
 */
export const rex = define({
  id: 'rex',
  title: 'Rex',
  source: 'Blasingame and Liu, ICML 2026',
  fields: {
    ...gridFields,
    tableau: {
      type: 'choice',
      choices: ['euler', 'heun'],
      default: 'heun',
      description: 'The Runge-Kutta rule: of order 1 with one evaluation a copy, or of order 2 with two.',
    },
    prediction: {
      type: 'choice',
      choices: ['data', 'noise'],
      default: 'data',
      description: 'What is integrated: the estimate of x₀ in α/σ, or the noise in σ/α.',
    },
    coupling: {
      type: 'number',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.999,
      description: 'ζ: share of itself that the first copy keeps; rounding grows like ζ^−1 a step on the way back.',
    },
  },
  make: ({ tableau, prediction, coupling, ...options }): Solver => {
    const rule = rules[prediction]
    const increment = async (x: Tensor, from: NoiseLevel, to: NoiseLevel, { denoise, signal }: Diffusion) => {
      const { ratio, gain } = rule.weights(from, to)
      const estimate = async (at: Tensor, level: NoiseLevel) =>
        rule.estimate(at, await denoise(at, level, signal), level)
      const first = await estimate(x, from)
      if (tableau === 'euler') return combine([gain, first])
      return combine([gain / 2, first], [gain / 2, await estimate(combine([ratio, x], [gain, first]), to)])
    }
    return {
      name: 'rex',
      order: tableau === 'euler' ? 1 : 2,
      evaluationsPerStep: tableau === 'euler' ? 2 : 4,
      grid: (schedule) => gridOf(schedule, options),
      start: (x) => ({ index: 0, x, memory: [x] }),
      recall: async (x, { grid }) => ({ index: grid.length - 1, x, memory: [x] }),
      async step({ index, x, memory: [twin] }, diffusion) {
        if (twin === undefined) throw noMemory(index)
        const { from, to } = reversible(diffusion.grid, index)
        const { ratio } = rule.weights(from, to)
        const forward = await increment(twin, from, to, diffusion)
        const next = combine([ratio * coupling, x], [ratio * (1 - coupling), twin], [1, forward])
        const back = await increment(next, to, from, diffusion)
        return { index: index + 1, x: next, memory: [combine([ratio, twin], [-ratio, back])] }
      },
      async unstep({ index: end, x: next, memory: [nextTwin] }, diffusion) {
        if (end === 0 || nextTwin === undefined) throw noMemory(end)
        const index = end - 1
        const { from, to } = reversible(diffusion.grid, index)
        const { ratio } = rule.weights(from, to)
        const twin = combine([1 / ratio, nextTwin], [1, await increment(next, to, from, diffusion)])
        const forward = await increment(twin, from, to, diffusion)
        const weight = 1 / (ratio * coupling)
        return { index, x: combine([weight, next], [-weight, forward], [1 - 1 / coupling, twin]), memory: [twin] }
      },
    }
  },
})

/** x′ = ratio·x + gain·E for a constant estimate E: of x₀ or of the noise. */
const rules = {
  data: {
    weights: (from: NoiseLevel, to: NoiseLevel) => weightsOf(to.sigma / from.sigma, from.alpha, to.alpha),
    estimate: (_: Tensor, denoised: Tensor, __: NoiseLevel) => denoised,
  },
  noise: {
    weights: (from: NoiseLevel, to: NoiseLevel) => weightsOf(to.alpha / from.alpha, from.sigma, to.sigma),
    estimate: noiseOf,
  },
}

const weightsOf = (ratio: number, from: number, to: number) => ({ ratio, gain: to - from * ratio })

/** A step that the coupling can take and undo. */
function reversible(grid: Grid, index: number): ReturnType<typeof interval> {
  const ends = interval(grid, index)
  if (ends.to.sigma === 0) throw cannotUndo(grid, index + 1)
  return ends
}
