/** Prompts and guidance as verbs take them, and walking a grid from noise to picture: what the verbs share. */
import type { OptionNames } from '../core/option-names.js'
import type { Signal, Steps } from '../core/progress.js'
import { checkText } from '../core/text.js'
import type { Diffusion, Solver, State } from '../diffusion/diffusion.js'
import type { Grid, NoiseLevel } from '../diffusion/level.js'
import { sample } from '../diffusion/sample.js'
import { gridFor } from '../diffusion/solver-check.js'
import { combine, type Tensor } from '../math/tensor.js'
import { counted } from '../model/counted.js'
import { checkGuidance, type GuidanceWeights, mixedWeight, questionsOf, usualGuidance } from '../model/guidance.js'
import { checkRoom } from '../model/memory.js'
import type { DiffusionModel } from '../model/model.js'
import { autoencoderOf, denoiserOf } from '../model/views.js'
import { type VerbEvaluations, verbEvaluations } from './evaluations.js'

/** What every verb over a diffusion model may be told. */
export interface Sampling {
  readonly model: DiffusionModel
  /** What the picture shows. Default: unknown, the empty text. */
  readonly prompt?: string | undefined
  /** What guidance leads away from. Default: nothing in particular. */
  readonly negativePrompt?: string | undefined
  /** Default: 1 without a prompt, the model's with one. An empty prompt is none. */
  readonly guidance?: number | undefined
  /**
   * The weight of a mix of two evaluations, beside `guidance`, for models whose network is told its guidance or was distilled to
   * need none. Default 1: one evaluation.
   */
  readonly trueGuidance?: number | undefined
  /** Default: the model's. */
  readonly solver?: Solver | undefined
  readonly signal?: Signal | undefined
}

/** Options of one verb or another: an object of options may serve a way there, the way back, and an edit. */
export const sharedNames = [
  ...['seed', 'noise', 'size'],
  ...['inverter', 'decoder', 'refine', 'chunk', 'reference'],
  ...['from', 'to', 'method', 'mask'],
]

/** What every verb over a diffusion model is told, by name. */
export const samplingNames: OptionNames<Sampling> = {
  model: true,
  prompt: true,
  negativePrompt: true,
  guidance: true,
  trueGuidance: true,
  solver: true,
  signal: true,
}

/** The guidance of a verb, said or the usual one. Throws `bad-option` for one that the model does not take, and for a prompt that is not text. */
export function guidanceOf({
  model,
  prompt,
  negativePrompt,
  guidance,
  trueGuidance,
}: Pick<Sampling, 'model' | 'prompt' | 'negativePrompt' | 'guidance' | 'trueGuidance'>): number {
  checkText('prompt', prompt)
  checkText('negativePrompt', negativePrompt)
  const weight = guidance ?? usualGuidance(model, prompt)
  checkGuidance(model, { guidance: weight, trueGuidance })
  return weight
}

/** The denoiser of a model under a prompt and guidance. Costs the text encoders; without guidance only the prompt's. */
export async function promptedDenoiser(
  model: DiffusionModel,
  asked: Pick<Sampling, 'prompt' | 'negativePrompt'> & GuidanceWeights,
  signal?: Signal,
): Promise<Pick<Diffusion, 'denoise' | 'pullback' | 'pushforward'>> {
  const { prompt = '', negativePrompt, guidance, trueGuidance } = asked
  const weights = { guidance, trueGuidance }
  checkGuidance(model, weights)
  const condition = await model.condition(prompt, signal)
  const negative = mixedWeight(model, weights) === 1 ? undefined : await model.condition(negativePrompt, signal)
  return denoiserOf(model, { condition, negative, ...weights }, signal)
}

/** What a denoiser under these weights asks at once. */
export const denoises = (model: DiffusionModel, weights: GuidanceWeights) => ({ denoise: questionsOf(model, weights) })

export interface Sampled {
  /** Pixels in [−1, 1], not clamped. */
  readonly image: Tensor
  /** x at the clean end. */
  readonly latent: Tensor
  /** Of unit variance: x at the noisy end, up to the scale of its level. */
  readonly noise: Tensor
  readonly grid: Grid
  /** One state for each level, noisiest first. The memory of the last is what `exact: 'given-memory'` needs. */
  readonly states: readonly State[]
  readonly evaluations: VerbEvaluations
}

/** √(alpha² + sigma²), the deviation of x at a level where data and noise have deviation 1; or what the level says. */
function scaleOf({ alpha, sigma, deviation }: NoiseLevel): number {
  const scale = deviation ?? Math.hypot(alpha, sigma)
  // On variance-preserving grids noise stays the same bits.
  return Math.abs(scale - 1) < 1e-6 ? 1 : scale
}

const scaled = (x: Tensor, by: number): Tensor => (by === 1 ? x : combine([by, x]))

/** Noise of unit variance as x at the noisiest level, and back. */
export const fromNoise = (noise: Tensor, grid: Grid): Tensor => scaled(noise, scaleOf(grid[0]!))
export const toNoise = (x: Tensor, grid: Grid): Tensor => scaled(x, 1 / scaleOf(grid[0]!))

/** From a start, given as noise of unit variance or as a state at the noisy end, to the picture. */
export async function* sampled(
  from: Tensor | State,
  options: Sampling & { readonly guidance: number },
): Steps<Sampled> {
  const { solver = options.model.solver, signal } = options
  const { model, counts } = counted(options.model)
  const schedule = model.schedule('index' in from ? from.x.shape : from.shape)
  const grid = gridFor(solver, schedule)
  const start = 'index' in from ? from : fromNoise(from, grid)
  checkRoom(model, { ...denoises(model, options), decode: 1 }, 'index' in start ? start.x.shape : start.shape)
  const denoiser = await promptedDenoiser(model, options, signal)
  const { states } = yield* sample(start, solver, { grid, schedule, ...denoiser })
  const latent = states.at(-1)!.x
  yield { stage: 'decode', done: 0, total: 1 }
  const image = await autoencoderOf(model, signal).decode(latent)
  yield { stage: 'decode', done: 1, total: 1 }
  return {
    image,
    latent,
    noise: 'index' in from ? toNoise(from.x, grid) : from,
    grid,
    states,
    evaluations: verbEvaluations(counts()),
  }
}
