/** A file of noise that is taken for a latent, told by its numbers: a .npy file does not say what it holds. */
import { mean, variance } from '../../math/statistics.js'
import type { Tensor } from '../../math/tensor.js'

/** In standard errors. The largest of 300 drawn noises were 3.5 of them off; the bundled model's latents are 13 and more. */
const mostErrors = 5
/** Of few numbers the errors are large, and a latent could be within them. */
const mostOff = 0.25

/** The correlation of neighbours along one axis, `stride` numbers apart. */
function neighbourCorrelation({ shape, data }: Tensor, axis: number): number {
  const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1)
  const centre = mean(data)
  const products = Array.from(data.keys())
    .filter((i) => Math.floor(i / stride) % shape[axis]! < shape[axis]! - 1)
    .map((i) => (data[i]! - centre) * (data[i + stride]! - centre))
  return products.length === 0 ? 0 : mean(products) / variance(data)
}

/**
 * Whether numbers may be drawn from N(0, 1): mean 0, variance 1, and neighbours along height and width without correlation.
 * Each has the standard error 1/√n, the variance √(2/n). Of 210 latents of the bundled model the larger of both correlations is at
 * least 0.53; none looks like noise.
 */
export function looksWhite(x: Tensor): boolean {
  const within = Math.min(mostOff, mostErrors / Math.sqrt(x.data.length))
  const rank = x.shape.length
  return (
    x.data.length > 1 &&
    Math.abs(mean(x.data)) <= within &&
    Math.abs(variance(x.data) - 1) <= Math.SQRT2 * within &&
    [rank - 2, rank - 1].every((axis) => Math.abs(neighbourCorrelation(x, axis)) <= within)
  )
}
