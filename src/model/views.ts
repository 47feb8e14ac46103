/**
 * A model as the algorithms of floor 3 see it: an autoencoder for decoder inversions, a denoiser for solvers and inverters.
 * The signal is bound here, once.
 */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import type { Signal } from '../core/progress.js'
import type { Diffusion } from '../diffusion/diffusion.js'
import type { Tensor } from '../math/tensor.js'
import { checkGuidance, type Guidable, type Guided } from './guidance.js'
import { branchesOf, mixedBy, mixedLinearly } from './guided-denoiser.js'
import type { Model } from './model.js'
import type { Door } from './questions.js'

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

/**
 * A model under a condition and guidance, as the denoiser that solvers and inverters take.
 *
 * D = D(negative) + w·(D(condition) − D(negative)), asked as two questions of one run; w = 1 and w = 0 ask one. A model whose
 * `guiding` is another thing is told w, or mixes by its own rule. Derivatives likewise, present where the model answers them; a
 * rule that is not linear asks for both estimates again. Errors: `bad-option` for a guidance that the model does not take or that
 * lacks its negative condition; those of the model, and the signal's reason before each run.
 *
 * @example const { denoise } = denoiserOf(model, { condition: await model.condition('a red ball'), guidance: 1 })
 */
export function denoiserOf(
  model: Door & Guidable,
  guided: Guided,
  signal?: Signal,
): Pick<Diffusion, 'denoise' | 'pullback' | 'pushforward'> {
  checkGuidance(model, guided)
  const { answers, guiding } = model
  const branches = branchesOf(model, guided)
  const linear = mixedLinearly(model, branches, signal)
  const rule = guiding?.kind === 'mixed' ? guiding.mix : undefined
  const { denoise, pullback, pushforward } = rule ? mixedBy(rule, linear, model, branches, signal) : linear
  return {
    denoise,
    ...(answers.has('pullback') && { pullback }),
    ...(answers.has('pushforward') && { pushforward }),
  }
}
