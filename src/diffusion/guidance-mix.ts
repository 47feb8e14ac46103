/** How guidance makes one estimate of two where it is not the usual mix, which is linear: lengths are kept or capped. */
import { combine, norm, type Shape, type Tensor, zeros } from '../math/tensor.js'
import { guidedMix } from './denoiser.js'

/** What is mixed at x: the weight, and the estimates of x₀ under the prompt and under what guidance leads away from. */
export interface MixedAt {
  readonly weight: number
  readonly x: Tensor
  readonly prompt: Tensor
  readonly none: Tensor
}

/** Tangents or cotangents of what is mixed. */
export type MixedBy = Pick<MixedAt, 'x' | 'prompt' | 'none'>

/** A mix that is not linear, with its derivatives. */
export interface GuidanceMix {
  estimate(at: MixedAt): Tensor
  pushforward(at: MixedAt, tangents: MixedBy): Tensor
  pullback(at: MixedAt, cotangent: Tensor): MixedBy
}

/**
 * Guidance that turns the velocity of each token and keeps its length: that of the prompt's.
 *
 * With e = x − D, which is the velocity times sigma on the way alpha + sigma = 1: e_w = e(negative) + w·(e(prompt) − e(negative)),
 * e′ = e_w·‖e(prompt)‖/‖e_w‖ for each token, D′ = x − e′. A token is all channels of `patch` × `patch` places. Shapes: channels ×
 * height × width, sides multiples of `patch`. Cost: none beside the two evaluations; a derivative asks for both estimates too.
 * Exact given the estimates. Source: diffusers, pipeline_qwenimage.py.
 *
 * @example const { estimate } = lengthOfPrompt(2)
 */
export const lengthOfPrompt = (patch: number): GuidanceMix => keptLength(1, (shape) => tokensOf(shape, patch))

/**
 * Guidance whose velocity is at most `most` times as long as the prompt's.
 *
 * With e = x − D, as `lengthOfPrompt` has it, but of the whole latent: e′ = e_w·min(1, most·‖e(prompt)‖/‖e_w‖), D′ = x − e′. Any
 * shape. Cost: as `lengthOfPrompt`. Exact given the estimates; the derivative leaps where the cap begins. Source: diffusers,
 * pipeline_z_image.py, `cfg_normalization`.
 *
 * @example const { estimate } = cappedLength(1)
 */
export function cappedLength(most: number): GuidanceMix {
  const kept = keptLength(most, () => () => 0)
  const isCapped = ({ weight, x, prompt, none }: MixedAt) => {
    const [own, mixed] = [prompt, guidedMix(weight, prompt, none)].map((estimate) =>
      norm(combine([1, x], [-1, estimate])),
    )
    return mixed! > most * own!
  }
  return {
    estimate: (at) => (isCapped(at) ? kept.estimate(at) : guidedMix(at.weight, at.prompt, at.none)),
    pushforward: (at, tangents) =>
      isCapped(at) ? kept.pushforward(at, tangents) : guidedMix(at.weight, tangents.prompt, tangents.none),
    pullback(at, cotangent) {
      if (isCapped(at)) return kept.pullback(at, cotangent)
      const [prompt, none] = [at.weight, 1 - at.weight].map((weight) => combine([weight, cotangent]))
      return { x: zeros(cotangent.shape), prompt: prompt!, none: none! }
    },
  }
}

/** e′ = share·‖e(prompt)‖·e_w/‖e_w‖ for each token; `tokensIn` says of each entry which one it belongs to. */
function keptLength(share: number, tokensIn: (shape: Shape) => (entry: number) => number): GuidanceMix {
  /** a·b of each token, at all of its entries. */
  const dots = (a: Tensor, b: Tensor): Float64Array => {
    const tokenAt = tokensIn(a.shape)
    const sums = new Float64Array(a.data.length)
    a.data.forEach((value, i) => {
      sums[tokenAt(i)]! += value * b.data[i]!
    })
    return Float64Array.from(a.data, (_, i) => sums[tokenAt(i)]!)
  }
  const lengths = (of: Tensor) => dots(of, of).map(Math.sqrt)

  /** The new length and its gradient by e(prompt), the direction of the mixed e, and by how much that is stretched. */
  function parts({ weight, x, prompt, none }: MixedAt) {
    const own = combine([1, x], [-1, prompt])
    const mixed = combine([1, x], [-1, guidedMix(weight, prompt, none)])
    const [ownLength, mixedLength] = [lengths(own), lengths(mixed)]
    const length = ownLength.map((value) => share * value)
    return {
      length,
      gradient: combine([share, divided(own, ownLength)]),
      direction: divided(mixed, mixedLength),
      stretch: length.map((value, i) => quotient(value, mixedLength[i]!)),
    }
  }

  return {
    estimate(at) {
      const { direction, length } = parts(at)
      return combine([1, at.x], [-1, times(direction, length)])
    },
    // de′ = (gradient·de(prompt))·ê_w + stretch·(de_w − ê_w·(ê_w·de_w)), the hat being of length 1.
    pushforward(at, { x, prompt, none }) {
      const { direction, gradient, stretch } = parts(at)
      const own = combine([1, x], [-1, prompt])
      const mixed = combine([1, x], [-1, guidedMix(at.weight, prompt, none)])
      const across = combine([1, mixed], [-1, times(direction, dots(direction, mixed))])
      return combine([1, x], [-1, times(direction, dots(gradient, own))], [-1, times(across, stretch)])
    },
    pullback(at, cotangent) {
      const { direction, gradient, stretch } = parts(at)
      const along = dots(direction, cotangent)
      const ofOwn = times(gradient, along)
      const ofMixed = times(combine([1, cotangent], [-1, times(direction, along)]), stretch)
      return {
        x: combine([1, cotangent], [-1, ofOwn], [-1, ofMixed]),
        prompt: combine([1, ofOwn], [at.weight, ofMixed]),
        none: combine([1 - at.weight, ofMixed]),
      }
    },
  }
}

const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b)
const times = (x: Tensor, by: Float64Array): Tensor => ({
  shape: x.shape,
  data: x.data.map((value, i) => value * by[i]!),
})
const divided = (x: Tensor, by: Float64Array): Tensor =>
  times(
    x,
    by.map((value) => quotient(1, value)),
  )

/** Of each entry the token that it belongs to. */
function tokensOf([, height, width]: Shape, patch: number): (entry: number) => number {
  const [rows, columns] = [height!, width!]
  return (entry) => {
    const place = entry % (rows * columns)
    const row = Math.floor(place / columns / patch)
    return row * Math.ceil(columns / patch) + Math.floor((place % columns) / patch)
  }
}
