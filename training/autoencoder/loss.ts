/** One training step of the autoencoder as one graph: forward, loss, and the gradient of every weight. */
import {
  type AutoencoderKlConfig,
  autoencoderKl,
  type Builder,
  builder,
  inputParameters,
  operations,
  type Value,
} from 'undiffuse'
import { type TrainingGraph, trainingGraphOf } from './crops.js'

/** Mean squared error below which a picture is good enough: 46 dB. */
const floor = 1e-4

/** meanₙ ln(‖dₙ‖²/pixels + ε) of differences d: every picture's decibels count alike. */
export function logarithmOfErrors(b: Builder, difference: Value): Value {
  const { mean, mul, shift } = operations
  const squared = mean(b, mul(b, difference, difference), [1, 2, 3], false)
  return mean(b, b.emit('Log', [shift(b, squared, floor)]), [0], false)
}

/**
 * loss = meanₙ ln(‖D(zₙ) − xₙ‖²/pixels + ε) + d·mean KL(N(mean, variance) ‖ N(0, 1)), z = mean + deviation·noise.
 *
 * The logarithm makes every picture's decibels count alike: plain squares would leave the easy pictures, which the
 * scenes are, to the hard ones. It is the Gaussian likelihood with a variance of its own for each picture, for which
 * d = 2·latent entries/pixels = 1/24 would be the evidence bound.
 *
 * Inputs beside those of every training graph: `noise` N × 4 × S/8 × S/8. `logarithm` is the first term.
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
  const logarithm = logarithmOfErrors(b, sub(b, autoencoderKl.decode(b, parameters, config, latent), image))
  const excess = shift(b, sub(b, add(b, mul(b, posterior.mean, posterior.mean), variance), posterior.logvar), -1)
  b.output(add(b, logarithm, scale(b, mean(b, excess, [0, 1, 2, 3], false), divergence / 2)), 'loss')
  b.output(logarithm, 'logarithm')
  return trainingGraphOf(b, parameters, 'autoencoder training')
}
