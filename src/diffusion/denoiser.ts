/**
 * From what a network predicts to the one currency, the estimate of x₀; and guidance. Not how networks run.
 */
import { expected, gotText } from '../core/errors.js'
import { combine, isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import type { Denoiser, DenoiserPullback, DenoiserPushforward } from './diffusion.js'
import { type NoiseLevel, noImage } from './level.js'

/**
 * What networks are trained to tell, with x = alpha·x₀ + sigma·ε: the noise ε; v = alpha·ε − sigma·x₀; x₀ itself; the
 * flow's velocity ε − x₀; or x₀ − ε, the same towards the image. diffusers' names for the first four: `epsilon`,
 * `v_prediction`, `sample`, `flow_prediction`.
 */
export const predictions = ['epsilon', 'v', 'sample', 'velocity', 'velocity-to-image'] as const
export type Prediction = (typeof predictions)[number]

/** A network's prediction at x. Same input, same bits. */
export type Network = Denoiser
/** J(x)ᵀ·cotangent of a network's prediction. */
export type NetworkPullback = DenoiserPullback
/** J(x)·tangent of a network's prediction. */
export type NetworkPushforward = DenoiserPushforward

/** x₀ = x·(weight of x) + prediction·(weight of the prediction), exact where the prediction is. */
function weights(prediction: Prediction, level: NoiseLevel): readonly [x: number, output: number] {
  const { alpha, sigma } = level
  switch (prediction) {
    case 'epsilon':
      if (alpha === 0) throw noImage('a network that predicts noise', level)
      return [1 / alpha, -sigma / alpha]
    case 'v':
      return [alpha / (alpha ** 2 + sigma ** 2), -sigma / (alpha ** 2 + sigma ** 2)]
    case 'sample':
      return [0, 1]
    case 'velocity':
      return [1 / (alpha + sigma), -sigma / (alpha + sigma)]
    case 'velocity-to-image':
      return [1 / (alpha + sigma), sigma / (alpha + sigma)]
  }
}

/**
 * The estimate of x₀ at x from what a network predicts there; of derivatives along a tangent or cotangent `x`, the same
 * words. Errors: `not-finite`, naming the level; `unsupported` for a predicted noise where alpha is 0.
 *
 * @example estimateOf('epsilon', x, noise, level) // (x − sigma·ε)/alpha
 */
export function estimateOf(prediction: Prediction, x: Tensor, output: Tensor, level: NoiseLevel): Tensor {
  const [ofX, ofOutput] = weights(prediction, level)
  return finite(combine([ofX, x], [ofOutput, output]), x, level)
}

/**
 * The denoiser of a network.
 *
 * D(x) = (x − sigma·ε)/alpha; (alpha·x − sigma·v)/(alpha² + sigma²); x₀; (x ∓ sigma·velocity)/(alpha + sigma).
 * One evaluation. Errors: `not-finite`, naming the level; `unsupported` for a predicted noise where alpha is 0.
 * Source: Ho et al. 2020; Salimans and Ho 2022; Liu et al. 2023.
 *
 * @example const denoise = denoiser(network, 'epsilon')
 */
export const denoiser =
  (network: Network, prediction: Prediction): Denoiser =>
  async (x, level) =>
    estimateOf(prediction, x, await network(x, level), level)

/**
 * The pullback of `denoiser(network, prediction)` from the network's own: Jᵀc = (weight of x)·c +
 * (weight)·J_networkᵀ·c.
 *
 * One run of the gradient graph. Errors as `denoiser`.
 */
export const denoiserPullback =
  (pullback: NetworkPullback, prediction: Prediction): DenoiserPullback =>
  async (x, level, cotangent) =>
    estimateOf(prediction, cotangent, await pullback(x, level, cotangent), level)

/**
 * The pushforward of `denoiser(network, prediction)` from the network's own: J·t = (weight of x)·t + (weight)·J_network·t,
 * the words of `denoiserPullback` with a tangent for the cotangent.
 *
 * One run of the network's pushforward. Errors as `denoiser`.
 */
export const denoiserPushforward: (pushforward: NetworkPushforward, prediction: Prediction) => DenoiserPushforward =
  denoiserPullback

/**
 * Classifier-free guidance: D_w = D_null + w·(D_prompt − D_null).
 *
 * The same mix of estimates of x₀ as of predictions, since both are affine in them at one x. Two evaluations, asked for
 * at the same time so that a model may run them as one batch; one at w = 1, the prompt alone, and at w = 0, the null
 * alone. Errors: `bad-option` for a weight that is not finite; what the denoisers throw. Source: Ho and Salimans 2022,
 * with Stable Diffusion's w (their 1 + w). Deviation: the code of Hong et al. ignores guidance below 1.
 *
 * @example guided(withPrompt, withEmptyPrompt, 7.5)
 */
export function guided(conditional: Denoiser, unconditional: Denoiser, weight: number): Denoiser {
  return mixed<Parameters<Denoiser>>(conditional, unconditional, weight)
}

/** The pullback of `guided`, from the pullbacks of both; two runs of the gradient graph, or one as there. */
export function guidedPullback(
  conditional: DenoiserPullback,
  unconditional: DenoiserPullback,
  weight: number,
): DenoiserPullback {
  return mixed<Parameters<DenoiserPullback>>(conditional, unconditional, weight)
}

/** The pushforward of `guided`, from the pushforwards of both; two runs, or one as there. */
export const guidedPushforward: (
  conditional: DenoiserPushforward,
  unconditional: DenoiserPushforward,
  weight: number,
) => DenoiserPushforward = guidedPullback

/** none + weight·(prompt − none): the mix that guidance is. */
export const guidedMix = (weight: number, prompt: Tensor, none: Tensor): Tensor =>
  combine([1 - weight, none], [weight, prompt])

type Evaluated<Input extends readonly unknown[]> = (...input: Input) => Promise<Tensor>

function mixed<Input extends readonly unknown[]>(
  conditional: Evaluated<Input>,
  unconditional: Evaluated<Input>,
  weight: number,
): Evaluated<Input> {
  if (!Number.isFinite(weight)) {
    throw expected(
      'bad-option',
      'a finite number',
      'guidance',
      gotText(weight),
      'Use 1 for no guidance, 7.5 for strong.',
    )
  }
  if (weight === 1) return conditional
  if (weight === 0) return unconditional
  return async (...input) => {
    const [prompt, none] = await Promise.all([conditional(...input), unconditional(...input)])
    return guidedMix(weight, prompt, none)
  }
}

function finite(estimate: Tensor, asked: Tensor, { t, sigma }: NoiseLevel): Tensor {
  if (isFiniteTensor(estimate)) return estimate
  const [whose, remedy] = isFiniteTensor(asked)
    ? ["the network's answer to finite numbers", 'Its weights hold NaN or are damaged, or it overflows: use 32 bits.']
    : ['the estimate of the clean latent', 'The network was asked at such numbers: check what made them.']
  throw expected('not-finite', 'finite numbers', whose, `NaN or infinity at t = ${t} (sigma ${sigma})`, remedy)
}

/** ε(x) = (x − alpha·D(x))/sigma: the noise that an estimate of x₀ leaves. */
export const noiseOf = (x: Tensor, denoised: Tensor, { alpha, sigma }: NoiseLevel): Tensor =>
  combine([1 / sigma, x], [-alpha / sigma, denoised])
