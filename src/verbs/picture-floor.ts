/**
 * How well anybody could know the noise behind an 8-bit picture: the posterior variance that its rounding leaves. The
 * measure beside which errors of inversions are read; no inversion itself.
 */
import { expected, gotText } from '../core/errors.js'
import type { OptionNames } from '../core/option-names.js'
import type { Steps } from '../core/progress.js'
import { checkSeed } from '../core/seed.js'
import { Task } from '../core/task.js'
import { gridFor } from '../diffusion/solver-check.js'
import { conjugateGradients } from '../iterations/linear/conjugate-gradients.js'
import { traceOfInverse } from '../math/cholesky.js'
import { torchGenerator } from '../math/noise.js'
import { confidenceInterval, mean } from '../math/statistics.js'
import { checkTensor, map, sizeOf, type Tensor, zeros } from '../math/tensor.js'
import { counted } from '../model/counted.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { autoencoderOf } from '../model/views.js'
import { type VerbEvaluations, verbEvaluations } from './evaluations.js'
import { type PictureAt, pictureAt, posteriorPrecision, variance8 } from './noise-to-picture.js'
import { guidanceOf, promptedDenoiser, type Sampling, samplingNames, sharedNames } from './sampling.js'

/** How the posterior variance is found: from the whole Jacobian, or from this many random probes of it. */
export type FloorProbes = number | 'whole'

export interface PictureFloorOptions extends Sampling {
  /** Default 8, at least 2. */
  readonly probes?: FloorProbes | undefined
  /** Of the probes. Default 0. */
  readonly seed?: number | undefined
  /** Products with JᵀJ for each probe, at most. Default 50. */
  readonly iterations?: number | undefined
  /** Share of a probe's number that its last products may still add. Default 0.05. */
  readonly tolerance?: number | undefined
}

export interface PictureFloor {
  /** 10·log₁₀ of the mean posterior variance of noise of variance 1: the smallest mean NMSE. */
  readonly nmseDb: number
  /** Where it lies with 95 % confidence over the draw of the probes; absent for the whole Jacobian. */
  readonly intervalDb?: { readonly low: number; readonly high: number }
  /** What each probe says, a variance; absent for the whole Jacobian. */
  readonly each?: readonly number[]
  readonly probes: FloorProbes
  /** Products with JᵀJ, all probes together. */
  readonly products: number
  readonly evaluations: VerbEvaluations
}

/**
 * The smallest mean error with which a noise can be known from the 8-bit picture that it makes.
 *
 * With J = ∂clip(D(S(n)))/∂n, rounding variance s² = (2/255)²/12 and the prior N(0, I), the posterior covariance is C =
 * (JᵀJ/s² + I)⁻¹ and the floor tr(C)/numbers (Laplace's approximation: J at this noise, rounding taken as Gaussian).
 * `whole`: J column by column, then Cholesky; numbers × (pushforward of a sampling + 2 decodes), and 4 bytes × numbers of
 * the picture × numbers of the noise of memory. Probes: mean of zᵀCz over random signs z (Hutchinson), each by conjugate
 * gradients, whose energy is Gauss's quadrature of it by Lanczos's method; each product costs two pushforwards
 * and two pullbacks of a sampling, and nine of the decoder. Biased low by what is not added any more (`tolerance`).
 * Errors: those of `generate`; `unsupported` for solvers or networks without derivatives.
 * Source: MacKay, Information Theory, 2003, chapter 27; Hutchinson, 1990; Golub and Meurant, 2010.
 *
 * @example const { nmseDb } = await pictureFloor(noise, { model, prompt, guidance: 1, solver: ddim({ steps: 20 }) })
 */
export const pictureFloor = (noise: Tensor, options: PictureFloorOptions): Task<PictureFloor> =>
  new Task(floor(noise, options), options?.signal)

const names: OptionNames<PictureFloorOptions> = {
  ...samplingNames,
  probes: true,
  seed: true,
  iterations: true,
  tolerance: true,
}

async function* floor(noise: Tensor, options: PictureFloorOptions): Steps<PictureFloor> {
  checkVerbOptions(options, names, 'pictureFloor', sharedNames)
  const { solver = options.model.solver, probes = 8, signal } = options
  const guidance = guidanceOf(options)
  checkProbes(probes)
  checkTensor(noise, 'the noise of `pictureFloor`')
  options.model.layout.check(noise.shape)
  const { model, counts } = counted(options.model)
  const denoiser = await promptedDenoiser(model, { ...options, guidance }, signal)
  const schedule = model.schedule(noise.shape)
  const diffusion = { grid: gridFor(solver, schedule), schedule, ...denoiser }
  const at = yield* pictureAt(noise, { diffusion, solver, autoencoder: autoencoderOf(model, signal) })
  const found = probes === 'whole' ? yield* wholeFloor(at) : yield* probedFloor(at, probes, options)
  return {
    ...found,
    probes,
    evaluations: verbEvaluations(counts()),
  }
}

type Found = Pick<PictureFloor, 'nmseDb' | 'intervalDb' | 'each' | 'products'>

async function* wholeFloor(at: PictureAt): Steps<Found> {
  const n = sizeOf(at.noise.shape)
  const columns: Float32Array[] = []
  const precision = zeros([n, n])
  for (let j = 0; j < n; j++) {
    const unit = map(at.noise, (_, i) => (i === j ? 1 : 0))
    columns.push(Float32Array.from((await at.pushforward(unit)).data))
    for (let i = 0; i <= j; i++) {
      precision.data[j * n + i] = product(columns[i]!, columns[j]!) / variance8 + (i === j ? 1 : 0)
    }
    yield { stage: 'floor, columns', done: j + 1, total: n }
  }
  return { nmseDb: decibels(traceOfInverse(precision) / n), products: 0 }
}

async function* probedFloor(
  at: PictureAt,
  probes: number,
  { seed = 0, iterations = 50, tolerance = 0.05 }: PictureFloorOptions,
): Steps<Found> {
  const random = torchGenerator(checkSeed(seed))
  const n = sizeOf(at.noise.shape)
  const each: number[] = []
  let products = 0
  while (each.length < probes) {
    const right = map(random.noise(at.noise.shape), (value) => (value < 0 ? -1 : 1))
    const solving = conjugateGradients(
      { ...posteriorPrecision(at), right },
      { iterations, tolerance, stage: `floor, probe ${each.length + 1} of ${probes}` },
    )
    const solution = yield* solving
    each.push(solution.energy / n)
    products += solution.iterations
  }
  const { mean: variance, halfWidth } = confidenceInterval(each)
  const interval = { low: decibels(Math.max(variance - halfWidth, 0)), high: decibels(variance + halfWidth) }
  return { nmseDb: decibels(mean(each)), intervalDb: interval, each, products }
}

const decibels = (variance: number): number => 10 * Math.log10(variance)

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function checkProbes(probes: FloorProbes): void {
  if (probes === 'whole' || (Number.isInteger(probes) && probes >= 2)) return
  throw expected('bad-option', '`whole` or an integer, at least 2', '`probes`', gotText(probes), 'The default is 8.')
}
