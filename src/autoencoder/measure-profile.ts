/** Measures the profile of an autoencoder: what its inversion needs to know, from pictures whose latent is known. */
import { expected } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { anderson } from '../iterations/anderson.js'
import { lbfgs } from '../iterations/lbfgs.js'
import { type Difference, nearest } from '../iterations/parts/differences.js'
import { fittedPoint } from '../iterations/parts/fitted-steps.js'
import { solve } from '../iterations/parts/solve.js'
import { nmseDb } from '../math/nmse.js'
import { mean } from '../math/statistics.js'
import { norm, subtract, type Tensor, tensor } from '../math/tensor.js'
import { round8 } from '../pictures/pixels.js'
import type { Autoencoder } from './autoencoder.js'
import { gradientFreeProblem } from './parts/gradient-free-problem.js'
import { gradientStop, pixelProblem } from './parts/pixel-problem.js'
import type { Profile } from './profile.js'

export interface ProfileOptions {
  /** The name of the weights that the profile belongs to. */
  readonly weights: string
  /** Where the latents come from, in words. */
  readonly latents: string
}

/** Round trips that are measured of each way to step. */
const measured = { fitted: 6, anderson: 20 }
/** Gradient steps that are measured, on so many pictures: a gradient costs several round trips. */
const gradients = { steps: 120, pictures: 4 }
/** A round trip must gain so much to be worth its time; gradient steps more, for they cost several times the memory. */
const worthwhileDb = { roundTrip: 0.1, gradient: 0.3 }
const smallestCount = 4
/** Errors are cut to this range, for files hold finite numbers: below it there is no error, above it nothing was found. */
const largestDb = 300

/** A latent, its picture file, and E of it. */
interface Known {
  readonly latent: Tensor
  readonly image: Tensor
  readonly encoded: Tensor
}

/**
 * How to step, how often, and which error to expect, on latents whose pictures the autoencoder makes itself.
 *
 * Each latent r gives a picture file x = round8(clip(D(r))). On every other one the rows of `Profile.shares` are fitted,
 * γ = argmin Σ ‖E(x) − r − Σᵢ γᵢT(zⁱ)‖²; on the rest the errors of the fitted steps, of Anderson's and of the gradient steps after
 * the better of the two are measured. Latents should be like those that will be looked for: what a sampler makes, or E of
 * pictures. Cost for each: an encode, a decode and 6 or 27 round trips; up to 120 pullbacks for 4 of them, where there are gradients.
 * Errors: `bad-option` for fewer than four latents; those of the autoencoder. Source: ours.
 *
 * @example
 * const profile = await new Task(measureProfile(autoencoder, latents, { weights: 'a1b2', latents: 'generated' }))
 */
export async function* measureProfile(
  autoencoder: Autoencoder,
  latents: readonly Tensor[],
  { weights, latents: origin }: ProfileOptions,
): Steps<Profile> {
  if (latents.length < smallestCount) {
    const remedy = 'Half of them are fitted on, half are measured.'
    throw expected('bad-option', `at least ${smallestCount} latents`, 'a profile', `${latents.length}`, remedy)
  }
  const known = yield* knownPictures(autoencoder, latents)
  const shares = yield* fitShares(
    autoencoder,
    known.filter((_, i) => i % 2 === 0),
  )
  const rest = known.filter((_, i) => i % 2 === 1)
  const residuals: number[] = []
  const paths = { fitted: [] as Tensor[][], anderson: [] as Tensor[][] }
  for (const [i, one] of rest.entries()) {
    yield { stage: 'measuring steps', done: i, total: rest.length }
    const { points, first } = await fittedPath(autoencoder, one, shares)
    paths.fitted.push(points)
    residuals.push(within(20 * Math.log10(norm(first) / norm(one.latent))))
    paths.anderson.push(await andersonPath(autoencoder, one))
  }
  const expectedOf = (path: readonly Tensor[][]) =>
    path[0]!.map((_, k) => mean(path.map((points, i) => errorDb(points[k]!, rest[i]!.latent))))
  const errors = { fitted: expectedOf(paths.fitted), anderson: expectedOf(paths.anderson) }
  const enough = { fitted: worthwhile(errors.fitted), anderson: worthwhile(errors.anderson) }
  const isFitted = errors.fitted[enough.fitted]! <= errors.anderson[enough.anderson]! + worthwhileDb.roundTrip
  const steps = isFitted ? 'fitted' : 'anderson'
  const roundTrips = enough[steps]
  const starts = rest.slice(0, gradients.pictures).map((one, i) => ({ ...one, start: paths[steps][i]![roundTrips]! }))
  const gains = yield* gainOfGradients(autoencoder, starts)
  const pullbacks = gains ? harmless(gains.map((gain) => -gain)) : 0
  const gain = gains?.[pullbacks] ?? 0
  return {
    weights,
    latents: origin,
    latentCount: latents.length,
    latentShape: latents[0]!.shape,
    steps,
    roundTrips,
    shares,
    pullbacks: gain >= worthwhileDb.gradient ? pullbacks : 0,
    expected: {
      residualNmseDb: mean(residuals),
      encoderNmseDb: errors.fitted[0]!,
      fittedNmseDb: errors.fitted.slice(1),
      andersonNmseDb: errors.anderson.slice(1),
      ...(gains && { gradientNmseDb: errors[steps][roundTrips]! - gain }),
    },
  }
}

async function* knownPictures(autoencoder: Autoencoder, latents: readonly Tensor[]): Steps<readonly Known[]> {
  const known: Known[] = []
  for (const latent of latents) {
    yield { stage: 'decoding known latents', done: known.length, total: latents.length }
    const image = round8(await autoencoder.decode(latent))
    known.push({ latent, image, encoded: await autoencoder.encode(image) })
  }
  return known
}

/** The rows of `Profile.shares`, one step after the other, over all pictures at once. */
async function* fitShares(autoencoder: Autoencoder, known: readonly Known[]): Steps<readonly (readonly number[])[]> {
  const error = joined(known.map(({ encoded, latent }) => subtract(encoded, latent)))
  const residuals: Tensor[][] = known.map(() => [])
  const pairs: Difference[] = []
  const shares: (readonly number[])[] = []
  for (let k = 0; k < measured.fitted; k++) {
    yield { stage: 'fitting steps', done: k, total: measured.fitted }
    for (const [i, { encoded }] of known.entries()) {
      const latent = fittedPoint(encoded, shares.at(-1) ?? [], residuals[i]!)
      residuals[i]!.push(subtract((await autoencoder.roundTrip(latent)).latent, encoded))
    }
    // The step of residual k is the k-th unit vector, so that the fit yields the shares themselves.
    const unit = tensor(
      [measured.fitted],
      Float64Array.from({ length: measured.fitted }, (_, i) => Number(i === k)),
    )
    pairs.push({ step: unit, change: joined(residuals.map((all) => all[k]!)) })
    shares.push([...nearest(error, pairs).step.data.subarray(0, k + 1)])
  }
  return shares
}

const joined = (tensors: readonly Tensor[]): Tensor => {
  const data = Float64Array.from(tensors.flatMap((one) => [...one.data]))
  return { shape: [data.length], data }
}

/** The points after 0, 1, … round trips of the fitted steps, and the residual at the encoder. */
async function fittedPath(
  autoencoder: Autoencoder,
  { encoded }: Known,
  shares: Profile['shares'],
): Promise<{ readonly points: Tensor[]; readonly first: Tensor }> {
  const residuals: Tensor[] = []
  const points = [encoded]
  for (const row of shares) {
    residuals.push(subtract((await autoencoder.roundTrip(points.at(-1)!)).latent, encoded))
    points.push(fittedPoint(encoded, row, residuals))
  }
  return { points, first: residuals[0]! }
}

/** The points that Anderson's steps evaluate: the k-th after k round trips, the last one again where it ended early. */
async function andersonPath(autoencoder: Autoencoder, { image }: Known): Promise<Tensor[]> {
  const problem = await gradientFreeProblem(image, autoencoder)
  const points: Tensor[] = []
  const options = { iterations: measured.anderson + 1 }
  for await (const { latent } of solve(problem, anderson(), options)) points.push(latent!)
  while (points.length <= measured.anderson) points.push(points.at(-1)!)
  return points
}

const within = (db: number): number => (Number.isNaN(db) ? largestDb : Math.min(Math.max(db, -largestDb), largestDb))
const errorDb = (found: Tensor, known: Tensor): number => within(nmseDb(found, known))

/** How many round trips are worth their time: the fewest that come within the worthwhile gain of the best. */
const worthwhile = (errorsDb: readonly number[]): number => {
  const best = Math.min(...errorsDb)
  return errorsDb.findIndex((error) => error <= best + worthwhileDb.roundTrip)
}

/** How many gradient steps do no harm: the most that stay within the worthwhile gain of the best; they end by themselves. */
const harmless = (errorsDb: readonly number[]): number => {
  const best = Math.min(...errorsDb)
  return errorsDb.findLastIndex((error) => error <= best + worthwhileDb.roundTrip)
}

/** The dB that the first 0, 1, … gradient steps gain on the mean; undefined without gradients. */
async function* gainOfGradients(
  autoencoder: Autoencoder,
  starts: readonly (Known & { readonly start: Tensor })[],
): Steps<readonly number[] | undefined> {
  if (!autoencoder.pullback) return undefined
  const gains: number[][] = []
  for (const { start, image, latent } of starts) {
    yield { stage: 'measuring gradient steps', done: gains.length, total: starts.length }
    const before = errorDb(start, latent)
    const path: number[] = []
    const options = { iterations: gradients.steps + 1, ...gradientStop(image, 256) }
    const steps = solve(pixelProblem(start, image, autoencoder), lbfgs(), options)
    for await (const { latent: point } of steps) path.push(before - errorDb(point!, latent))
    gains.push(path)
  }
  return Array.from({ length: gradients.steps + 1 }, (_, k) => mean(gains.map((path) => path[k] ?? path.at(-1)!)))
}
