/** One training step of the text-to-image model as one graph: text encoder, network, loss, every weight's gradient. */
import {
  builder,
  clipText,
  type Graph,
  inputParameters,
  operations,
  type Parameters,
  unet2dCondition,
  type Value,
  vjp,
} from 'undiffuse'
import type { Networks } from './recipe.js'

/** Weights of both networks in one list: the text encoder's names begin with `text_model.`. */
export const isText = (name: string): boolean => name.startsWith('text_model.')

function squaredErrors(networks: Networks, batch: number, size: number) {
  const b = builder()
  const { mul, sub, mean } = operations
  const shape = [batch, networks.unet.inChannels, size, size]
  const sample = b.input('sample', 'float32', shape)
  const noise = b.input('noise', 'float32', shape)
  const timestep = b.input('timestep', 'float32', [batch])
  const ids = b.input('input_ids', 'int64', [batch, networks.text.maxPositions])
  const weight = b.input('weight', 'float32', [batch, 1, size, size])
  const parameters = inputParameters(b)
  const predicted = predictNoise(b, parameters, networks, { sample, timestep, ids })
  const difference = sub(b, predicted, noise)
  const squares = mul(b, difference, difference)
  b.output(mean(b, mul(b, squares, weight), [0, 1, 2, 3], false), 'loss')
  b.output(mean(b, squares, [1, 2, 3], false), 'squared')
  return { forward: b.finish('text-to-image training'), parameters: parameters.declared }
}

function predictNoise(
  b: ReturnType<typeof builder>,
  parameters: Parameters,
  { unet, text }: Networks,
  { sample, timestep, ids }: { sample: Value; timestep: Value; ids: Value },
): Value {
  const states = clipText.encodeText(b, parameters, text, ids).lastHiddenState
  const attended = unet2dCondition.fromStates(b, parameters, states)
  return unet2dCondition.predict(b, parameters, unet, { sample, timestep, text: attended })
}

/**
 * loss = mean of w·(ε̂(xₙ, tₙ, promptₙ) − εₙ)² over the batch and the latents' entries; w is 1 except for the emphasis that
 * train.ts puts on noisy times and on the shape (after Hang et al. 2023, min-SNR weighting).
 *
 * Inputs: `sample` and `noise` N × 4 × S × S, `timestep` N, `input_ids` N × tokens, `weight` N × 1 × S × S, every weight, and for
 * `training` `cotangent.loss` (1). Outputs: `loss`, `squared` N and, for `training`, the gradients.
 */
export function lossGraphs(
  networks: Networks,
  { batch, size }: { batch: number; size: number },
): { training: Graph; forward: Graph; parameters: readonly Value[] } {
  const { forward, parameters } = squaredErrors(networks, batch, size)
  // What no output depends on has no gradient: the pooled text is not part of the loss.
  const wrt = parameters.map(({ name }) => name)
  return { training: vjp(forward, { outputs: ['loss'], wrt, keep: ['loss', 'squared'] }), forward, parameters }
}
