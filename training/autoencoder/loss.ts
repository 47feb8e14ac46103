/** One training step of the autoencoder as one graph: forward, loss, and the gradient of every weight. */
import { type AutoencoderKlConfig, autoencoderKl, builder, type Graph, inputParameters, operations, type Value, vjp } from 'undiffuse'

export interface TrainingGraph {
  readonly graph: Graph
  /** Names and shapes of the weights, which are inputs `name` and gradients `gradient.name`. */
  readonly parameters: readonly Value[]
}

/**
 * loss = mean (D(z) − x)² + a·mean |D(z) − x| + d·mean KL(N(mean, variance) ‖ N(0, 1)), z = mean + deviation·noise.
 *
 * Inputs: `image` N × 3 × S × S, `noise` N × 4 × S/8 × S/8, every weight, `cotangent.loss` (1).
 * Outputs: `loss`, `squared` (the mean squared error) and the gradients.
 */
export function trainingGraph(
  config: AutoencoderKlConfig,
  { batch, size, absolute, divergence }: { batch: number; size: number; absolute: number; divergence: number },
): TrainingGraph {
  const b = builder()
  const { add, mul, scale, shift, sub, mean } = operations
  const image = b.input('image', 'float32', [batch, config.inChannels, size, size])
  const side = size / autoencoderKl.downscaling(config)
  const noise = b.input('noise', 'float32', [batch, config.latentChannels, side, side])
  const parameters = inputParameters(b)
  const posterior = autoencoderKl.encode(b, parameters, config, image)
  const variance = b.emit('Exp', [posterior.logvar])
  const latent = add(b, posterior.mean, mul(b, b.emit('Sqrt', [variance]), noise))
  const difference = sub(b, autoencoderKl.decode(b, parameters, config, latent), image)
  const average = (x: Value) => mean(b, x, [0, 1, 2, 3], false)
  const squared = average(mul(b, difference, difference))
  const distance = average(b.emit('Abs', [difference]))
  const excess = shift(b, sub(b, add(b, mul(b, posterior.mean, posterior.mean), variance), posterior.logvar), -1)
  const loss = add(b, add(b, squared, scale(b, distance, absolute)), scale(b, average(excess), divergence / 2))
  b.output(loss, 'loss')
  b.output(squared, 'squared')
  const forward = b.finish('autoencoder training')
  const names = parameters.declared.map(({ name }) => name)
  return { graph: vjp(forward, { outputs: ['loss'], wrt: names, keep: ['loss', 'squared'] }), parameters: parameters.declared }
}
