/**
 * The model as a denoiser that is told a prompt's states instead of a prompt, with gradients with respect to them: what
 * null-text optimisation bends. Costs more than prompts do: keys and values are computed anew in every run.
 */
import { expected } from '../../core/errors.js'
import { denoiser, type Prediction } from '../../diffusion/denoiser.js'
import type { EmbeddedDenoiser } from '../../diffusion/guided-editing/parts/guided-editing.js'
import type { NoiseLevel } from '../../diffusion/level.js'
import type { Graph } from '../../graph/graph.js'
import { compose } from '../../graph/passes/compose.js'
import { vjp } from '../../graph/passes/vjp.js'
import { type Tensor, tensor, zeros } from '../../math/tensor.js'
import type { UnetSize } from '../../nn/unet-2d-condition.js'
import type { SessionPool } from '../sessions/pool.js'
import { stack, unstack } from '../sessions/stack.js'
import type { DenoisingNetworks } from './networks.js'

export interface EmbeddedOptions {
  readonly name: string
  readonly networks: DenoisingNetworks
  readonly pool: SessionPool
  readonly prediction: Prediction
  readonly tokens: number
}

const states = 'encoder_hidden_states'

/** From states to the prediction in one graph: keys and values, then the network that takes them. */
function graphFromStates({ promptGraph, graph }: DenoisingNetworks, size: UnetSize): Graph {
  const network = graph(size)
  if (!promptGraph) return network
  const prompt = promptGraph(size.tokens)
  const wiring = Object.fromEntries(prompt.outputs.map(({ name }) => [name, name]))
  return compose(prompt, network, wiring)
}

/**
 * D(x; states) and (∂D/∂states)ᵀ·cotangent. x channels × H × W, states tokens × width. One network run each, at 32 bits;
 * the second is a run of the gradient graph. Errors: `unsupported` for networks that take more of a prompt than states
 * (Stable Diffusion XL); those of the runtime.
 */
export function embeddedDenoiser(options: EmbeddedOptions): Required<EmbeddedDenoiser> {
  const { name, networks, pool, prediction, tokens } = options
  async function run(
    kind: 'denoise' | 'pullback',
    more: Readonly<Record<string, Tensor>>,
    { t }: NoiseLevel,
    signal: Parameters<EmbeddedDenoiser['denoise']>[3],
  ): Promise<Tensor> {
    if (networks.pooledWidth !== undefined) {
      const remedy = 'Use a model of the Stable Diffusion 1 or 2 layout.'
      throw expected('unsupported', 'a network that takes only states', `\`${name}\``, 'a pooled prompt too', remedy)
    }
    const [, , height, width] = more.sample!.shape as [number, number, number, number]
    const size = { batch: 1, height, width, tokens }
    const whole = () => {
      const graph = graphFromStates(networks, size)
      return kind === 'denoise' ? graph : vjp(graph, { outputs: ['out'], wrt: [states] })
    }
    const key = `embedded ${kind} ${height} ${width} ${tokens}`
    const results = await pool.run(key, whole, { ...more, timestep: tensor([1], [t]) }, signal)
    return unstack(results[kind === 'denoise' ? 'out' : `gradient.${states}`]!)[0]!
  }
  const batch = (x: Tensor) => stack([x], 'sample')
  return {
    denoise(x, level, embedding, signal) {
      const network = () => run('denoise', { sample: batch(x), [states]: batch(embedding) }, level, signal)
      return denoiser(network, prediction)(x, level, signal)
    },
    async pullback(x, level, embedding, cotangent, signal) {
      // D is affine in the prediction: at x = 0 it is the prediction's weight, which goes to the cotangent.
      const weighted = await denoiser(async () => cotangent, prediction)(zeros(x.shape), level, signal)
      const feeds = { sample: batch(x), [states]: batch(embedding), 'cotangent.out': batch(weighted) }
      return await run('pullback', feeds, level, signal)
    },
  }
}
