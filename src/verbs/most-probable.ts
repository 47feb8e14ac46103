/**
 * The noise that is most probable given the 8-bit picture: what inversion step by step leaves to be gained where the
 * picture does not tell everything. Needs gradients of both networks; costs hundreds of samplings.
 */
import type { Autoencoder } from '../autoencoder/autoencoder.js'
import { define } from '../core/define.js'
import type { Steps } from '../core/progress.js'
import type { Diffusion, Solver, State } from '../diffusion/diffusion.js'
import { implicit } from '../diffusion/inverters/implicit.js'
import { isLinearizable } from '../diffusion/linearized.js'
import { conjugateGradients } from '../iterations/linear/conjugate-gradients.js'
import type { Outcome } from '../iterations/parts/solve.js'
import { combine, dot, sizeOf, subtract, type Tensor } from '../math/tensor.js'
import { type PictureAt, pictureAt, posteriorPrecision, variance8 } from './noise-to-picture.js'
import { toNoise } from './sampling.js'

/** A picture, and everything that is known of how it was made. */
export interface NoiseProblem {
  readonly image: Tensor
  readonly diffusion: Diffusion
  readonly solver: Solver
  readonly autoencoder: Autoencoder
}

export interface RefinedNoise {
  readonly noise: Tensor
  /** The sampling run of this noise. */
  readonly states: readonly State[]
  /** clip(D(S(n))) of this noise. */
  readonly picture: Tensor
  /** −log of the noise's probability given the picture, up to a constant: at the start and at the end. */
  readonly objective: { readonly before: number; readonly after: number }
  /** The objective at the start and after each round. */
  readonly history: readonly number[]
  readonly outcome: Outcome
}

/** What makes a noise that an inversion found a more probable one, or leaves it. */
export interface NoiseRefiner {
  readonly name: string
  /** Whether this solver's run can be differentiated; otherwise the reason. */
  accepts(solver: Solver): true | string
  /** Runs of the guided denoiser for so many steps, derivatives included, at most. */
  evaluations(steps: number): number
  refine(start: Tensor, problem: NoiseProblem): Steps<RefinedNoise>
}

/** Lengths of a direction that are tried before it is given up. */
const lengths = [1, 0.5, 0.25, 0.125]
/** Budget of each step of an inversion along the curve: it starts near a solution. */
const inversionEvaluations = 20

/**
 * Minimises ‖clip(D(S(n))) − x‖²/(2s²) + ‖n‖²/2 over the noise n, s² = (2/255)²/12: the maximum a posteriori.
 *
 * Gauss–Newton: each round solves (JᵀJ/s² + I)·d = −g, g = Jᵀ(clip(D(S(n))) − x)/s² + n, by conjugate gradients that are
 * preconditioned with a nearly inverse sampler. It takes the longest of d, d/2, d/4, d/8 that lowers the objective: never
 * a noise that is less probable. Directions that the picture does not determine go to the prior. Noises that make nearly
 * one picture lie on a bent surface, and a straight step leaves it. So each length is tried on the curve
 * S⁻¹(S(n) + length·J_S·d) too, by `implicit`; the more probable noise is taken. −gᵀd is the squared distance from
 * the optimum in units of the posterior's deviation; it has converged where that is `tolerance` of the noise's numbers, what
 * the posterior itself has on average. Cost: for each of `products` two pushforwards and two pullbacks of a sampling, and
 * nine of the decoder; a few samplings and inversions a round. Exact: no; see `pictureFloor` for the error to expect.
 * Errors: `unsupported` for solvers or networks without derivatives; those of sampling.
 * Source: MacKay, Information Theory, 2003, chapter 27; Nocedal and Wright, Numerical Optimization, 2006, section 10.3. The
 * preconditioner is ours.
 *
 * @example const { noise } = await invert({ image }, { model, prompt, solver, refine: mostProbable({ rounds: 2 }) })
 */
export const mostProbable = define({
  id: 'most-probable',
  title: 'Most probable noise (MAP)',
  source: 'Ours; MacKay 2003',
  fields: {
    rounds: { type: 'integer', minimum: 1, default: 3, description: 'Linearisations, at most.' },
    products: { type: 'integer', minimum: 1, default: 40, description: 'With JᵀJ in each round, at most.' },
    tolerance: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 0.001,
      description: "Squared distance from the optimum that is near enough, as a share of the posterior's own.",
    },
  },
  make: ({ rounds, products, tolerance }): NoiseRefiner => ({
    name: 'most-probable',
    accepts: isLinearizable,
    evaluations: (steps) => steps * rounds * (4 * products + 2 + lengths.length * (2 + inversionEvaluations)),
    async *refine(start, { image, ...map }) {
      const count = sizeOf(start.shape)
      let best = { at: yield* pictureAt(start, map), objective: 0 }
      best.objective = objectiveOf(best.at, image)
      const history = [best.objective]
      const finish = (outcome: Outcome): RefinedNoise => {
        const { noise, states, picture } = best.at
        return { noise, states, picture, objective: { before: history[0]!, after: best.objective }, history, outcome }
      }
      for (let round = 1; round <= rounds; round++) {
        const { at } = best
        const misfit = await at.pullback(subtract(at.picture, image))
        const right = combine([-1 / variance8, misfit], [-1, at.noise])
        const {
          value: direction,
          energy,
          outcome,
        } = yield* conjugateGradients(
          { ...posteriorPrecision(at), right },
          {
            iterations: products,
            tolerance: 0,
            absoluteTolerance: tolerance * count,
            stage: `most probable noise, round ${round} of ${rounds}`,
          },
        )
        if (energy <= tolerance * count) return finish(outcome)
        const lower = yield* firstLower(at, direction, best.objective, { image, ...map })
        if (!lower) return finish('exhausted')
        best = lower
        history.push(best.objective)
      }
      return finish('exhausted')
    },
  }),
})

interface Evaluated {
  readonly at: PictureAt
  objective: number
}

/** The longest step along a direction that lowers the objective, straight or curved; undefined where none does. */
async function* firstLower(
  at: PictureAt,
  direction: Tensor,
  objective: number,
  { image, ...map }: NoiseProblem,
): Steps<Evaluated | undefined> {
  const curve = await curveOf(at, direction, map)
  for (const length of lengths) {
    const noises = [combine([1, at.noise], [length, direction]), ...(curve ? [yield* curve(length)] : [])]
    let lowest: Evaluated | undefined
    for (const noise of noises) {
      const there = yield* pictureAt(noise, map)
      const reached = objectiveOf(there, image)
      if (reached < (lowest?.objective ?? objective)) lowest = { at: there, objective: reached }
    }
    if (lowest) return lowest
  }
  return undefined
}

/** length ↦ S⁻¹(S(n) + length·J_S·d), where the solver's steps can be undone one by one. */
async function curveOf(
  { latent, sampler }: PictureAt,
  direction: Tensor,
  { solver, diffusion }: Omit<NoiseProblem, 'image'>,
): Promise<((length: number) => Steps<Tensor>) | undefined> {
  const { grid } = diffusion
  const inverter = implicit({ iterations: inversionEvaluations })
  if (inverter.accepts(solver, grid) !== true) return undefined
  const tangent = await sampler.pushforward(direction)
  return async function* (length) {
    const clean = { index: grid.length - 1, x: combine([1, latent], [length, tangent]), memory: [] }
    const { states } = yield* inverter.invert(clean, solver, diffusion)
    return toNoise(states[0]!.x, grid)
  }
}

/** ‖p − x‖²/(2s²) + ‖n‖²/2. */
function objectiveOf({ picture, noise }: PictureAt, image: Tensor): number {
  const misfit = subtract(picture, image)
  return dot(misfit, misfit) / (2 * variance8) + dot(noise, noise) / 2
}
