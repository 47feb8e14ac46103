/**
 * A model as the algorithms of floor 3 see it: an autoencoder for decoder inversions, a denoiser for solvers and inverters.
 * The signal is bound here, once.
 */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { guidedMix } from '../diffusion/denoiser.js'
import type { Diffusion } from '../diffusion/diffusion.js'
import type { NoiseLevel } from '../diffusion/level.js'
import type { Tensor } from '../math/tensor.js'
import type { Condition } from './condition.js'
import type { Guidance, Model } from './model.js'
import type { Ask, Door } from './questions.js'

/**
 * The autoencoder of a model, one picture or latent at a time. `pullback` is absent where the model has no gradient.
 *
 * @example const autoencoder = autoencoderOf(model, AbortSignal.timeout(60_000))
 */
export function autoencoderOf(model: Pick<Model, 'answers' | 'ask' | 'profile'>, signal?: Signal): Autoencoder {
  return {
    profile: model.profile,
    encode: async (image) => (await model.ask('encode', [image], signal))[0]!,
    decode: async (latent) => (await model.ask('decode', [latent], signal))[0]!,
    roundTrip: async (latent) => (await model.ask('roundTrip', [latent], signal))[0]!,
    ...(model.answers.has('decodeGradient') && {
      pullback: async (latent: Tensor, reference: Tensor, scale = 1) =>
        (await model.ask('decodeGradient', [{ latent, reference, scale }], signal))[0]!,
    }),
  }
}

/** What a denoiser is told: a condition, what guidance leads away from, and the weight between them. */
export interface Guided {
  readonly condition: Condition
  /** Needed unless `guidance` is 1. */
  readonly negative?: Condition | undefined
  readonly guidance: Guidance
}

/** Throws `bad-option` for a guidance that is not finite. */
export function checkGuidance(guidance: number): void {
  if (Number.isFinite(guidance)) return
  const remedy = '1 uses the prompt alone; Stable Diffusion is used with 3 to 8.'
  throw expected('bad-option', 'a finite number', '`guidance`', `${guidance}`, remedy)
}

/**
 * A model under a condition and guidance, as the denoiser that solvers and inverters take.
 *
 * D = D(negative) + w·(D(condition) − D(negative)), asked as two questions of one run; w = 1 and w = 0 ask one. Derivatives
 * likewise, present where the model answers them. Errors: `bad-option` for a guidance that is not finite or lacks its
 * negative condition; those of the model, and the signal's reason before each run.
 *
 * @example const { denoise } = denoiserOf(model, { condition: await model.condition('a red circle'), guidance: 1 })
 */
export function denoiserOf(
  { answers, ask }: Door,
  { condition, negative, guidance }: Guided,
  signal?: Signal,
): Pick<Diffusion, 'denoise' | 'pullback' | 'pushforward'> {
  if (typeof guidance === 'number') checkGuidance(guidance)
  const weightAt = (level: NoiseLevel) => (typeof guidance === 'number' ? guidance : guidance(level))
  const told = (weight: number): readonly Condition[] => {
    if (weight === 1) return [condition]
    if (negative) return weight === 0 ? [negative] : [negative, condition]
    const remedy = 'Pass a `negative` condition; `model.condition()` is the empty one.'
    throw expected('bad-option', 'a negative condition', `a guidance of ${weight}`, 'none', remedy)
  }
  /** What the branches answer to one question under each condition, mixed. */
  async function mixed<K extends 'denoise' | 'pullback' | 'pushforward'>(
    kind: K,
    level: NoiseLevel,
    question: (condition: Condition) => Ask<K>,
  ): Promise<Tensor> {
    const weight = weightAt(level)
    checkGuidance(weight)
    const [none, prompt] = (await ask(kind, told(weight).map(question), signal)) as readonly Tensor[]
    return prompt ? guidedMix(weight, prompt, none!) : none!
  }
  return {
    denoise: (x, level) => mixed('denoise', level, (condition) => ({ x, level, condition })),
    ...(answers.has('pullback') && {
      pullback: (x: Tensor, level: NoiseLevel, cotangent: Tensor) =>
        mixed('pullback', level, (condition) => ({ x, level, condition, cotangent })),
    }),
    ...(answers.has('pushforward') && {
      pushforward: (x: Tensor, level: NoiseLevel, tangent: Tensor) =>
        mixed('pushforward', level, (condition) => ({ x, level, condition, tangent })),
    }),
  }
}
