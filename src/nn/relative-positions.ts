/** What is added to scores of attention for the distance of two places: a learned table, by buckets of distances. */
import type { Value } from '../graph/graph.js'
import { transpose } from '../graph/ops/common.js'
import { entriesOf, type Layers } from './layers.js'

/** How distances fall into the rows of a table; `heads` are its columns. */
export interface RelativePositions {
  readonly heads: number
  readonly buckets: number
  /** From here on all distances share one bucket. */
  readonly maximumDistance: number
}

/**
 * Which bucket each distance to a later place belongs to: the half of the buckets for places before and the other for places
 * after; near distances have one each, far ones share them in logarithmic steps. The logarithm is float32, as it was in training.
 *
 * Source: Raffel et al., T5, 2020.
 */
export function bucketOf(distance: number, { buckets, maximumDistance }: Omit<RelativePositions, 'heads'>): number {
  const half = Math.floor(buckets / 2)
  const exact = Math.floor(half / 2)
  const side = distance > 0 ? half : 0
  const far = Math.abs(distance)
  if (far < exact) return side + far
  const { fround } = Math
  const ratio = fround(fround(Math.log(fround(far / exact))) / fround(Math.log(maximumDistance / exact)))
  return side + Math.min(half - 1, exact + Math.floor(fround(ratio * (half - exact))))
}

/** `<name>.relative_attention_bias` for each head and each two places, heads × places × places. */
export function relativePositions(layers: Layers, name: string, table: RelativePositions, places: number): Value {
  const { b } = layers
  const rows = Array.from({ length: places ** 2 }, (_, i) => bucketOf((i % places) - Math.floor(i / places), table))
  const numbers = b.constant('int64', [places, places], rows)
  const bias = `${name}.relative_attention_bias.weight`
  return transpose(b, entriesOf(layers, bias, [table.buckets, table.heads], numbers), [2, 0, 1])
}
