/**
 * The noise that is most probable given the 8-bit picture: what inversion step by step leaves to be gained where the
 * picture does not tell everything. Needs gradients of both networks; costs hundreds of samplings.
 */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import { define } from '../core/define.js'
import type { Signal, Steps } from '../core/progress.js'
import type { Diffusion, Solver, State } from '../diffusion/diffusion.js'
import { isLinearizable } from '../diffusion/linearized.js'
import { lbfgs } from '../iterations/lbfgs.js'
import { type Solution, solve } from '../iterations/solve.js'
import { combine, dot, subtract, type Tensor, zeros } from '../math/tensor.js'
import { type PictureAt, pictureAt } from './noise-to-picture.js'
import { roundingVariance } from './picture-floor.js'

/** A picture, and everything that is known of how it was made. */
export interface NoiseProblem {
  readonly image: Tensor
  readonly diffusion: Diffusion
  readonly solver: Solver
  readonly autoencoder: Autoencoder
  readonly signal?: Signal | undefined
}

export interface RefinedNoise {
  readonly noise: Tensor
  /** The sampling run of this noise. */
  readonly states: readonly State[]
  /** clip(D(S(n))) of this noise. */
  readonly picture: Tensor
  /** −log of the noise's probability given the picture, up to a constant: at the start and at the end. */
  readonly objective: { readonly before: number; readonly after: number }
  readonly solution: Solution
}

/** What makes a noise that an inversion found a more probable one, or leaves it. */
export interface NoiseRefiner {
  readonly name: string
  /** Whether this solver's run can be differentiated; otherwise the reason. */
  accepts(solver: Solver): true | string
  /** Runs of the guided denoiser, derivatives included, at most. */
  evaluations(steps: number): number
  refine(start: Tensor, problem: NoiseProblem): Steps<RefinedNoise>
}

/**
 * Minimises ‖clip(D(S(n))) − x‖²/(2s²) + ‖n‖²/2 over the noise n, s² = (2/255)²/12: the maximum a posteriori.
 *
 * L-BFGS in u with n = n₀ + K·u: n₀ is the start and K nearly the inverse of the sampler's Jacobian there, so that u is
 * as well conditioned as a latent. ∇ = Kᵀ(Jᵀ(clip(D(S(n))) − x)/s² + n), J by pullbacks through every step. Returns the
 * evaluated noise with the smallest objective, the start included: never one less probable. Directions that the picture does
 * not determine go to the prior. Cost: for each of `iterations` a sampling and its pullback, a pushforward and a pullback
 * more for K, a decode and its gradient. Exact: no; see `pictureFloor` for the error to expect.
 * Errors: `unsupported` for solvers or networks without derivatives; those of sampling.
 * Source: MacKay, Information Theory, 2003, chapter 27; Nocedal and Wright, Numerical Optimization, 2006. The preconditioner
 * is ours.
 *
 * @example const { noise } = await invert({ image }, { model, prompt, solver, refine: mostProbable({ iterations: 30 }) })
 */
export const mostProbable = define({
  id: 'most-probable',
  title: 'Most probable noise (MAP)',
  source: 'Ours; MacKay 2003',
  fields: {
    iterations: { type: 'integer', minimum: 1, default: 40, unit: 'gradients', description: 'Budget.' },
    window: { type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'Differences that are remembered.' },
  },
  make: ({ iterations, window }): NoiseRefiner => ({
    name: 'most-probable',
    accepts: isLinearizable,
    evaluations: (steps) => 4 * steps * iterations,
    async *refine(start, { image, ...map }) {
      const at = yield* pictureAt(start, map)
      const { nearlyInverse } = at
      let best = { at, objective: objectiveOf(at, image) }
      const before = best.objective
      const problem = {
        start: zeros(start.shape),
        async evaluate(u: Tensor) {
          const point = await quietly(pictureAt(combine([1, start], [1, await nearlyInverse.forward(u)]), map))
          const objective = objectiveOf(point, image)
          if (objective < best.objective) best = { at: point, objective }
          const misfit = await point.pullback(subtract(point.picture, image))
          const gradient = combine([1 / roundingVariance, misfit], [1, point.noise])
          return { residual: await nearlyInverse.back(gradient), merit: objective }
        },
      }
      const solution = yield* solve(problem, lbfgs({ window }), {
        iterations,
        stage: 'most probable noise',
        signal: map.signal,
      })
      const { noise, states, picture } = best.at
      return { noise, states, picture, objective: { before, after: best.objective }, solution }
    },
  }),
})

/** ‖p − x‖²/(2s²) + ‖n‖²/2. */
function objectiveOf({ picture, noise }: PictureAt, image: Tensor): number {
  const misfit = subtract(picture, image)
  return dot(misfit, misfit) / (2 * roundingVariance) + dot(noise, noise) / 2
}

/** The result of steps whose progress is a part of another's. */
async function quietly<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = await steps.next()
    if (step.done) return step.value
  }
}
