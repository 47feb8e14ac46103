/**
 * Decoder inversion that rehearses: the steps are fitted on a picture whose latent is known, beside the one whose latent is
 * looked for. For unknown autoencoders: it needs no gradient and assumes nothing about E∘D.
 */
import { define } from '../core/define.js'
import type { Steps } from '../core/progress.js'
import { type Difference, nearest } from '../iterations/parts/differences.js'
import type { Outcome } from '../iterations/parts/solve.js'
import { torchGenerator } from '../math/noise.js'
import { isFinite as isFiniteTensor, norm, sizeOf, subtract, type Tensor } from '../math/tensor.js'
import type { Autoencoder, DecoderInverter, LatentSolution, Why } from './autoencoder.js'
import { finiteStart, pixelDistance } from './parts/gradient-free-problem.js'
import { isLikeness, rehearsalLatent } from './parts/rehearsal.js'
import { roundingMargin, roundingNorm } from './parts/rounding.js'

/** A step that is expected to gain less than this many dB is not worth its two round trips. */
const smallestGainDb = 0.2

/**
 * Steps that remove as much as they can of a known error, taken on the unknown one.
 *
 * T(z) = E(D(z)) − E(x). The rehearsal is r = E(x) + noise (see `rehearsalLatent`), its picture D(r), and its start y⁰
 * = E(D(r)), whose error y⁰ − r is known. With its residuals Rⁱ = E(D(yⁱ)) − y⁰: γ = argmin ‖y⁰ − r − Σ γᵢRⁱ‖ over i ≤
 * k, then yᵏ⁺¹ = y⁰ − Σ γᵢRⁱ and, with the same shares, zᵏ⁺¹ = E(x) − Σ γᵢT(zⁱ). So zᵏ⁺¹ is a polynomial in E∘D whose
 * coefficients were the best for an error of the same kind, whatever directions E∘D shrinks, turns or reverses. Forward
 * steps and Anderson's make the residual small instead. Where E∘D is not monotone the error grows meanwhile. Shapes:
 * picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, four round trips for the first step and two for
 * each further one, `iterations` in all; forward only. Stops when the rehearsal gains less than 0.2 dB, when a step
 * does not take the picture's own residual away as well (`isLikeness`), and at once where rounding explains ‖D(E(x)) −
 * x‖. Returns the last step that was taken, or E(x) where that is nearer in pixels. `expectedNmseDb` is the error of
 * the rehearsal, larger by as much as T was larger than R at the step before. Exact: no. Errors: `bad-option`,
 * `bad-shape`, `not-finite` when E(x) is not finite. Source: ours; the residual is Hong et al.'s (NeurIPS 2024).
 *
 * @example
 * const { value, expectedNmseDb } = await new Task(rehearsed().invert(image, autoencoder))
 */
export const rehearsed = define({
  id: 'rehearsed',
  title: 'Rehearsed gradient-free decoder inversion',
  source: 'undiffuse; residual of Hong et al., NeurIPS 2024',
  fields: {
    iterations: {
      type: 'integer',
      minimum: 1,
      default: 20,
      unit: 'round trips',
      description: 'Budget, rehearsal included.',
    },
    seed: { type: 'integer', minimum: 0, default: 0, description: "Of the rehearsal's noise." },
    levels: {
      type: 'integer',
      minimum: 2,
      default: 256,
      description: 'Values that a channel of the picture was rounded to: 256 for 8 bits, 65536 for 16.',
    },
  },
  make: (options): DecoderInverter => ({
    name: 'rehearsed',
    invert: (image, autoencoder) => rehearse(image, autoencoder, { ...options, stage: 'rehearsed' }),
  }),
})

export interface RehearseOptions {
  readonly iterations: number
  readonly seed: number
  readonly levels: number
  /** The method's name in progress and errors. */
  readonly stage: string
}

/** The steps of `rehearsed`, for methods that they are a part of. */
export async function* rehearse(
  image: Tensor,
  autoencoder: Autoencoder,
  { iterations, seed, levels, stage }: RehearseOptions,
): Steps<LatentSolution> {
  const encoded = await finiteStart(image, autoencoder, stage)
  const history: number[] = []
  let evaluations = 0
  const run = async (latent: Tensor) => {
    evaluations++
    return await autoencoder.roundTrip(latent)
  }
  /** T at a point of the picture's own path. */
  const residualAt = async (latent: Tensor) => {
    const trip = await run(latent)
    const residual = subtract(trip.latent, encoded)
    history.push(isFiniteTensor(residual) ? pixelDistance(trip.image, image) : Number.POSITIVE_INFINITY)
    return residual
  }
  const progress = (latent: Tensor) => ({
    stage,
    done: evaluations,
    total: iterations,
    residual: history.at(-1)!,
    latent,
  })
  const end = (value: Tensor, residual: number, outcome: Outcome, more: Partial<LatentSolution> = {}) => ({
    ...{ value, residual, iterations: history.length - 1, evaluations, outcome, history },
    ...more,
  })

  const first = await residualAt(encoded)
  yield progress(encoded)
  const distance = history[0]!
  if (distance === Number.POSITIVE_INFINITY) return end(encoded, distance, 'diverged')
  const explained = roundingMargin * roundingNorm(sizeOf(image.shape), levels)
  if (distance <= explained) return end(encoded, distance, 'converged', { why: 'rounding-reached' })
  if (iterations < smallestBudget) return end(encoded, distance, 'exhausted', { why: 'budget-spent' })

  const known = rehearsalLatent(encoded, first, torchGenerator(seed))
  const start = (await run(known)).latent
  const error = subtract(start, known)
  const pairs: Difference[] = []
  let rehearsal = { latent: start, errorDb: ratioDb(error, encoded) }
  let taken = { latent: encoded, residual: first, distance, expectedNmseDb: rehearsal.errorDb }
  let encoderNmseDb = rehearsal.errorDb
  let why: Why = 'budget-spent'
  while (why === 'budget-spent' && evaluations + costOfStep <= iterations) {
    const rehearsed = subtract((await run(rehearsal.latent)).latent, start)
    pairs.push({ step: taken.residual, change: rehearsed })
    const { step, change } = nearest(error, pairs)
    const next = { latent: subtract(start, change), errorDb: ratioDb(subtract(error, change), encoded) }
    // NaN fails these comparisons too: a rehearsal that broke down has nothing to say.
    if (!(rehearsal.errorDb - next.errorDb >= smallestGainDb)) why = 'nothing-to-gain'
    if (!(next.errorDb < rehearsal.errorDb) || !isFiniteTensor(step)) break

    const latent = subtract(encoded, step)
    const residual = await residualAt(latent)
    yield progress(latent)
    // Both residuals are E∘D's image of an error, and the shares were fitted on the rehearsal's: the picture's error is as much
    // larger as its residual is.
    const largerDb = ratioDb(taken.residual, rehearsed)
    if (pairs.length === 1) encoderNmseDb = rehearsal.errorDb + largerDb
    if (history.at(-1) === Number.POSITIVE_INFINITY) return end(taken.latent, taken.distance, 'diverged')
    if (!isLikeness(residual, taken.residual, pairs.length)) {
      why = 'nothing-to-gain'
      break
    }
    // The rehearsal is not rounded, so it says nothing about steps from where rounding explains the picture.
    const expectedNmseDb = taken.distance > explained ? next.errorDb + largerDb : taken.expectedNmseDb
    taken = { latent, residual, distance: history.at(-1)!, expectedNmseDb }
    rehearsal = next
  }
  const asEncoded = { expectedNmseDb: encoderNmseDb }
  if (taken.latent === encoded) return end(encoded, distance, 'exhausted', { why, ...asEncoded })
  if (!(taken.distance <= distance)) {
    return end(encoded, distance, 'exhausted', { why: 'encoder-nearer', ...asEncoded })
  }
  const { latent, expectedNmseDb } = taken
  const isRounding = taken.distance <= explained
  if (isRounding) return end(latent, taken.distance, 'converged', { why: 'rounding-reached', expectedNmseDb })
  return end(latent, taken.distance, 'exhausted', { why, expectedNmseDb })
}

/** Two round trips to begin with, and two for each step: the rehearsal's residual, and the picture's at the new point. */
const smallestBudget = 4
const costOfStep = 2

/** ‖a‖²/‖b‖² in dB. */
const ratioDb = (a: Tensor, b: Tensor): number => 20 * Math.log10(norm(a) / norm(b))
