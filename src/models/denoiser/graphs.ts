/** The graphs that a denoising network's calls run: what a session is opened for. */
import { builder } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import { cast, scale } from '../../graph/ops/common.js'
import { compose } from '../../graph/passes/compose.js'
import { double } from '../../graph/passes/double.js'
import { half } from '../../graph/passes/half.js'
import { vjp } from '../../graph/passes/vjp.js'
import type { Precision } from '../autoencoder/graphs.js'
import type { DenoisingNetworks, DenoisingSize } from './networks.js'

/** Bits of the numbers that a denoising network computes with. */
export type DenoisingPrecision = Precision | 64

/**
 * `denoise` → `out`; `pullback` with `cotangent.out` → `gradient.sample`; `pushforward` with `cotangent.gradient.sample`
 * → `gradient.cotangent.out`; `looks` → `<layer>.looks` for each layer.
 */
export type DenoisingKind = 'denoise' | 'pullback' | 'pushforward' | 'looks'

/** Times are told in these parts of a training time, as whole numbers. */
export const ticksPerTime = 2 ** 20

/**
 * The graph of one kind of run. With 16 bits its inputs and outputs stay float32, except for the time, which is told as
 * `ticks`: a half number would tell times above 1024 by twos, and their sines not at all. With 64 bits they are float64.
 */
export function denoisingGraph(
  networks: DenoisingNetworks,
  kind: DenoisingKind,
  size: DenoisingSize,
  precision: DenoisingPrecision,
): Graph {
  const network = kind === 'looks' ? networks.looksGraph!(size) : networks.graph(size)
  const told = precision === 16 ? compose(times(size.batch), network, { timestep: 'timestep' }) : network
  const forward = precision === 64 ? double(told) : told
  const graph = derivative(forward, kind)
  return precision === 16 ? half(graph) : graph
}

/** Jᵀ·c is linear in c, and its own transpose is J: the gradient of the gradient graph by its cotangent carries forwards. */
function derivative(forward: Graph, kind: DenoisingKind): Graph {
  if (kind !== 'pullback' && kind !== 'pushforward') return forward
  const pullback = vjp(forward, { wrt: ['sample'] })
  if (kind === 'pullback') return pullback
  const pushforward = vjp(pullback, { wrt: ['cotangent.out'] })
  return { ...pushforward, inputs: pushforward.inputs.filter(({ name }) => name !== 'cotangent.out') }
}

/** The gradient by a value of the condition, in 32 bits: with `cotangent.out` → `gradient.<value>`. */
export const valueGradientGraph = (networks: DenoisingNetworks, value: string, size: DenoisingSize): Graph =>
  vjp(fromValues(networks, size), { outputs: ['out'], wrt: [value] })

/** From the condition's own values to the prediction in one graph: what is derived of them, then the network. */
function fromValues({ derived, graph }: DenoisingNetworks, size: DenoisingSize): Graph {
  if (!derived) return graph(size)
  const first = derived.graph(size)
  return compose(first, graph(size), Object.fromEntries(first.outputs.map(({ name }) => [name, name])))
}

function times(batch: number): Graph {
  const b = builder()
  b.output(scale(b, cast(b, b.input('ticks', 'int64', [batch]), 'float32'), 1 / ticksPerTime), 'timestep')
  return b.finish('times')
}
