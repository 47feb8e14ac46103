/**
 * A world in which the best denoiser is known in closed form: clean points are drawn from a Gaussian mixture, so the
 * posterior mean of x₀ given x is exact at any level, sigma = 0 and alpha = 0 included. A second mixture plays the
 * unconditional model of guidance.
 */
import type { Denoiser, DenoiserPullback } from '../../src/diffusion/diffusion.js'
import type { NoiseLevel } from '../../src/diffusion/level.js'
import { combine, dot, map, type Shape, type Tensor, torchNoise } from '../../src/math/index.js'

export interface Component {
  readonly weight: number
  readonly mean: Tensor
  /** Standard deviation, the same in every direction. */
  readonly deviation: number
}

export interface AnalyticDenoiser {
  readonly denoise: Denoiser
  readonly pullback: DenoiserPullback
}

export const shape = [2, 2, 4]

/** Components at random places of about the given spread. */
export const mixture = (seed: number, count: number, spread: number, of: Shape = shape): Component[] =>
  Array.from({ length: count }, (_, k) => ({
    weight: (k + 1) / ((count * (count + 1)) / 2),
    mean: map(torchNoise(seed + k, of), (value) => spread * value),
    deviation: 0.4 + 0.1 * k,
  }))

/** What the model knows given the prompt: three places. */
export const conditionalMixtureIn = (of: Shape): Component[] => mixture(100, 3, 0.8, of)
/** What it knows without: those and four more. */
export const unconditionalMixtureIn = (of: Shape): Component[] => [
  ...conditionalMixtureIn(of),
  ...mixture(200, 4, 1, of),
]

export const conditionalMixture = conditionalMixtureIn(shape)
export const unconditionalMixture = unconditionalMixtureIn(shape)

/**
 * The posterior mean D(x) = Σ rₖ·mₖ of x = alpha·x₀ + sigma·ε with x₀ from the mixture, and its exact pullback.
 *
 * vₖ = alpha²sₖ² + sigma², mₖ = μₖ + alpha·sₖ²/vₖ·(x − alpha·μₖ), rₖ ∝ wₖ·N(x; alpha·μₖ, vₖ).
 */
export function mixtureDenoiser(components: readonly Component[]): AnalyticDenoiser {
  const total = components.reduce((sum, { weight }) => sum + weight, 0)
  const posterior = (x: Tensor, { alpha, sigma }: NoiseLevel) => {
    const parts = components.map(({ weight, mean, deviation }) => {
      const variance = (alpha * deviation) ** 2 + sigma ** 2
      const gain = (alpha * deviation ** 2) / variance
      const away = combine([1, x], [-alpha, mean])
      const logWeight =
        Math.log(weight / total) - (x.data.length / 2) * Math.log(variance) - dot(away, away) / (2 * variance)
      return { variance, gain, away, logWeight, estimate: combine([1, mean], [gain, away]) }
    })
    const largest = Math.max(...parts.map(({ logWeight }) => logWeight))
    const weights = parts.map(({ logWeight }) => Math.exp(logWeight - largest))
    const sum = weights.reduce((a, b) => a + b, 0)
    return parts.map((part, k) => ({ ...part, share: weights[k]! / sum }))
  }
  return {
    async denoise(x, level) {
      return combine(...posterior(x, level).map(({ share, estimate }) => [share, estimate] as const))
    },
    // Jᵀc = Σ rₖ·gainₖ·c + Σ rₖ·⟨mₖ − D, c⟩·∇log Nₖ, with ∇log Nₖ = −(x − alpha·μₖ)/vₖ
    async pullback(x, level, cotangent) {
      const parts = posterior(x, level)
      const along = parts.map(({ estimate }) => dot(estimate, cotangent))
      const mean = parts.reduce((sum, { share }, k) => sum + share * along[k]!, 0)
      return combine(
        ...parts.flatMap(({ share, gain, variance, away }, k) => [
          [share * gain, cotangent] as const,
          [(-share * (along[k]! - mean)) / variance, away] as const,
        ]),
      )
    },
  }
}

/** D = D_null + weight·(D_prompt − D_null): 1 is the prompt alone. */
export const guidedWorld = (weight: number): AnalyticDenoiser =>
  worldOf(mixtureDenoiser(conditionalMixture), mixtureDenoiser(unconditionalMixture), weight)

/** The same of any two. */
export function worldOf(prompt: AnalyticDenoiser, none: AnalyticDenoiser, weight: number): AnalyticDenoiser {
  if (weight === 1) return prompt
  const mix = (a: Tensor, b: Tensor) => combine([1 - weight, a], [weight, b])
  return {
    denoise: async (x, level) => mix(await none.denoise(x, level), await prompt.denoise(x, level)),
    pullback: async (x, level, cotangent) =>
      mix(await none.pullback(x, level, cotangent), await prompt.pullback(x, level, cotangent)),
  }
}

/** One Gaussian, for which the whole flow is known: (x − alpha·μ)/√(alpha²s² + sigma²) never changes. */
export const gaussian: Component = { weight: 1, mean: torchNoise(7, shape), deviation: 0.5 }

/** Where the exact flow of `gaussian` carries x from one level to another. */
export function exactFlow(x: Tensor, from: NoiseLevel, to: NoiseLevel): Tensor {
  const deviation = ({ alpha, sigma }: NoiseLevel) => Math.hypot(alpha * gaussian.deviation, sigma)
  const ratio = deviation(to) / deviation(from)
  return combine([ratio, x], [to.alpha - ratio * from.alpha, gaussian.mean])
}

/** A network of low precision: the same estimate rounded to float32. */
export const roundedToSingle =
  (denoise: Denoiser): Denoiser =>
  async (x, level) =>
    map(await denoise(x, level), Math.fround)
