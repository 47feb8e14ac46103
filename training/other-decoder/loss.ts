/** One training step of a decoder behind a frozen encoder as one graph: forward, loss, and the gradient by the decoder. */
import {
  type AutoencoderKlConfig,
  autoencoderKl,
  type Builder,
  builder,
  inputParameters,
  operations,
  type Tensor,
  type Value,
} from 'undiffuse'
import { type Crops, type TrainingGraph, trainingGraphOf } from '../autoencoder/crops.js'
import { logarithmOfErrors } from '../autoencoder/loss.js'
import { constantParameters } from '../constant-parameters.js'
import type { Recipe } from './recipe.js'

const { add, mean, scale, slice, sub } = operations

const meanSize = (b: Builder, x: Value): Value => mean(b, b.emit('Abs', [x]), [0, 1, 2, 3], false)

/** x[i + 1] − x[i] along an axis. */
const slopesAlong = (b: Builder, x: Value, axis: number): Value =>
  sub(b, slice(b, x, axis, 1, x.shape[axis]!), slice(b, x, axis, 0, x.shape[axis]! - 1))

const halved = (b: Builder, x: Value): Value => b.emit('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })

/** (1/K)·Σₖ (mean|dₖ| + w·mean|∂ᵧdₖ| + w·mean|∂ₓdₖ|): d₀ is the difference, dₖ₊₁ the means of 2 × 2 of dₖ. */
function sizeAtScales(b: Builder, difference: Value, { scales, slopes }: Pick<Recipe, 'scales' | 'slopes'>): Value {
  const sizes: Value[] = []
  for (let k = 0, d = difference; k < scales; k++, d = halved(b, d)) {
    const steep = add(b, meanSize(b, slopesAlong(b, d, 2)), meanSize(b, slopesAlong(b, d, 3)))
    sizes.push(add(b, meanSize(b, d), scale(b, steep, slopes)))
  }
  return scale(
    b,
    sizes.reduce((x, y) => add(b, x, y)),
    1 / scales,
  )
}

/**
 * loss = size of D(E(x)) − x and of its slopes at several scales, in absolute values; only D's weights are parameters.
 *
 * The encoder's weights are constants, and E(x) is the posterior mean. The encoder was trained with another decoder by
 * squares, so nothing makes E the inverse of this D.
 */
export function decoderTrainingGraph(
  config: AutoencoderKlConfig,
  encoder: ReadonlyMap<string, Tensor>,
  { batch, size }: Crops,
  weights: Pick<Recipe, 'scales' | 'slopes'>,
): TrainingGraph {
  const b = builder()
  const image = b.input('image', 'float32', [batch, config.inChannels, size, size])
  const latent = autoencoderKl.encode(b, constantParameters(b, encoder), config, image).mean
  const parameters = inputParameters(b)
  const difference = sub(b, autoencoderKl.decode(b, parameters, config, latent), image)
  b.output(sizeAtScales(b, difference, weights), 'loss')
  b.output(logarithmOfErrors(b, difference), 'logarithm')
  return trainingGraphOf(b, parameters, 'decoder training')
}
