/**
 * Averaging: what many watermarked pictures have in common is the watermark, if all carry the same. Not an attack on a
 * single picture: it needs many of one key.
 */
import { expected } from '../../core/errors.js'
import { combine, formatShape, sameShape, type Tensor } from '../../math/tensor.js'
import { round8 } from '../../pictures/pixels.js'

/** The mean of pictures of one shape. */
function meanOf(images: readonly Tensor[], what: string): Tensor {
  const [first] = images
  if (!first) throw expected('bad-option', 'at least one picture', what, 'none', 'More pictures, a clearer pattern.')
  const other = images.find(({ shape }) => !sameShape(shape, first.shape))
  if (other) {
    const shape = formatShape(first.shape)
    throw expected('bad-shape', `pictures of shape ${shape}`, what, formatShape(other.shape), 'Resize them.')
  }
  return combine(...images.map((image) => [1 / images.length, image] as const))
}

/**
 * What marked pictures have in common and unmarked ones have not.
 *
 * δ = mean(marked) − mean(unmarked). Pictures 3 × height × width in [−1, 1], all of one shape; the pictures need not show
 * the same. With n of each, of deviation s about their means, the estimate has noise of s·√(2/n). Cost: no network
 * evaluations. Not exact: it finds what is added in the same way to every picture (Tree-Ring with one key), nothing of
 * what differs from picture to picture (Gaussian Shading with fresh bits, PRC). Errors: `bad-option` for an empty list,
 * `bad-shape` where shapes differ.
 * Source: Yang et al., NeurIPS 2024 ("Can simple averaging defeat modern watermarks?"); with unpaired pictures its
 * black-box, with the same pictures unmarked its grey-box setting.
 *
 * @example const pattern = averagePattern(marked, unmarked)
 */
export function averagePattern(marked: readonly Tensor[], unmarked: readonly Tensor[]): Tensor {
  const [with_, without] = [meanOf(marked, 'the marked pictures'), meanOf(unmarked, 'the unmarked pictures')]
  if (!sameShape(with_.shape, without.shape)) {
    const wanted = `unmarked pictures of shape ${formatShape(with_.shape)}`
    throw expected('bad-shape', wanted, 'averaging', formatShape(without.shape), 'Resize them.')
  }
  return combine([1, with_], [-1, without])
}

/**
 * Adds a pattern to a picture, to forge the watermark it stands for, or takes it away, to remove it.
 *
 * x′ = round8(x + weight·δ): weight 1 forges, −1 removes; more is stronger and easier to see. Cost: no network
 * evaluations. Errors: `bad-shape` where shapes differ. Source: Yang et al., NeurIPS 2024.
 *
 * @example const cleaned = applyPattern(image, averagePattern(marked, unmarked), -1)
 */
export function applyPattern(image: Tensor, pattern: Tensor, weight: number): Tensor {
  if (!sameShape(image.shape, pattern.shape)) {
    const wanted = `a picture of shape ${formatShape(pattern.shape)}`
    throw expected('bad-shape', wanted, 'the pattern', formatShape(image.shape), 'Resize the picture.')
  }
  return round8(combine([1, image], [weight, pattern]))
}
