/** How transformers of diffusion are told a time and a prompt: their normal states are scaled, moved and gated (adaLN-Zero). */
import type { Builder } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { add, mul, reshape, shift, slice } from '../graph/ops/common.js'
import { linear, plainLayerNorm } from './attention.js'
import type { Layers } from './layers.js'

/** The parts of a linear layer of the embedding, N × anything: `count` of N × 1 × width. */
export function modulations(
  layers: Layers,
  name: string,
  embedding: Value,
  { count, width, bias = true }: { readonly count: number; readonly width: number; readonly bias?: boolean },
): Value[] {
  const { b } = layers
  const all = linear(layers, name, embedding, count * width, bias)
  return Array.from({ length: count }, (_, i) =>
    reshape(b, slice(b, all, 1, i * width, (i + 1) * width), [all.shape[0]!, 1, width]),
  )
}

/** x·(1 + scale). */
export const scaledBy = (b: Builder, x: Value, scale: Value): Value => mul(b, x, shift(b, scale, 1))

/** norm(x)·(1 + scale) + offset, by a layer norm without weights. */
export const modulated = (b: Builder, x: Value, offset: Value, scale: Value, epsilon = 1e-6): Value =>
  add(b, scaledBy(b, plainLayerNorm(b, x, epsilon), scale), offset)

/** x + gate·y. */
export const gated = (b: Builder, x: Value, gate: Value, y: Value): Value => add(b, x, mul(b, gate, y))
