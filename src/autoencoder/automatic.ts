/**
 * The default decoder inversion: steps as the profile of the weights says where they have one, a rehearsal where not, and
 * gradient steps after them where those are allowed and pay. How it was chosen: docs/decisions/0002-default-decoder-inversion.md.
 */
import { define } from '../core/define.js'
import type { Steps } from '../core/progress.js'
import { anderson } from '../iterations/anderson.js'
import { lbfgs } from '../iterations/lbfgs.js'
import { fittedSteps } from '../iterations/parts/fitted-steps.js'
import { type Problem, solve } from '../iterations/parts/solve.js'
import { norm, sizeOf, type Tensor } from '../math/tensor.js'
import type { Autoencoder, DecoderInverter, LatentSolution } from './autoencoder.js'
import { gradientFreeProblem } from './parts/gradient-free-problem.js'
import { gradientStop, pixelProblem } from './parts/pixel-problem.js'
import { isLikeness } from './parts/rehearsal.js'
import { roundingMargin, roundingNorm } from './parts/rounding.js'
import type { Profile } from './profile.js'
import { rehearse } from './rehearsed.js'

/** Larger pictures get no gradient steps unless told. */
export const usualGradientPixels = 65_536

/**
 * The latent that the evidence supports, within a budget.
 *
 * With a profile: its fitted steps z = E(x) − Σ γᵢT(zⁱ), or Anderson's (without `accelerated`'s stop at the rounding),
 * for as many round trips as were worth their time. The one with the smaller error on pictures whose latent is known is
 * taken.
 * Without one:
 * `rehearsed`. Then L-BFGS on ‖D(z) − x‖², where the autoencoder has gradients, its profile says that they gain
 * something, and the picture is not larger than `gradientPixels`.
 * Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, at most `iterations` round trips, and at
 * most `pullbacks` + 1 pullbacks,
 * which end by themselves when the picture tells no more. `gradients=never`
 * is forward only. Exact: no; `expectedNmseDb` is the error to expect.
 * Errors: `bad-option`, `bad-shape`, `not-finite` when E(x) is not finite. Source: ours; the residual is Hong et al.'s (NeurIPS 2024).
 *
 * @example
 * const { value, expectedNmseDb, why } = await new Task(automaticDecoder().invert(image, autoencoder))
 */
export const automaticDecoder = define({
  id: 'automatic',
  title: 'Automatic decoder inversion',
  source: 'undiffuse; residual of Hong et al., NeurIPS 2024',
  fields: {
    iterations: { type: 'integer', minimum: 1, default: 20, unit: 'round trips', description: 'Budget.' },
    gradients: {
      type: 'choice',
      choices: ['where-they-pay', 'never', 'always'],
      default: 'where-they-pay',
      description: 'Whether gradient steps follow: more time, three to five times the memory.',
    },
    pullbacks: {
      type: 'integer',
      minimum: 1,
      default: 120,
      unit: 'pullbacks',
      description: 'Budget of gradient steps.',
    },
    gradientPixels: {
      type: 'integer',
      minimum: 0,
      default: usualGradientPixels,
      unit: 'pixels',
      description:
        'Larger pictures get gradient steps only with `always`; 256×256 take 2.6 GiB at the size of Stable Diffusion.',
    },
    levels: {
      type: 'integer',
      minimum: 2,
      default: 256,
      description: 'Values that a channel of the picture was rounded to: 256 for 8 bits, 65536 for 16.',
    },
  },
  make: ({ iterations, gradients, pullbacks, gradientPixels, levels }): DecoderInverter => ({
    name: 'automatic',
    async *invert(image, autoencoder) {
      const { profile } = autoencoder
      const forward = profile
        ? yield* asProfiled(profile, image, autoencoder, { iterations, levels })
        : yield* rehearse(image, autoencoder, { iterations, levels, seed: 0, stage: 'automatic' })
      const pixels = sizeOf(image.shape.slice(1))
      const worthwhile = profile && pixels <= gradientPixels ? profile.pullbacks : 0
      const steps = { never: 0, 'where-they-pay': Math.min(worthwhile, pullbacks), always: pullbacks }[gradients]
      if (steps === 0 || !autoencoder.pullback || forward.outcome === 'diverged') return forward

      const { expectedNmseDb } = forward
      // The first pullback is where the steps before have ended.
      const options = { iterations: steps + 1, stage: 'gradient steps', ...gradientStop(image, levels) }
      const problem = pixelProblem(forward.value, image, autoencoder)
      const { value, residual, history } = yield* solve(problem, lbfgs(), options)
      const isRounding = residual <= roundingMargin * roundingNorm(sizeOf(image.shape), levels)
      return {
        value,
        residual,
        iterations: forward.iterations + history.length - 1,
        evaluations: forward.evaluations + history.length,
        outcome: isRounding ? 'converged' : 'exhausted',
        history: [...forward.history, ...history],
        why: isRounding ? 'rounding-reached' : steps < (profile?.pullbacks ?? 0) ? 'budget-spent' : 'nothing-to-gain',
        ...(expectedNmseDb !== undefined && {
          expectedNmseDb: expectedNmseDb - (profile ? gradientGainDb(profile) : 0),
        }),
      }
    },
  }),
})

async function* asProfiled(
  profile: Profile,
  image: Tensor,
  autoencoder: Autoencoder,
  { iterations, levels }: { readonly iterations: number; readonly levels: number },
): Steps<LatentSolution> {
  const { shares, expected } = profile
  const expectedDb = profile.steps === 'fitted' ? expected.fittedNmseDb : expected.andersonNmseDb
  const steps = Math.min(profile.roundTrips, iterations - 1)
  const problem = await gradientFreeProblem(image, autoencoder)
  const residuals = new Map<Tensor, Tensor>()
  const watched: Problem = {
    ...problem,
    async evaluate(latent) {
      const evaluation = await problem.evaluate(latent)
      residuals.set(latent, evaluation.residual)
      return evaluation
    },
  }
  const move = profile.steps === 'fitted' ? fittedSteps(shares) : anderson()
  // The point after the last step is judged by a round trip of its own.
  const solution = yield* solve(watched, move, { iterations: steps + 1, patience, stage: 'automatic' })
  const isRounding = solution.residual <= roundingMargin * roundingNorm(sizeOf(image.shape), levels)
  const why = isRounding ? 'rounding-reached' : steps < profile.roundTrips ? 'budget-spent' : 'nothing-to-gain'
  const first = residuals.get(problem.start)!
  const residualDb = 20 * Math.log10(norm(first) / norm(problem.start))
  /** Moved by as much as the picture's residual is larger than usual. What rounding leaves does not shrink with it. */
  const expectedNmseDb = (errorDb: number) => {
    const moved = Number.isFinite(residualDb) ? errorDb + residualDb - expected.residualNmseDb : errorDb
    return isRounding ? Math.max(moved, errorDb) : moved
  }
  const isStart = solution.value === problem.start
  if (!isStart && !isLikeness(residuals.get(solution.value)!, first, 1)) {
    const encoder = { value: problem.start, residual: solution.history[0]!, outcome: 'exhausted' } as const
    return {
      ...solution,
      ...encoder,
      why: 'nothing-to-gain',
      expectedNmseDb: expectedNmseDb(expected.encoderNmseDb),
    }
  }
  const ownDb = isStart ? undefined : expectedDb[solution.iterations - 1]
  return {
    ...solution,
    outcome: isRounding && solution.outcome === 'exhausted' ? 'converged' : solution.outcome,
    why: isStart && solution.iterations > 0 ? 'encoder-nearer' : why,
    expectedNmseDb: expectedNmseDb(ownDb ?? expected.encoderNmseDb),
  }
}

/** What the profile's gradient steps gained, in dB. */
function gradientGainDb({ steps, roundTrips, expected }: Profile): number {
  const { encoderNmseDb, fittedNmseDb, andersonNmseDb, gradientNmseDb } = expected
  const before = [encoderNmseDb, ...(steps === 'fitted' ? fittedNmseDb : andersonNmseDb)][roundTrips]
  return before === undefined || gradientNmseDb === undefined ? 0 : before - gradientNmseDb
}

/** Anderson's steps end after so many that brought the pixels no nearer. */
const patience = 5
