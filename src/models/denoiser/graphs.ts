/** The graphs that a denoising network's calls run: what a session is opened for. */
import { builder } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import { cast, scale } from '../../graph/ops/common.js'
import { compose } from '../../graph/passes/compose.js'
import { double } from '../../graph/passes/double.js'
import { half } from '../../graph/passes/half.js'
import { vjp } from '../../graph/passes/vjp.js'
import type { UnetSize } from '../../nn/unet-2d-condition.js'
import type { Precision } from '../autoencoder/graphs.js'
import type { DenoisingNetworks } from './networks.js'

/** Bits of the numbers that a denoising network computes with. */
export type DenoisingPrecision = Precision | 64

/**
 * `denoise` → `out`; `pullback` with `cotangent.out` → `gradient.sample`; `pushforward` with `cotangent.gradient.sample`
 * → `gradient.cotangent.out`; `pullback-states` with `cotangent.out` → `gradient.encoder_hidden_states`, from states instead of
 * keys and values; `looks` → `<layer>.looks` for each layer.
 */
export type DenoisingKind = 'denoise' | 'pullback' | 'pullback-states' | 'pushforward' | 'looks'

/** Times are told in these parts of a training time, as whole numbers. */
export const ticksPerTime = 2 ** 20

/**
 * The graph of one kind of run. With 16 bits its inputs and outputs stay float32, except for the time, which is told as
 * `ticks`: a half number would tell times above 1024 by twos, and their sines not at all. With 64 bits they are float64. The
 * gradient by states always takes 32.
 */
export function denoisingGraph(
  networks: DenoisingNetworks,
  kind: DenoisingKind,
  size: UnetSize,
  precision: DenoisingPrecision,
): Graph {
  if (kind === 'pullback-states') return vjp(fromStates(networks, size), { outputs: ['out'], wrt: [statesInput] })
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

const statesInput = 'encoder_hidden_states'

/** From states to the prediction in one graph: keys and values, then the network that takes them. */
function fromStates({ promptGraph, graph }: DenoisingNetworks, size: UnetSize): Graph {
  if (!promptGraph) return graph(size)
  const prompt = promptGraph(size)
  return compose(prompt, graph(size), Object.fromEntries(prompt.outputs.map(({ name }) => [name, name])))
}

function times(batch: number): Graph {
  const b = builder()
  b.output(scale(b, cast(b, b.input('ticks', 'int64', [batch]), 'float32'), 1 / ticksPerTime), 'timestep')
  return b.finish('times')
}
