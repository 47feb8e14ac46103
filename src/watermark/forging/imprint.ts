/**
 * Imprinting: a picture is changed, little by little, until its inverted noise is one that was read from a marked picture
 * (forgery), or the opposite of its own (removal). Needs one marked picture and any model whose latents are alike; not the
 * key, nor the detector. Not in the list of attacks: it has a target.
 */
import { expected } from '../../core/errors.js'
import type { OptionNames } from '../../core/option-names.js'
import type { Signal, Steps } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import type { DenoiserPullback, Diffusion, Solver } from '../../diffusion/diffusion.js'
import { whatIsLost } from '../../diffusion/inverters/parts/walk-back.js'
import { firstOrderMove, firstOrderStep } from '../../diffusion/multistep.js'
import { adam } from '../../iterations/adam.js'
import { type Problem, type Solution, solve } from '../../iterations/parts/solve.js'
import { checkTensor, combine, dot, formatShape, sameShape, sizeOf, type Tensor } from '../../math/tensor.js'
import type { DiffusionModel } from '../../model/model.js'
import { unanswered } from '../../model/questions.js'
import { checkVerbOptions } from '../../model/verb-options.js'
import { autoencoderOf } from '../../model/views.js'
import { round8 } from '../../pictures/pixels.js'
import { fromNoise, promptedDenoiser, toNoise } from '../../verbs/sampling.js'

export interface ImprintOptions {
  /** The attacker's. */
  readonly model: DiffusionModel
  /** Of unit variance, in a latent's shape: what the picture's noise shall become. */
  readonly target: Tensor
  /** Whose grid the inversion walks. Default: the one that the model's scheduler names. */
  readonly solver?: Solver | undefined
  /** Budget, each an inversion and its gradient. Default 150. */
  readonly iterations?: number | undefined
  /** Learning rate of Adam, in units of the latent. Default 0.01. */
  readonly rate?: number | undefined
  /** Ends when the mean squared distance of the noise is at most this. Default: the budget alone ends it. */
  readonly enough?: number | undefined
  readonly signal?: Signal | undefined
}

export interface Imprinted {
  /** D(latent), rounded to 8 bits. */
  readonly image: Tensor
  readonly latent: Tensor
  /** What the attacker's inversion finds in `latent`, of unit variance. */
  readonly noise: Tensor
  /** `residual` and `history` are mean squared distances of the noise from the target. */
  readonly solution: Solution
}

/**
 * Changes a picture until its noise is the target.
 *
 * min over z of mean (I(z) − target)², from z = E(x): I is naive inversion with an empty prompt, x[i] = (σ/σ′)·x[i+1] +
 * (α − α′·σ/σ′)·D(x[i+1]) told the cleaner level; its gradient is walked back step by step, g[i+1] = (σ/σ′)·g[i] + (α −
 * α′·σ/σ′)·Jᵀg[i]; Adam. To forge, the target is the noise that the attacker's inversion reads from a marked picture; to
 * remove, x is the marked picture and the target its noise times −1. Shapes: x 3 × height × width; target as a latent.
 * Memory: an inversion's states. Cost: one evaluation and one gradient for each step of the grid, for each iteration, and
 * an encode and a decode. Not exact: the further the noise comes, the further the picture goes; it stops at the budget or at
 * `enough`. Errors: `bad-shape` for a target of another size, `unsupported` for a grid that ends at sigma = 0, those of
 * the model, and the signal's reason.
 * Source: Müller et al., CVPR 2025 ("Black-box forgery attacks on semantic watermarks"), Imprint-Forgery and Imprint-
 * Removal, with its constants. Deviations: the best latent instead of the last; no mask. Its third attack, reprompting, is
 * `invert` and then `generate` with the noise and another prompt.
 *
 * @example
 * const { noise } = await invert({ image: watermarked }, { model, solver, inverter: naive() })
 * const forged = await imprintNoise(image, { model, target: noise, solver, iterations: 20 })
 */
export const imprintNoise = (image: Tensor, options: ImprintOptions): Task<Imprinted> =>
  new Task(imprinting(image, options), options?.signal)

const names: OptionNames<ImprintOptions> = {
  model: true,
  target: true,
  solver: true,
  iterations: true,
  rate: true,
  enough: true,
  signal: true,
}

async function* imprinting(image: Tensor, options: ImprintOptions): Steps<Imprinted> {
  checkVerbOptions(options, names, 'imprintNoise')
  checkTensor(image, 'the picture of `imprintNoise`')
  checkTensor(options.target, '`target`')
  const { model, target, solver = model.solver, iterations = 150, rate = 0.01, enough, signal } = options
  const grid = solver.grid(model.schedule(model.layout.latentShape(image.shape)))
  const reason = whatIsLost(solver, grid)
  if (reason) throw expected('unsupported', 'a grid that can be walked back', '`imprintNoise`', solver.name, reason)
  const autoencoder = autoencoderOf(model, signal)
  const start = await autoencoder.encode(image)
  if (!sameShape(target.shape, start.shape)) {
    const [wanted, got] = [`a target of shape ${formatShape(start.shape)}`, formatShape(target.shape)]
    throw expected('bad-shape', wanted, '`imprintNoise`', got, 'Read it from a picture of the same size.')
  }
  const { denoise, pullback } = await promptedDenoiser(model, { guidance: 1 }, signal)
  if (!pullback) throw unanswered(model.name, 'pullback')
  const { problem, reached } = noiseProblem(start, fromNoise(target, grid), { grid, denoise, pullback })
  const solution = yield* solve(problem, adam({ rate }), {
    iterations,
    sufficientMerit: enough,
    stage: 'imprint',
  })
  const decoded = await autoencoder.decode(solution.value)
  return { image: round8(decoded), latent: solution.value, noise: toNoise(reached(solution.value), grid), solution }
}

/** mean (I(z) − target)² and its gradient; and I of the points that were looked at. */
export function noiseProblem(
  start: Tensor,
  target: Tensor,
  { grid, denoise, pullback }: Diffusion & { readonly pullback: DenoiserPullback },
): { readonly problem: Problem; reached(latent: Tensor): Tensor } {
  const noises = new WeakMap<Tensor, Tensor>()
  const problem: Problem = {
    start,
    async evaluate(latent) {
      // states[i] lies at grid[i]: the noise is the first.
      const states = [latent]
      for (let i = grid.length - 1; i > 0; i--) {
        const [x] = states as [Tensor]
        states.unshift(firstOrderMove(x, await denoise(x, grid[i]!), grid[i]!, grid[i - 1]!))
      }
      noises.set(latent, states[0]!)
      const apart = combine([1, states[0]!], [-1, target])
      const count = sizeOf(apart.shape)
      let gradient = combine([2 / count, apart])
      for (let i = 1; i < grid.length; i++) {
        const rule = firstOrderStep(grid[i]!, grid[i - 1]!)
        const pulled = await pullback(states[i]!, grid[i]!, gradient)
        gradient = combine([rule.x[0]!, gradient], [rule.denoised[0]!, pulled])
      }
      return { residual: gradient, merit: dot(apart, apart) / count }
    },
  }
  return { problem, reached: (latent) => noises.get(latent)! }
}
