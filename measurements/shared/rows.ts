/** Progress of a table: how far the row in hand is, and how many rows are finished. */
import type { Progress } from 'undiffuse'
import type { Told } from 'undiffuse/operations'

/**
 * What the steps of one row are told as, for `relay`.
 *
 * @example const found = yield* relay(work(), inRow('tree-ring, jpeg', rows.length, 12))
 */
export const inRow =
  (row: string, done: number, total: number) =>
  (progress: Progress): Told => ({
    ...progress,
    stage: `${row}: ${progress.stage}`,
    parts: { done, total, one: 'row' },
  })
