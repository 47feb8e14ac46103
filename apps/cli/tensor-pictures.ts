/** Latents and noise as pictures for people: their first three channels as colours. What they mean is not shown. */
import { map, mean, norm, type Tensor } from 'undiffuse'

/** Most entries of a normal distribution lie within as many deviations. */
const shownDeviations = 2.5

/**
 * Channels × height × width → 3 × height × width in [−1, 1], the deviation scaled to a fixed share of the range; with
 * `like`, as that tensor is scaled.
 */
export function tensorPicture(x: Tensor, like = x): Tensor {
  const [channels, height, width] = x.shape as [number, number, number]
  const area = height * width
  const scale = shownDeviations * (norm(like) / Math.sqrt(like.data.length) || 1)
  const data = new Float64Array(3 * area)
  for (let colour = 0; colour < 3; colour++) {
    const channel = Math.min(colour, channels - 1)
    data.set(x.data.subarray(channel * area, (channel + 1) * area), colour * area)
  }
  return map({ shape: [3, height, width], data }, (value) => Math.min(Math.max(value / scale, -1), 1))
}

export interface Moments {
  readonly mean: number
  readonly deviation: number
}

/** Those of a noise that a sampler would draw are 0 and 1, up to 1/√n. */
export function momentsOf(x: Tensor): Moments {
  const centre = mean(x.data)
  return { mean: centre, deviation: Math.sqrt(mean(x.data.map((value) => (value - centre) ** 2))) }
}
