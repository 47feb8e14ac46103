/** From a prompt and a seed to a picture, with the latent, the noise and the way between. */
import { expected } from '../core/errors.js'
import type { OptionNames } from '../core/option-names.js'
import type { Steps } from '../core/progress.js'
import { checkSeed } from '../core/seed.js'
import { Task } from '../core/task.js'
import { torchNoise } from '../math/noise.js'
import { checkTensor, type Shape, type Tensor } from '../math/tensor.js'
import { type Extent, pictureOf } from '../model/layout.js'
import { checkRoom } from '../model/memory.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { denoises, guidanceOf, type Sampled, type Sampling, sampled, samplingNames, sharedNames } from './sampling.js'

export interface GenerateOptions extends Sampling {
  /** What the picture shows. The empty text is no prompt. */
  readonly prompt: string
  /** The noise of this seed, as PyTorch's CPU generator draws it. Default 0; not with `noise`. */
  readonly seed?: number | undefined
  /** Noise of unit variance in a latent's shape, in place of a seed. */
  readonly noise?: Tensor | undefined
  /** Of the picture, in pixels, and frames of a clip. Default: as the model was trained; not with `noise`. */
  readonly size?: Extent | undefined
}

export interface Generation extends Sampled {
  readonly prompt: string
  readonly negativePrompt: string | undefined
  readonly guidance: number
  readonly solver: string
}

/**
 * Makes a picture of a prompt.
 *
 * x at the noisy end is the noise (times √(alpha² + sigma²), 1 on variance-preserving grids); the solver walks to the
 * clean end; the decoder makes the picture. Shapes: noise and latent channels × H/f × W/f, image 3 × H × W in [−1, 1],
 * not clamped. A seed gives the noise that diffusers' pipelines draw with a CPU generator. Memory: a state for each
 * step. Cost: steps × the solver's evaluations, twice with guidance above 1, and one decode. Errors: `bad-option` for
 * options that mean nothing or exclude each other, `bad-shape` for noise of another model and for a size that takes more
 * memory than the networks may, before anything is computed, `not-finite` naming the step,
 * those of the model, and the signal's reason.
 *
 * @example
 * const { image, latent, noise } = await generate({ model, prompt: 'a red ball', seed: 7, solver: ddim({ steps: 50 }) })
 */
export const generate = (options: GenerateOptions): Task<Generation> => new Task(generation(options), options?.signal)

const names: OptionNames<GenerateOptions> = { ...samplingNames, seed: true, noise: true, size: true }

async function* generation(options: GenerateOptions): Steps<Generation> {
  checkVerbOptions(options, names, 'generate', sharedNames)
  const { prompt, negativePrompt, solver = options.model.solver } = options
  if (prompt === undefined) {
    const remedy = "Pass what the picture shows, or `prompt: ''` for a picture of no prompt."
    throw expected('bad-option', 'text', '`prompt` of `generate`', 'none', remedy)
  }
  const guidance = guidanceOf(options)
  const noise = startOf({ ...options, guidance })
  const result = yield* sampled(noise, { ...options, guidance })
  return { ...result, prompt, negativePrompt, guidance, solver: solver.name }
}

/** The shape of a latent for a picture of a size; by default the size that the model was trained on. */
export const latentShapeAt = ({ layout }: Pick<Sampling['model'], 'layout'>, size?: Extent): Shape =>
  layout.latentShape(size ? pictureOf(layout, size) : layout.picture)

function startOf({ model, seed, noise, size, ...weights }: GenerateOptions & { readonly guidance: number }): Tensor {
  if (noise === undefined) {
    const shape = latentShapeAt(model, size)
    checkRoom(model, { ...denoises(model, weights), decode: 1 }, shape)
    return torchNoise(checkSeed(seed ?? 0), shape)
  }
  if (seed !== undefined || size !== undefined) {
    const got = `\`noise\` and \`${seed === undefined ? 'size' : 'seed'}\``
    throw expected('bad-option', 'one of `noise` and `seed`', 'generate', got, 'The noise has a size of its own.')
  }
  checkTensor(noise, '`noise`')
  model.layout.check(noise.shape)
  return noise
}
