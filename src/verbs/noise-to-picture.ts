/** From noise to the picture that a file would hold, as a differentiable map: sampling, decoding and clipping in one. */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import { roundingVariance } from '../autoencoder/parts/rounding.js'
import { expected } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type { Diffusion, Solver, State } from '../diffusion/diffusion.js'
import { linearized } from '../diffusion/linearized.js'
import { type NearlyInverse, nearlyInverse } from '../diffusion/nearly-inverse.js'
import { sample } from '../diffusion/sample.js'
import { conjugateGradients, type LinearSystem } from '../iterations/linear/conjugate-gradients.js'
import { combine, norm, sizeOf, subtract, type Tensor } from '../math/tensor.js'
import { fromNoise } from './sampling.js'

/** s²: what rounding to 8 bits does to a pixel. */
export const variance8 = roundingVariance(256)

/** The derivative J of a map at one point. */
export interface Derivative {
  /** J·tangent. */
  pushforward(tangent: Tensor): Promise<Tensor>
  /** Jᵀ·cotangent. */
  pullback(cotangent: Tensor): Promise<Tensor>
}

/** The map at one noise, and its derivative J there, from the noise's shape to the picture's. */
export interface PictureAt extends Derivative {
  readonly noise: Tensor
  readonly latent: Tensor
  readonly states: readonly State[]
  /** clip(D(z)), in [−1, 1]; not rounded. */
  readonly picture: Tensor
  /** The sampler's part of J, to the latent's shape. */
  readonly sampler: Derivative
  /** The decoder's part of J, from the latent's shape. */
  readonly decoder: Derivative
  /** Nearly the inverse of the sampler's part of J. */
  readonly nearlyInverse: NearlyInverse
}

export interface NoiseToPicture {
  readonly diffusion: Diffusion
  readonly solver: Solver
  readonly autoencoder: Autoencoder
}

/** By how much latents are moved, root mean square, to see how the picture changes: well above float32, well below 1. */
const decoderStep = 1e-3

/**
 * n ↦ clip(D(S(n))), with what is needed to move along it.
 *
 * S is the solver's run, D the decoder; clip keeps pixels in [−1, 1], and clipped ones do not change with the noise: their
 * rows of J are zero. J = mask·J_D·J_S. Cost: a sampling and a decode; then a pushforward costs one of the denoiser each
 * step and two decodes (central differences, since autoencoders tell no tangents), a pullback one of the denoiser each step and
 * one of the decoder. Exact given the networks' derivatives, but for those differences.
 * Errors: `unsupported` where a derivative is not known; those of sampling and decoding.
 *
 * @example
 * const at = yield* pictureAt(noise, { diffusion, solver, autoencoder })
 * const gradient = await at.pullback(subtract(at.picture, image))
 */
export async function* pictureAt(noise: Tensor, { diffusion, solver, autoencoder }: NoiseToPicture): Steps<PictureAt> {
  const { states } = yield* sample(fromNoise(noise, diffusion.grid), solver, diffusion)
  const latent = states.at(-1)!.x
  const picture = await autoencoder.decode(latent)
  const run = linearized(states, solver, diffusion)
  const sampler: Derivative = {
    pushforward: (tangent) => run.pushforward(fromNoise(tangent, diffusion.grid)),
    pullback: async (cotangent) => fromNoise(await run.pullback(cotangent), diffusion.grid),
  }
  const decoder: Derivative = {
    async pushforward(tangent) {
      const step = (decoderStep * Math.sqrt(sizeOf(latent.shape))) / (norm(tangent) || 1)
      const ahead = await autoencoder.decode(combine([1, latent], [step, tangent]))
      const behind = await autoencoder.decode(combine([1, latent], [-step, tangent]))
      return combine([1 / (2 * step), ahead], [-1 / (2 * step), behind])
    },
    async pullback(cotangent) {
      if (!autoencoder.pullback) throw withoutGradients()
      return (await autoencoder.pullback(latent, subtract(picture, cotangent))).gradient
    },
  }
  return {
    noise,
    latent,
    states,
    picture,
    sampler,
    decoder,
    nearlyInverse: nearlyInverse(states, diffusion),
    pushforward: async (tangent) => await decoder.pushforward(await sampler.pushforward(tangent)),
    pullback: async (cotangent) => await sampler.pullback(await decoder.pullback(cotangent)),
  }
}

const withoutGradients = () =>
  expected(
    'unsupported',
    'an autoencoder with gradients',
    'the derivative of a picture',
    'one without',
    'Use a model whose graph is known.',
  )

/** What the picture tells of a direction, and what was known before: JᵀJ/s² + I on a vector. */
const precision = async ({ pushforward, pullback }: Derivative, x: Tensor): Promise<Tensor> =>
  combine([1 / variance8, await pullback(await pushforward(x))], [1, x])

/** Of the decoder's part, for each product with all of J: they are a tenth of its cost. */
const decoderProducts = 8

/**
 * JᵀJ/s² + I as a linear system, with the preconditioner K·(J_DᵀJ_D/s² + I)⁻¹·Kᵀ: K is nearly the inverse of the
 * sampler's part of J, and a few conjugate gradients are nearly that of the decoder's.
 */
export const posteriorPrecision = (at: PictureAt): Omit<LinearSystem, 'right'> => ({
  apply: (x) => precision(at, x),
  async precondition(residual) {
    const system = { apply: (x: Tensor) => precision(at.decoder, x), right: await at.nearlyInverse.back(residual) }
    const solved = await new Task(conjugateGradients(system, { iterations: decoderProducts, tolerance: 0 }))
    return await at.nearlyInverse.forward(solved.value)
  },
})
