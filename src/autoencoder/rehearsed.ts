/**
 * Decoder inversion that rehearses: the steps are fitted on a picture whose latent is known, beside the one whose latent is
 * looked for. For autoencoders of which nothing is known; no gradient, and no assumption about E∘D.
 */
import { define } from '../core/define.js'
import type { Signal, Steps } from '../core/progress.js'
import { type Difference, nearest } from '../iterations/differences.js'
import type { Outcome } from '../iterations/solve.js'
import { torchGenerator } from '../math/noise.js'
import { isFinite as isFiniteTensor, norm, sizeOf, subtract, type Tensor } from '../math/tensor.js'
import type { Autoencoder, DecoderInverter, LatentSolution, Why } from './autoencoder.js'
import { finiteStart, pixelDistance } from './gradient-free-problem.js'
import { rehearsalLatent } from './rehearsal.js'
import { roundingMargin, roundingNorm } from './rounding.js'

/** A step that is expected to gain less than this many dB is not worth its two round trips. */
const smallestGainDb = 0.2

/**
 * Steps that remove as much as they can of a known error, taken on the unknown one.
 *
 * T(z) = E(D(z)) − E(x). The rehearsal is r = E(x) + noise (see `rehearsalLatent`), its picture D(r), and its start
 * y⁰ = E(D(r)), whose error y⁰ − r is known. With its residuals Rⁱ = E(D(yⁱ)) − y⁰: γ = argmin ‖y⁰ − r − Σ γᵢRⁱ‖ over i ≤ k,
 * then yᵏ⁺¹ = y⁰ − Σ γᵢRⁱ and, with the same shares, zᵏ⁺¹ = E(x) − Σ γᵢT(zⁱ). So zᵏ⁺¹ is a polynomial in E∘D whose
 * coefficients were the best for an error of the same kind, whatever directions E∘D shrinks, turns or reverses: forward
 * steps and Anderson's make the residual small instead, and where E∘D is not monotone the error grows meanwhile.
 * Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, two round trips to begin with and two for each
 * further step, and a decode, `iterations` in all; forward only. Stops when the rehearsal gains less than 0.2 dB.
 * Returns the last step, or E(x) where that is nearer in pixels; `expectedNmseDb` is the error of the rehearsal, larger by as much
 * as T was larger than R at the step before. Exact: no.
 * Errors: `bad-option`, `bad-shape`, `not-finite` when E(x) is not finite. Source: ours; the residual is Hong et al.'s (NeurIPS 2024).
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
    invert: (image, autoencoder, signal) => rehearse(image, autoencoder, { ...options, stage: 'rehearsed' }, signal),
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
  signal?: Signal,
): Steps<LatentSolution> {
  const encoded = await finiteStart(image, autoencoder, stage, signal)
  const explained = roundingMargin * roundingNorm(sizeOf(image.shape), levels)
  const history: number[] = []
  let evaluations = 0
  const run = async (latent: Tensor) => {
    signal?.throwIfAborted()
    evaluations++
    return await autoencoder.roundTrip(latent, signal)
  }
  const end = (value: Tensor, outcome: Outcome, more: Partial<LatentSolution> = {}): LatentSolution => {
    const residual = value === encoded ? history[0]! : history.at(-1)!
    return { value, residual, iterations: history.length - 1, evaluations, outcome, history, ...more }
  }
  /** T at a point of the picture's own path. */
  const residualAt = async (latent: Tensor) => {
    const trip = await run(latent)
    const residual = subtract(trip.latent, encoded)
    history.push(isFiniteTensor(residual) ? pixelDistance(trip.image, image) : Number.POSITIVE_INFINITY)
    return residual
  }

  let residual = await residualAt(encoded)
  yield { stage, done: evaluations, total: iterations, residual: history[0]!, latent: encoded }
  if (!Number.isFinite(history[0])) return end(encoded, 'diverged')
  if (iterations < smallestBudget) return end(encoded, 'exhausted', { why: 'budget-spent' })

  const known = rehearsalLatent(encoded, residual, torchGenerator(seed))
  const start = (await run(known)).latent
  const error = subtract(start, known)
  const pairs: Difference[] = []
  let [latent, rehearsal] = [encoded, start]
  let rehearsalDb = ratioDb(error, encoded)
  let expectedNmseDb = rehearsalDb
  let why: Why = 'budget-spent'
  while (why !== 'nothing-to-gain' && evaluations + costOfStep(pairs.length) < iterations) {
    if (pairs.length > 0) {
      residual = await residualAt(latent)
      yield { stage, done: evaluations, total: iterations, residual: history.at(-1)!, latent }
    }
    const rehearsed = subtract((await run(rehearsal)).latent, start)
    pairs.push({ step: residual, change: rehearsed })
    const { step, change } = nearest(error, pairs)
    const nextDb = ratioDb(subtract(error, change), encoded)
    // NaN fails this comparison too: a rehearsal that broke down has nothing to say.
    if (!(rehearsalDb - nextDb >= smallestGainDb)) why = 'nothing-to-gain'
    if (!(nextDb < rehearsalDb) || !isFiniteTensor(step)) break
    ;[latent, rehearsal, rehearsalDb] = [subtract(encoded, step), subtract(start, change), nextDb]
    // The shares were fitted on the rehearsal: the error grows as much as the residual is larger than there. The rehearsal is
    // not rounded, so it says nothing about steps from where rounding explains the picture.
    if (history.at(-1)! > explained) expectedNmseDb = rehearsalDb + ratioDb(residual, rehearsed)
  }
  if (latent === encoded) return end(encoded, 'exhausted', { why, expectedNmseDb })

  evaluations++
  history.push(pixelDistance(await autoencoder.decode(latent, signal), image))
  yield { stage, done: evaluations, total: iterations, residual: history.at(-1)!, latent }
  if (!(history.at(-1)! <= history[0]!)) return end(encoded, 'exhausted', { why: 'encoder-nearer' })
  const isRounding = history.at(-1)! <= explained
  const outcome = isRounding ? 'converged' : 'exhausted'
  return end(latent, outcome, { why: isRounding ? 'rounding-reached' : why, expectedNmseDb })
}

/** The first step takes three round trips and the decode that judges the result; each further step two more. */
const smallestBudget = 4
const costOfStep = (steps: number): number => (steps === 0 ? 1 : 2)

/** ‖error‖²/‖latent‖² in dB. */
const ratioDb = (error: Tensor, latent: Tensor): number => 20 * Math.log10(norm(error) / norm(latent))
