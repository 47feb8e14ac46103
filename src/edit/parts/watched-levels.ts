/** Which levels of a trajectory tell where things are: shared by the ways of finding a mask. */
import type { Grid } from '../../diffusion/level.js'

/** Before, x is nearly noise; after, nothing is decided any more. */
const [firstShare, lastShare] = [0.25, 0.9]

/** Indices of `count` levels, evenly over the middle of the steps, fewer where there are fewer. */
export function watchedLevels(grid: Grid, count: number): readonly number[] {
  const last = grid.length - 2
  const at = (share: number) => Math.round((firstShare + share * (lastShare - firstShare)) * last)
  return [...new Set(Array.from({ length: count }, (_, k) => at(count === 1 ? 0.5 : k / (count - 1))))]
}
