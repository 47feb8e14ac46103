/** Rex: any explicit Runge-Kutta rule, made exponential (Lawson) and exactly invertible (McCallum and Foster). */
import { define } from '../../core/define.js'
import { combine, type Tensor } from '../../math/tensor.js'
import { noiseOf } from '../denoiser.js'
import type { Diffusion, Solver } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { type Grid, type NoiseLevel, noImage } from '../level.js'
import { cannotUndo, interval, noMemory, noStepBefore } from '../multistep.js'
import { levelOfLambda, type Tableau, tableauNames, tableaus } from './parts/tableaus.js'

/**
 * Two coupled copies; the second takes back the first one's step from where it arrived.
 *
 * x′ = r·(ζ·x + (1 − ζ)·y) + Ψ(y, from → to); y′ = r·(y − Ψ(x′, to → from)). Ψ = w′·h·Σ bᵢ·E(xᵢ), a Runge-Kutta step
 * for x/w in the variable u, xᵢ = (wᵢ/w)·x + wᵢ·h·Σ aᵢⱼ·E(xⱼ), r = w′/w. With data, w = σ, u = α/σ, E = D; with noise,
 * w = α, u = σ/α, E = ε. Order and evaluations a step: Euler 1 and 2, Heun and midpoint 2 and 4, RK4 4 and 8. Memory:
 * the twin y, which starts as x. Inverts in closed form, y = y′/r + Ψ(x′, to → from), x = ((x′ − Ψ(y, from → to))/r −
 * (1 − ζ)·y)/ζ, exact given both; given the latent alone `recall` takes the twin to be the same. Near ζ = 1 Euler's
 * error is small and changes sign before it falls in proportion. Errors: `unsupported` for a step to sigma = 0, or from
 * alpha = 0 with noise, and for midpoint and RK4, which ask between the levels of the grid, without its `schedule`;
 * `bad-option`.
 * Source: Blasingame and Liu, Rex, ICML 2026, ODE case with fixed steps; ζ as `coupling` in its code (0.999).
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
      choices: tableauNames,
      default: 'heun',
      description: 'The Runge-Kutta rule: of order 1, 2, 2 or 4, for 1, 2, 2 or 4 evaluations of each copy.',
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
    const { order, nodes } = tableaus[tableau]
    return {
      name: 'rex',
      order,
      evaluationsPerStep: 2 * nodes.length,
      grid: (schedule) => gridOf(schedule, options),
      start: (x) => ({ index: 0, x, memory: [x] }),
      recall: async (x, { grid }) => ({ index: grid.length - 1, x, memory: [x] }),
      async step({ index, x, memory: [twin] }, diffusion) {
        if (twin === undefined) throw noMemory(index)
        const { from, to } = reversible(diffusion.grid, index, rule)
        const ratio = rule.weight(to) / rule.weight(from)
        const forward = await increment(twin, from, to, tableaus[tableau], rule, diffusion)
        const next = combine([ratio * coupling, x], [ratio * (1 - coupling), twin], [1, forward])
        const back = await increment(next, to, from, tableaus[tableau], rule, diffusion)
        return { index: index + 1, x: next, memory: [combine([ratio, twin], [-ratio, back])] }
      },
      async unstep({ index: end, x: next, memory: [nextTwin] }, diffusion) {
        if (end === 0) throw noStepBefore()
        if (nextTwin === undefined) throw noMemory(end)
        const { from, to } = reversible(diffusion.grid, end - 1, rule)
        const ratio = rule.weight(to) / rule.weight(from)
        const back = await increment(next, to, from, tableaus[tableau], rule, diffusion)
        const twin = combine([1 / ratio, nextTwin], [1, back])
        const forward = await increment(twin, from, to, tableaus[tableau], rule, diffusion)
        const weight = 1 / (ratio * coupling)
        const x = combine([weight, next], [-weight, forward], [1 - 1 / coupling, twin])
        return { index: end - 1, x, memory: [twin] }
      },
    }
  },
})

/** The variables in which the flow is d(x/weight)/d(variable) = estimate. */
interface Rule {
  weight(level: NoiseLevel): number
  variable(level: NoiseLevel): number
  lambda(variable: number): number
  estimate(x: Tensor, denoised: Tensor, level: NoiseLevel): Tensor
}

const rules: Readonly<Record<'data' | 'noise', Rule>> = {
  data: {
    weight: ({ sigma }) => sigma,
    variable: ({ alpha, sigma }) => alpha / sigma,
    lambda: Math.log,
    estimate: (_, denoised) => denoised,
  },
  noise: {
    weight: ({ alpha }) => alpha,
    variable: ({ alpha, sigma }) => sigma / alpha,
    lambda: (variable) => -Math.log(variable),
    estimate: noiseOf,
  },
}

/** Ψ(x, from → to): what one step of the tableau adds to (w′/w)·x; in either direction. */
async function increment(
  x: Tensor,
  from: NoiseLevel,
  to: NoiseLevel,
  { nodes, stages, weights }: Tableau,
  rule: Rule,
  { denoise, schedule }: Diffusion,
): Promise<Tensor> {
  const [start, end] = [rule.variable(from), rule.variable(to)]
  const length = end - start
  const estimates: Tensor[] = []
  for (const [i, node] of nodes.entries()) {
    const level =
      node === 0 ? from : node === 1 ? to : levelOfLambda(rule.lambda(start + node * length), schedule, 'rex')
    const weight = rule.weight(level)
    const taken = stages[i]!.map((share, j) => [weight * length * share, estimates[j]!] as const)
    const at = combine([weight / rule.weight(from), x], ...taken)
    estimates.push(rule.estimate(at, await denoise(at, level), level))
  }
  return combine(...weights.map((share, i) => [rule.weight(to) * length * share, estimates[i]!] as const))
}

/** A step that the coupling can take and undo. */
function reversible(grid: Grid, index: number, rule: Rule): ReturnType<typeof interval> {
  const ends = interval(grid, index)
  if (rule.weight(ends.from) === 0) throw noImage('a step of Rex in the noise', ends.from)
  if (ends.to.sigma === 0) throw cannotUndo(grid, index + 1)
  return ends
}
