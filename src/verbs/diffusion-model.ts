/**
 * What the verbs need of a text-to-image model: prompts in, estimates of x₀ out, an autoencoder beside it. A contract;
 * the one that comes from a checkpoint is in src/models.
 */
import type { Autoencoder, BatchedAutoencoder } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import type {
  Attending,
  Conditioning,
  Denoising,
  DenoisingPullback,
  DenoisingPushforward,
} from '../diffusion/conditioning.js'
import type { Denoiser, DenoiserPullback, DenoiserPushforward, Solver } from '../diffusion/diffusion.js'
import type { EmbeddedDenoiser } from '../diffusion/guided-editing/parts/guided-editing.js'
import type { NoiseLevel, Schedule } from '../diffusion/level.js'
import type { Shape, Tensor } from '../math/tensor.js'

export interface DiffusionModel {
  readonly name: string
  readonly autoencoder: Autoencoder & { readonly batched: BatchedAutoencoder }
  readonly schedule: Schedule
  /** What it is sampled and inverted with where nothing else is said. */
  readonly solver: Solver
  /** The guidance that models of this family are used with. */
  readonly guidance: number
  /** Channels × height × width of a latent for a picture of this size in pixels; by default the size it was trained on. */
  latentShape(size?: { readonly height: number; readonly width: number }): Shape
  /** The size in pixels of the picture of a latent of this shape: the inverse of `latentShape`. */
  pictureSize(latentShape: Shape): { readonly height: number; readonly width: number }
  /** Throws `bad-shape` for latents and noise that the networks cannot take. */
  checkLatent(shape: Shape): void
  /** Encodes a prompt, once: the text encoder and the keys and values of cross-attention. */
  prompt(text: string, negative?: string, signal?: Signal): Promise<Conditioning>
  /** Guided estimates of x₀, several in one network run. */
  denoise(requests: readonly Denoising[], signal?: Signal): Promise<readonly Tensor[]>
  /** J(x)ᵀ·cotangent of the guided estimates, several in one run of the gradient graph. */
  pullback(requests: readonly DenoisingPullback[], signal?: Signal): Promise<readonly Tensor[]>
  /** J(x)·tangent of the guided estimates. Absent where the gradient graph has no gradient itself. */
  pushforward?(requests: readonly DenoisingPushforward[], signal?: Signal): Promise<readonly Tensor[]>
  /**
   * Where cross-attention looks: for each question tokens × height × width of its latent, the mean over heads and layers,
   * which sums to 1 over tokens. One evaluation each. Absent where the network's inside is not known.
   */
  looks?(requests: readonly Attending[], signal?: Signal): Promise<readonly Tensor[]>
  /** The tokens of each word of a prompt, as white space parts them; absent as `looks`. */
  places?(prompt: string): readonly (readonly number[])[]
  /** A prompt's states, tokens × width, and the denoiser that is told them: what null-text optimisation bends. */
  readonly embedded?: EmbeddedDenoiser & { states(text: string, signal?: Signal): Promise<Tensor> }
  /** Frees the networks. The runtime stays open: it belongs to the caller. */
  close(): Promise<void>
}

/** Network evaluations of one estimate: guidance asks twice, except where it names one of the two. */
export const evaluationsOf = (guidance: number): number => (guidance === 1 || guidance === 0 ? 1 : 2)

/** Throws `bad-option` for a guidance that is no number. */
export function checkGuidance(guidance: number): void {
  if (Number.isFinite(guidance)) return
  const remedy = '1 uses the prompt alone; Stable Diffusion is used with 3 to 8.'
  throw expected('bad-option', 'a finite number', '`guidance`', `${guidance}`, remedy)
}

/** Network evaluations of the denoiser; pullbacks are an evaluation and its gradient, pushforwards one and a tangent. */
export interface DenoiserEvaluations {
  readonly denoises: number
  readonly pullbacks: number
  /** Absent where there are none. */
  readonly pushforwards?: number
}

export interface PromptedDenoiser {
  readonly denoise: Denoiser
  readonly pullback: DenoiserPullback
  /** Absent as the model's. */
  readonly pushforward?: DenoiserPushforward
  evaluations(): DenoiserEvaluations
}

type Ask = Pick<DiffusionModel, 'denoise' | 'pullback' | 'pushforward'>

/**
 * A model under one prompt and guidance as the denoiser that solvers take, counting its network evaluations.
 *
 * @example
 * const { denoise } = promptedDenoiser(model, await model.prompt('a red circle'), 3)
 */
export function promptedDenoiser(model: Ask, conditioning: Conditioning, guidance: number): PromptedDenoiser {
  checkGuidance(guidance)
  const each = evaluationsOf(guidance)
  const counts = { denoises: 0, pullbacks: 0 }
  let pushforwards = 0
  return {
    evaluations: () => ({ ...counts, ...(pushforwards > 0 && { pushforwards }) }),
    async denoise(x, level, signal) {
      signal?.throwIfAborted()
      counts.denoises += each
      return (await model.denoise([{ x, level, conditioning, guidance }], signal))[0]!
    },
    async pullback(x, level, cotangent, signal) {
      signal?.throwIfAborted()
      counts.pullbacks += each
      return (await model.pullback([{ x, level, conditioning, guidance, cotangent }], signal))[0]!
    },
    ...(model.pushforward && {
      async pushforward(x: Tensor, level: NoiseLevel, tangent: Tensor, signal?: Signal) {
        signal?.throwIfAborted()
        pushforwards += each
        return (await model.pushforward!([{ x, level, conditioning, guidance, tangent }], signal))[0]!
      },
    }),
  }
}
