/** One training step of the autoencoder as one graph: forward, loss, and the gradient of every weight. */
import {
  type AutoencoderKlConfig,
  autoencoderKl,
  builder,
  type Graph,
  inputParameters,
  operations,
  type Value,
  vjp,
} from 'undiffuse'

export interface TrainingGraph {
  readonly graph: Graph
  /** Names and shapes of the weights, which are inputs `name` and gradients `gradient.name`. */
  readonly parameters: readonly Value[]
}

/** Mean squared error below which a picture is good enough: 46 dB. */
const floor = 1e-4

/**
 * loss = meanₙ ln(‖D(zₙ) − xₙ‖²/pixels + ε) + d·mean KL(N(mean, variance) ‖ N(0, 1)), z = mean + deviation·noise.
 *
 * The logarithm makes every picture's decibels count alike: plain squares would leave the easy pictures, which the
 * scenes are, to the hard ones. It is the Gaussian likelihood with a variance of its own for each picture, for which
 * d = 2·latent entries/pixels = 1/24 would be the evidence bound.
 *
 * Inputs: `image` N × 3 × S × S, `noise` N × 4 × S/8 × S/8, every weight, `cotangent.loss` (1).
 * Outputs: `loss`, `squared` (the mean squared error), `logarithm` (the first term) and the gradients.
 */
export function trainingGraph(
  config: AutoencoderKlConfig,
  { batch, size, divergence }: { batch: number; size: number; divergence: number },
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
  const perPicture = mean(b, mul(b, difference, difference), [1, 2, 3])
  const squared = average(perPicture)
  const logarithm = average(b.emit('Log', [shift(b, perPicture, floor)]))
  const excess = shift(b, sub(b, add(b, mul(b, posterior.mean, posterior.mean), variance), posterior.logvar), -1)
  const loss = add(b, logarithm, scale(b, average(excess), divergence / 2))
  b.output(loss, 'loss')
  b.output(squared, 'squared')
  b.output(logarithm, 'logarithm')
  const forward = b.finish('autoencoder training')
  const names = parameters.declared.map(({ name }) => name)
  return {
    graph: vjp(forward, { outputs: ['loss'], wrt: names, keep: ['loss', 'squared', 'logarithm'] }),
    parameters: parameters.declared,
  }
}
