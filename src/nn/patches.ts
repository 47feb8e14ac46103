/** Latents as sequences of patches, and back. */
import type { Builder } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { reshape, transpose } from '../graph/ops/common.js'

/** What is innermost in a patch: its channels (row, column, channel), or its places (channel, row, column). */
export type PatchOrder = 'channels-last' | 'channels-first'

/** N × C × H × W → N × (H/side·W/side) × (side²·C), patches row by row. */
export function patched(b: Builder, x: Value, side: number, order: PatchOrder): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const [rows, columns] = [height / side, width / side]
  const apart = reshape(b, x, [batch, channels, rows, side, columns, side])
  const perm = order === 'channels-last' ? [0, 2, 4, 3, 5, 1] : [0, 2, 4, 1, 3, 5]
  return reshape(b, transpose(b, apart, perm), [batch, rows * columns, side ** 2 * channels])
}

/** The inverse of `patched`, to N × C × height × width. */
export function unpatched(
  b: Builder,
  x: Value,
  {
    side,
    height,
    width,
    order,
  }: { readonly side: number; readonly height: number; readonly width: number; readonly order: PatchOrder },
): Value {
  const [batch, , size] = x.shape as [number, number, number]
  const [rows, columns, channels] = [height / side, width / side, size / side ** 2]
  const isLast = order === 'channels-last'
  const apart = reshape(b, x, [batch, rows, columns, ...(isLast ? [side, side, channels] : [channels, side, side])])
  const perm = isLast ? [0, 5, 1, 3, 2, 4] : [0, 3, 1, 4, 2, 5]
  return reshape(b, transpose(b, apart, perm), [batch, channels, height, width])
}

/** N × C × H × W → N × (C·side²) × H/side × W/side: the places of a patch become channels, channel slowest. */
export function placesAsChannels(b: Builder, x: Value, side: number): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const [rows, columns] = [height / side, width / side]
  const apart = reshape(b, x, [batch, channels, rows, side, columns, side])
  return reshape(b, transpose(b, apart, [0, 1, 3, 5, 2, 4]), [batch, channels * side ** 2, rows, columns])
}

/** The inverse of `placesAsChannels`. */
export function channelsAsPlaces(b: Builder, x: Value, side: number): Value {
  const [batch, all, rows, columns] = x.shape as [number, number, number, number]
  const apart = reshape(b, x, [batch, all / side ** 2, side, side, rows, columns])
  return reshape(b, transpose(b, apart, [0, 1, 4, 2, 5, 3]), [batch, all / side ** 2, rows * side, columns * side])
}
