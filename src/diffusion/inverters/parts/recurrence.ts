/**
 * The trajectory of a linear multistep rule when its velocities are known: then every x is known too, from the clean end
 * back, whatever memory the rule has. What `sweep` solves for.
 */
import { combine, type Tensor } from '../../../math/tensor.js'
import type { Coefficients } from '../../diffusion.js'
import type { Grid } from '../../level.js'
import { velocitySlope } from './velocity.js'

/** x at a level of the trajectory, given the velocities at all levels but the last; no evaluations. */
export type LinearTrajectory = (index: number, velocities: readonly Tensor[]) => Tensor

/**
 * The trajectory of a rule that ends at `clean`, as weights of velocities.
 *
 * With D[i] = slopeᵢ·x[i] − sigmaᵢ·v[i] the rule is linear: x[i] = pᵢ·x[0] + Σⱼ qᵢⱼ·v[j], where p and each column of q obey
 * the rule's own recurrence in numbers. At the end x[0] = (clean − Σⱼ q_Nⱼ·v[j])/p_N, hence x[i] = (pᵢ/p_N)·clean +
 * Σⱼ (qᵢⱼ − pᵢ/p_N·q_Nⱼ)·v[j].
 */
export function linearTrajectory(clean: Tensor, grid: Grid, rules: readonly Coefficients[]): LinearTrajectory {
  const last = rules.length
  const slopes = grid.map(velocitySlope)
  const obey = (start: number, pushed?: number): readonly number[] => {
    const values = [start]
    const estimates: number[] = []
    rules.forEach(({ x, denoised }, i) => {
      estimates.push(slopes[i]! * values[i]! - (i === pushed ? grid[i]!.sigma : 0))
      values.push(weighted(x, values, i) + weighted(denoised, estimates, i))
    })
    return values
  }
  const p = obey(1)
  const q = rules.map((_, j) => obey(0, j))
  return (index, velocities) => {
    const share = p[index]! / p[last]!
    const terms = velocities.map((velocity, j) => [q[j]![index]! - share * q[j]![last]!, velocity] as const)
    return combine([share, clean], ...terms)
  }
}

/** Σₖ weights[k]·values[index − k]; a rule's first steps may name what is before the grid with weight 0. */
const weighted = (weights: readonly number[], values: readonly number[], index: number): number =>
  weights.reduce((sum, weight, k) => (weight === 0 ? sum : sum + weight * values[index - k]!), 0)
