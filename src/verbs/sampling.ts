/** Walking a grid from noise to latent and decoding it: what generating and reconstructing share. */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import { counted, type Evaluations } from '../autoencoder/counted.js'
import type { Signal, Steps } from '../core/progress.js'
import type { Conditioning } from '../diffusion/conditioning.js'
import type { Solver, State } from '../diffusion/diffusion.js'
import type { Grid, NoiseLevel } from '../diffusion/level.js'
import { sample } from '../diffusion/sample.js'
import { combine, type Tensor } from '../math/tensor.js'
import { type DenoiserEvaluations, type DiffusionModel, promptedDenoiser } from './diffusion-model.js'

/** What a verb cost, in network runs; guidance counts two. */
export interface VerbEvaluations extends DenoiserEvaluations {
  readonly autoencoder: Evaluations
}

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
  /** Absent without a clock. */
  readonly seconds?: number
}

export interface SamplingOptions {
  readonly model: DiffusionModel
  readonly conditioning: Conditioning
  readonly guidance: number
  readonly solver: Solver
  readonly signal?: Signal | undefined
  /** A clock in seconds. */
  readonly now?: (() => number) | undefined
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
export async function* sampled(from: Tensor | State, options: SamplingOptions): Steps<Sampled> {
  const { model, conditioning, guidance, solver, signal, now } = options
  const begin = now?.()
  const grid = solver.grid(model.schedule)
  const start = 'index' in from ? from : fromNoise(from, grid)
  const { evaluations, ...denoiser } = promptedDenoiser(model, conditioning, guidance)
  const { states } = yield* sample(start, solver, { grid, signal, ...denoiser })
  const latent = states.at(-1)!.x
  const { autoencoder, evaluations: decodes } = counted(model.autoencoder)
  const image = yield* decoded(latent, autoencoder, signal)
  return {
    image,
    latent,
    noise: 'index' in from ? toNoise(from.x, grid) : from,
    grid,
    states,
    evaluations: { ...evaluations(), autoencoder: decodes() },
    ...(now && begin !== undefined && { seconds: now() - begin }),
  }
}

async function* decoded(latent: Tensor, autoencoder: Autoencoder, signal: Signal | undefined): Steps<Tensor> {
  yield { stage: 'decode', done: 0, total: 1 }
  const image = await autoencoder.decode(latent, signal)
  yield { stage: 'decode', done: 1, total: 1 }
  return image
}
