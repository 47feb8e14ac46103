/** Which order each step of a single-step rule has: steps come in groups that start afresh. */
import type { Grid } from '../../level.js'

export const singleStepFinalField = {
  type: 'boolean',
  default: false,
  description: 'Take the last step of first order where it would end a whole group.',
} as const

/** 1 at the start of a group of `order` steps, one more at each; 1 again at the end where it is lowered, and to sigma = 0. */
export function singleStepOrder(grid: Grid, index: number, order: number, lowerOrderFinal: boolean): number {
  const place = (index % order) + 1
  const lowered = lowerOrderFinal && place === order && index === grid.length - 2
  return lowered || grid[index + 1]!.sigma === 0 ? 1 : place
}
