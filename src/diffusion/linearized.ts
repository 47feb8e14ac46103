/**
 * The derivative of a whole sampling run, noise to clean end, along its trajectory and back: what gradients through a
 * sampler are made of. Not how the denoiser's own derivatives are found.
 */
import { expected } from '../core/errors.js'
import { combine, type Tensor, zeros } from '../math/tensor.js'
import type { Coefficients, Diffusion, Solver, State } from './diffusion.js'

/** J = ∂(x at the clean end)/∂(x at the noisy end) as what it does to vectors; each asks the network once a step. */
export interface LinearizedSampler {
  /** J·tangent. */
  pushforward(tangent: Tensor): Promise<Tensor>
  /** Jᵀ·cotangent. */
  pullback(cotangent: Tensor): Promise<Tensor>
}

/**
 * Differentiates the sampling run that went through `states`, for solvers whose steps are linear multistep rules.
 *
 * With x[i+1] = Σₖ a[k]·x[i−k] + Σₖ b[k]·D(x[i−k]) and J[i] = ∂D/∂x at x[i]: forwards t[i+1] = Σₖ a[k]·t[i−k] + Σₖ
 * b[k]·J[i−k]·t[i−k]; back, from the last step to the first, the transposed of it. Exact given the derivatives of the
 * denoiser. Cost: one pushforward, or one pullback, of the guided denoiser a step. Memory: two tensors a step.
 * Errors: `unsupported` for solvers that ask the network inside a step, and for denoisers without derivatives.
 * Source: Griewank and Walther, Evaluating Derivatives (2008), sections 3.1 and 3.2.
 *
 * @example
 * const { states } = await new Task(sample(noise, solver, diffusion))
 * const gradient = await linearized(states, solver, diffusion).pullback(cotangent)
 */
export function linearized(
  states: readonly State[],
  solver: Solver,
  { grid, pushforward, pullback }: Diffusion,
): LinearizedSampler {
  const rules = rulesOf(solver, grid)
  return {
    async pushforward(tangent) {
      if (!pushforward) throw withoutDerivative('forwards')
      const tangents = [tangent]
      const estimates: Tensor[] = []
      for (const [i, { x, denoised }] of rules.entries()) {
        estimates.push(await pushforward(states[i]!.x, grid[i]!, tangents[i]!))
        tangents.push(combine(...terms(x, tangents, i), ...terms(denoised, estimates, i)))
      }
      return tangents.at(-1)!
    },
    async pullback(cotangent) {
      if (!pullback) throw withoutDerivative('back')
      const zero = zeros(cotangent.shape)
      const ofStates: Tensor[] = rules.map(() => zero)
      const ofEstimates: Tensor[] = rules.map(() => zero)
      let reached = cotangent
      for (const [i, { x, denoised }] of [...rules.entries()].reverse()) {
        spread(x, reached, ofStates, i)
        spread(denoised, reached, ofEstimates, i)
        // Later steps have said what they want of this estimate; earlier ones do not know it.
        reached = combine([1, ofStates[i]!], [1, await pullback(states[i]!.x, grid[i]!, ofEstimates[i]!)])
      }
      return reached
    },
  }
}

/** Whether the steps of a solver can be differentiated; otherwise the reason. */
export const isLinearizable = ({ coefficients, name }: Solver): true | string =>
  coefficients !== undefined || `\`${name}\` asks the network inside its steps: use \`ddim\` or a multistep solver.`

function rulesOf(solver: Solver, grid: Diffusion['grid']): readonly Coefficients[] {
  const answer = isLinearizable(solver)
  if (answer === true) return grid.slice(1).map((_, i) => solver.coefficients!(grid, i))
  throw expected('unsupported', 'a linear multistep rule', 'the derivative of a sampler', `\`${solver.name}\``, answer)
}

/** What a rule makes of the newest tensors, the one of `index` first. */
const terms = (weights: readonly number[], tensors: readonly Tensor[], index: number) =>
  weights.flatMap((weight, k) => (weight === 0 ? [] : [[weight, tensors[index - k]!] as const]))

/** The transposed of `terms`: each of the newest gets its weight's share. */
function spread(weights: readonly number[], cotangent: Tensor, into: Tensor[], index: number): void {
  weights.forEach((weight, k) => {
    if (weight !== 0) into[index - k] = combine([1, into[index - k]!], [weight, cotangent])
  })
}

const withoutDerivative = (direction: string) =>
  expected(
    'unsupported',
    'a denoiser with derivatives',
    `the derivative of a sampler ${direction}`,
    'one without',
    'Use a model whose graph is known, in 32 bits.',
  )
