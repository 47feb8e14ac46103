/**
 * The trajectory of a linear multistep rule when its velocities are known: then every x is known too, from the clean end
 * back, whatever memory the rule has. What `sweep` solves for.
 */
import { combine, type Tensor, zeros } from '../../math/tensor.js'
import type { Coefficients } from '../diffusion.js'
import type { Grid } from '../level.js'
import { estimateOf, velocitySlope } from './velocity.js'

type Rule = (grid: Grid, index: number) => Coefficients

/** Σₖ weights[k]·values[index − k]. */
const weighted = (weights: readonly number[], values: readonly Tensor[], index: number) =>
  weights.map((weight, k) => [weight, values[index - k]!] as const).filter(([weight]) => weight !== 0)

const weightedNumbers = (weights: readonly number[], values: readonly number[], index: number): number =>
  weights.reduce((sum, weight, k) => (weight === 0 ? sum : sum + weight * values[index - k]!), 0)

/**
 * The x's of all levels of the trajectory that ends at `clean`, given the velocity at each level but the last.
 *
 * With D[i] = slopeᵢ·x[i] − sigmaᵢ·v[i] the rule is linear in x alone: x[i] = pᵢ·x[0] + q[i] with numbers pᵢ, and
 * x[0] = (clean − q[N])/p_N. No evaluations; about 3·N combinations of tensors.
 */
export function trajectoryOf(clean: Tensor, velocities: readonly Tensor[], grid: Grid, rule: Rule): readonly Tensor[] {
  const p = [1]
  const ofEstimates: number[] = []
  const q = [zeros(clean.shape)]
  const estimates: Tensor[] = []
  velocities.forEach((velocity, i) => {
    ofEstimates.push(velocitySlope(grid[i]!) * p[i]!)
    estimates.push(estimateOf(q[i]!, velocity, grid[i]!))
    const { x, denoised } = rule(grid, i)
    p.push(weightedNumbers(x, p, i) + weightedNumbers(denoised, ofEstimates, i))
    q.push(combine(...weighted(x, q, i), ...weighted(denoised, estimates, i)))
  })
  const last = velocities.length
  const noise = combine([1 / p[last]!, clean], [-1 / p[last]!, q[last]!])
  return q.map((part, i) => (i === last ? clean : combine([p[i]!, noise], [1, part])))
}
