/**
 * What may be asked of a model: the one door between algorithms and networks. Several questions of one kind make one
 * network run. A capability is an entry in `answers`, not an optional method.
 */
import type { Pullback, RoundTrip } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import type { NoiseLevel } from '../diffusion/level.js'
import type { Tensor } from '../math/tensor.js'
import type { Condition } from './condition.js'

/** x at a level of noise, and what the network is told. */
export interface Estimating {
  readonly x: Tensor
  readonly level: NoiseLevel
  readonly condition: Condition
}

/** The kinds of questions. D is the decoder with the clip of a picture file, E the encoder's posterior mean. */
export interface Questions {
  /** E(x). */
  readonly encode: { readonly ask: Tensor; readonly answer: Tensor }
  /** D(z). */
  readonly decode: { readonly ask: Tensor; readonly answer: Tensor }
  /** D(z) and E(D(z)) in one run: what an iteration of gradient-free inversion costs. */
  readonly roundTrip: { readonly ask: Tensor; readonly answer: RoundTrip }
  /** D(z) and ∇_z ½‖D(z) − reference‖² in one run; the backward pass computes with `scale` (default 1) times the error. */
  readonly decodeGradient: {
    readonly ask: { readonly latent: Tensor; readonly reference: Tensor; readonly scale?: number }
    readonly answer: Pullback
  }
  /** The estimate of x₀. */
  readonly denoise: { readonly ask: Estimating; readonly answer: Tensor }
  /** Jᵀ·cotangent of the estimate, J by x or, with `wrt`, by that value of the condition. */
  readonly pullback: {
    readonly ask: Estimating & { readonly cotangent: Tensor; readonly wrt?: string }
    readonly answer: Tensor
  }
  /** J·tangent of the estimate, J by x. */
  readonly pushforward: { readonly ask: Estimating & { readonly tangent: Tensor }; readonly answer: Tensor }
  /**
   * Where cross-attention looks: tokens × the latent's axes but its channels, the mean over heads and layers, which sums
   * to 1 over tokens.
   */
  readonly looks: { readonly ask: Estimating; readonly answer: Tensor }
}

export type Kind = keyof Questions
export type Ask<K extends Kind> = Questions[K]['ask']
export type Answer<K extends Kind> = Questions[K]['answer']

/** Something that answers questions: a model, or what stands between a model and an algorithm. */
export interface Door {
  readonly answers: ReadonlySet<Kind>
  /** One answer for each question, in their order. Throws `unsupported` for a kind that is not in `answers`. */
  ask<K extends Kind>(kind: K, asks: readonly Ask<K>[], signal?: Signal): Promise<readonly Answer<K>[]>
}

/** How the questions of each kind are answered: what a model is made from. */
export type Answerers = {
  readonly [K in Kind]?: (asks: readonly Ask<K>[], signal?: Signal) => Promise<readonly Answer<K>[]>
}

/**
 * The door of these answerers.
 *
 * Errors: `unsupported` for a kind without an answerer, and for an empty `answerers` at the first question; those of the
 * answerers, and the signal's reason before they are asked.
 *
 * @example const { ask, answers } = doorOf('analytic', { decode: async (latents) => latents.map(decode) })
 */
export function doorOf(name: string, answerers: Answerers): Door {
  const answers = new Set((Object.keys(answerers) as Kind[]).filter((kind) => answerers[kind]))
  return {
    answers,
    async ask(kind, asks, signal) {
      signal?.throwIfAborted()
      const answer = answerers[kind]
      if (!answer) throw unanswered(name, kind)
      return asks.length === 0 ? [] : await answer(asks, signal)
    },
  }
}

const remedies: Partial<Record<Kind, string>> = {
  decodeGradient: 'Use a method without gradients of the decoder.',
  pullback: 'Use a method without gradients of the denoiser.',
  pushforward: 'Use a method without tangents of the denoiser.',
  looks: 'Pass a mask, or find it by `mask=difference`.',
}

/** The error for a kind of question that a model does not answer. */
export const unanswered = (name: string, kind: Kind) =>
  expected(
    'unsupported',
    `a model that answers \`${kind}\``,
    `\`${name}\``,
    'one that does not',
    remedies[kind] ?? 'Use another model.',
  )
