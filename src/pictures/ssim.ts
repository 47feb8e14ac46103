/** Structural similarity of two pictures, place by place. */
import { expected } from '../core/errors.js'
import { formatShape, map, sameShape, type Tensor, zeros } from '../math/tensor.js'
import { planesOf } from './planes.js'

/** The window of the paper, 11 × 11 of a Gaussian with deviation 1.5, and its constants, for pixels that span 2. */
const radius = 5
const deviation = 1.5
const [c1, c2] = [(0.01 * 2) ** 2, (0.03 * 2) ** 2]

const gaussian = (() => {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  )
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
})()

/** Means under the window, one axis after the other; beyond the edge the window is what is left of it. */
function blurred({ shape, data }: Tensor): Tensor {
  const { count, height, width } = planesOf(shape)
  const along = (from: Float64Array, outer: number, size: number, inner: number) => {
    const to = new Float64Array(from.length)
    for (let i = 0; i < size; i++) {
      const [first, last] = [Math.max(0, i - radius), Math.min(size - 1, i + radius)]
      let total = 0
      for (let k = first; k <= last; k++) total += gaussian[k - i + radius]!
      for (let k = first; k <= last; k++) {
        const weight = gaussian[k - i + radius]! / total
        for (let o = 0; o < outer; o++) {
          for (let n = 0; n < inner; n++) to[(o * size + i) * inner + n]! += weight * from[(o * size + k) * inner + n]!
        }
      }
    }
    return to
  }
  return { shape, data: along(along(data, count * height, width, 1), count, height, width) }
}

/**
 * SSIM at every place of two pictures of channels × height × width in [−1, 1]: 1 × height × width, the mean over channels.
 *
 * (2·μ₁μ₂ + c₁)(2·σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)) of means, variances and covariance under a Gaussian window of
 * 11 × 11, deviation 1.5; c₁ = (0.01·L)², c₂ = (0.03·L)², L = 2. In [−1, 1], 1 where the pictures are equal under the window.
 * `bad-shape` when the shapes differ. Source: Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004. Deviation: at the edge the
 * window is cut, so there is a value at every place.
 *
 * @example const structure = mean(ssimMap(edited, source).data)
 */
export function ssimMap(a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.shape, b.shape)) {
    const got = `${formatShape(a.shape)} and ${formatShape(b.shape)}`
    throw expected('bad-shape', 'pictures of one shape', 'a comparison', got, 'Resize one of them.')
  }
  const product = (x: Tensor, y: Tensor) => blurred(map(x, (value, i) => value * y.data[i]!))
  const [meanA, meanB] = [blurred(a), blurred(b)]
  const [squareA, squareB, both] = [product(a, a), product(b, b), product(a, b)]
  const [channels, ...places] = a.shape as [number, ...number[]]
  const result = zeros([1, ...places])
  a.data.forEach((_, i) => {
    const [m1, m2] = [meanA.data[i]!, meanB.data[i]!]
    const [v1, v2, covariance] = [squareA.data[i]! - m1 * m1, squareB.data[i]! - m2 * m2, both.data[i]! - m1 * m2]
    const value = ((2 * m1 * m2 + c1) * (2 * covariance + c2)) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2))
    result.data[i % result.data.length]! += value / channels
  })
  return result
}
