/** Clips as the frames that they are: networks of pictures see frames of N clips in a row. */
import type { Builder } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { concat, expand, reshape, slice, transpose } from '../graph/ops/common.js'

/** N clips of channels × frames × … as N·frames in a row. */
export function asFrames(b: Builder, x: Value): Value {
  const [batch, channels, frames, ...sides] = x.shape as [number, number, number, ...number[]]
  return reshape(b, transpose(b, x, [0, 2, 1, 3, 4]), [batch * frames, channels, ...sides])
}

/** The inverse: so many clips, each of the frames that lie in a row. */
export function asClips(b: Builder, x: Value, batch: number): Value {
  const [all, ...rest] = x.shape as [number, ...number[]]
  return transpose(b, reshape(b, x, [batch, all / batch, ...rest]), [0, 2, 1, 3, 4])
}

/** What is one for a clip, N × …, for each of its frames: N·frames × …. */
export function forEachFrame(b: Builder, x: Value, frames: number): Value {
  const [batch, ...rest] = x.shape as [number, ...number[]]
  return reshape(b, expand(b, reshape(b, x, [batch, 1, ...rest]), [batch, frames, ...rest]), [batch * frames, ...rest])
}

/** What a network of pictures makes of clips N × channels × frames × …, so many frames at once. */
export function frameByFrame(b: Builder, clips: Value, together: number, network: (frames: Value) => Value): Value {
  const [batch, , frames] = clips.shape as [number, number, number]
  const pieces = Array.from({ length: Math.ceil(frames / together) }, (_, i) => {
    const piece = slice(b, clips, 2, i * together, Math.min(frames, (i + 1) * together))
    return asClips(b, network(asFrames(b, piece)), batch)
  })
  return concat(b, pieces, 2)
}
