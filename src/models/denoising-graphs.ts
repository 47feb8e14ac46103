/** The graphs that a denoising network's calls run: what a session is opened for. */
import { builder } from '../graph/builder.js'
import { compose } from '../graph/compose.js'
import type { Graph } from '../graph/graph.js'
import { half } from '../graph/half.js'
import { cast, scale } from '../graph/ops/common.js'
import { vjp } from '../graph/vjp.js'
import type { UnetSize } from '../nn/unet-2d-condition.js'
import type { Precision } from './autoencoder-graphs.js'
import type { DenoisingNetworks } from './denoising-networks.js'

/** `denoise` → `out`; `pullback` with `cotangent.out` → `gradient.sample`. */
export type DenoisingKind = 'denoise' | 'pullback'

/** Times are told in these parts of a training time, as whole numbers. */
export const ticksPerTime = 2 ** 20

/**
 * The graph of one kind of run. With 16 bits its inputs and outputs stay float32, except for the time, which is told as
 * `ticks`: a half number would tell times above 1024 by twos, and their sines not at all.
 */
export function denoisingGraph(
  networks: DenoisingNetworks,
  kind: DenoisingKind,
  size: UnetSize,
  precision: Precision,
): Graph {
  const network = networks.graph(size)
  const told = precision === 16 ? compose(times(size.batch), network, { timestep: 'timestep' }) : network
  const graph = kind === 'denoise' ? told : vjp(told, { wrt: ['sample'] })
  return precision === 16 ? half(graph) : graph
}

function times(batch: number): Graph {
  const b = builder()
  b.output(scale(b, cast(b, b.input('ticks', 'int64', [batch]), 'float32'), 1 / ticksPerTime), 'timestep')
  return b.finish('times')
}
