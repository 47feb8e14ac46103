/** One training step of the flow as one graph: the bundled text encoder, the transformer, loss, the transformer's gradient. */
import {
  builder,
  clipText,
  type Graph,
  inputParameters,
  operations,
  sd3Transformer,
  type Tensor,
  type Value,
  vjp,
} from 'undiffuse'
import { constantParameters } from '../constant-parameters.js'
import type { Networks } from './recipe.js'

/**
 * loss = mean of w·(v̂(xₙ, 1000·σₙ, promptₙ) − vₙ)² over the batch and the latents' entries, with x = (1 − σ)·x₀ + σ·ε and
 * v = ε − x₀; w is 1 except for the emphasis on the shape. Source: Esser et al., ICML 2024, equation 9.
 *
 * The pooled prompt is the mean of the states over the tokens.
 *
 * Inputs: `sample` and `velocity` N × 4 × S × S, `timestep` N, `input_ids` N × tokens, `weight` N × 1 × S × S, every weight of
 * the transformer, and for `training` `cotangent.loss` (1). Outputs: `loss`, `squared` N and, for `training`, the gradients.
 */
export function lossGraphs(
  { transformer, text }: Networks,
  textWeights: ReadonlyMap<string, Tensor>,
  { batch, size, tokens }: { batch: number; size: number; tokens: number },
): { training: Graph; forward: Graph; parameters: readonly Value[] } {
  const b = builder()
  const { mul, sub, mean } = operations
  const shape = [batch, transformer.inChannels, size, size]
  const sample = b.input('sample', 'float32', shape)
  const velocity = b.input('velocity', 'float32', shape)
  const timestep = b.input('timestep', 'float32', [batch])
  const ids = b.input('input_ids', 'int64', [batch, tokens])
  const weight = b.input('weight', 'float32', [batch, 1, size, size])
  const states = clipText.encodeText(b, constantParameters(b, textWeights), text, ids).lastHiddenState
  const parameters = inputParameters(b)
  const inputs = { sample, timestep, states, pooled: mean(b, states, [1], false) }
  const difference = sub(b, sd3Transformer.predict(b, parameters, transformer, inputs), velocity)
  const squares = mul(b, difference, difference)
  b.output(mean(b, mul(b, squares, weight), [0, 1, 2, 3], false), 'loss')
  b.output(mean(b, squares, [1, 2, 3], false), 'squared')
  const forward = b.finish('flow training')
  const wrt = parameters.declared.map(({ name }) => name)
  const training = vjp(forward, { outputs: ['loss'], wrt, keep: ['loss', 'squared'] })
  return { training, forward, parameters: parameters.declared }
}
