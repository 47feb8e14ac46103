/**
 * The schedules that networks are trained with: variance preserving, EDM, rectified flow. Not where to stop (grids.ts).
 */
import { expected, gotText } from '../core/errors.js'
import { unknownName } from '../core/fields.js'
import { type NoiseLevel, noiseLevel, type Schedule } from './level.js'

export const betaKinds = ['scaled-linear', 'linear', 'cosine'] as const
export type BetaKind = (typeof betaKinds)[number]

export interface BetaOptions {
  /** First and last beta; the cosine has none. Default 0.00085 and 0.012, Stable Diffusion's. */
  readonly start?: number
  readonly end?: number
  /** Number of training times. Default 1000. */
  readonly count?: number
}

/**
 * The noise added at each training time, as the diffusers library computes it.
 *
 * scaled-linear: √β even from √start to √end; linear: β even; cosine: βₜ = 1 − ᾱ((t+1)/n)/ᾱ(t/n), at most 0.999, with
 * ᾱ(u) = cos²(π/2·(u + 0.008)/1.008). diffusers' names: `scaled_linear`, `linear`, `squaredcos_cap_v2`.
 * Errors: `bad-option` for another kind and a count below 1. Source: Ho et al. 2020; Nichol and Dhariwal 2021.
 *
 * @example variancePreserving(betas('scaled-linear'))
 */
export function betas(kind: BetaKind, { start = 0.00085, end = 0.012, count = 1000 }: BetaOptions = {}): Float64Array {
  if (!Number.isInteger(count) || count < 1) {
    throw expected(
      'bad-option',
      'an integer, at least 1',
      'the number of training times',
      gotText(count),
      'Correct it.',
    )
  }
  const even = (from: number, to: number, i: number) => (count === 1 ? from : from + ((to - from) * i) / (count - 1))
  const cosine = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2
  const beta: Record<BetaKind, (i: number) => number> = {
    'scaled-linear': (i) => even(Math.sqrt(start), Math.sqrt(end), i) ** 2,
    linear: (i) => even(start, end, i),
    cosine: (i) => Math.min(1 - cosine((i + 1) / count) / cosine(i / count), 0.999),
  }
  if (!Object.hasOwn(beta, kind)) throw unknownName('a kind of betas', `\`${kind}\``, `${kind}`, Object.keys(beta))
  return Float64Array.from({ length: count }, (_, i) => beta[kind](i))
}

/**
 * The variance-preserving schedule of a table of betas, continuous in t.
 *
 * ᾱₜ = Π (1 − βₛ) over s ≤ t, alpha = √ᾱ, sigma = √(1 − ᾱ). Exact at whole t; between them lambda is linear in t, as in
 * diffusers' conversion of sigmas to times. t from 0 to n − 1. A last beta of 1 is a schedule that ends without signal, alpha 0. Errors:
 * `bad-option` for a beta outside (0, 1) or a time outside the table. Source: Song et al. 2021; papers' ᾱ is alpha².
 *
 * @example variancePreserving(betas('scaled-linear')).level(999).sigma // 0.99767
 */
export function variancePreserving(betas: ArrayLike<number>): Schedule {
  const levels: NoiseLevel[] = []
  let logProduct = 0
  for (let t = 0; t < betas.length; t++) {
    const beta = betas[t]!
    const last = t === betas.length - 1
    if (!(beta > 0 && (beta < 1 || (last && beta === 1)))) {
      throw expected('bad-option', 'a number between 0 and 1', `beta ${t}`, `${beta}`, 'Check the schedule’s betas.')
    }
    logProduct += Math.log1p(-beta)
    levels.push(noiseLevel(t, Math.exp(logProduct / 2), Math.sqrt(-Math.expm1(logProduct))))
  }
  const name = 'variance-preserving'
  const noisiest = levels.length - 1
  return {
    name,
    noisiest,
    cleanest: 0,
    trainingTimes: levels.length,
    level(t) {
      checkTime(name, t, 0, noisiest)
      const below = levels[Math.floor(t)]!
      const share = t - below.t
      return share === 0 ? below : atLambda(t, between(below.lambda, levels[below.t + 1]!.lambda, share))
    },
    time(lambda) {
      if (!(lambda < levels[0]!.lambda)) return 0
      if (lambda <= levels[noisiest]!.lambda) return noisiest
      let [low, high] = [0, noisiest]
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if (levels[middle]!.lambda > lambda) low = middle
        else high = middle
      }
      const [clean, noisy] = [levels[low]!.lambda, levels[high]!.lambda]
      return low + (clean - lambda) / (clean - noisy)
    },
  }
}

const between = (a: number, b: number, share: number): number => a + (b - a) * share

/** alpha² + sigma² = 1. */
const atLambda = (t: number, lambda: number): NoiseLevel => ({
  t,
  alpha: 1 / Math.sqrt(1 + Math.exp(-2 * lambda)),
  sigma: 1 / Math.sqrt(1 + Math.exp(2 * lambda)),
  lambda,
})

/**
 * EDM's schedule: x = x₀ + t·ε, so t is sigma and alpha is 1.
 *
 * Errors: `bad-option` for a time below 0 or above the noisiest. Source: Karras et al., NeurIPS 2022, with its
 * sigma_min 0.002 and sigma_max 80; what its networks are told, ln(t)/4, is the model adapter's business.
 *
 * @example edmSchedule().level(80).sigma // 80
 */
export function edmSchedule({ noisiest = 80, cleanest = 0.002 } = {}): Schedule {
  const name = 'edm'
  return {
    name,
    noisiest,
    cleanest,
    level(t) {
      checkTime(name, t, 0, noisiest)
      return noiseLevel(t, 1, t)
    },
    time: (lambda) => clamp(Math.exp(-lambda), cleanest, noisiest),
  }
}

/**
 * The straight path of rectified flow: x = (1 − s)·x₀ + s·ε, and the network is told t = scale·s.
 *
 * s from 1 (pure noise: alpha 0, lambda −∞) to `cleanest`. scale is 1000 for Stable Diffusion 3 and InstaFlow, 1 for a
 * network that is told s. Errors: `bad-option` for a time outside. Source: Liu et al., ICLR 2023; SD3's letters are
 * t for s.
 *
 * @example rectifiedFlow({ scale: 1000 }).level(250) // alpha 0.75, sigma 0.25
 */
export function rectifiedFlow({ scale = 1000, cleanest = 0 } = {}): Schedule {
  const name = 'rectified-flow'
  return {
    name,
    noisiest: scale,
    cleanest: scale * cleanest,
    level(t) {
      checkTime(name, t, 0, scale)
      return noiseLevel(t, 1 - t / scale, t / scale)
    },
    time: (lambda) => clamp(scale / (1 + Math.exp(lambda)), scale * cleanest, scale),
  }
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)

function checkTime(name: string, t: number, low: number, high: number): void {
  if (t >= low && t <= high) return
  throw expected('bad-option', `a time from ${low} to ${high}`, `the schedule ${name}`, `${t}`, 'Check the grid.')
}
