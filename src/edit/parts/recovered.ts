/** The trajectory that leads to a latent under the source's prompt: known, or found by an inverter. */
import type { Steps } from '../../core/progress.js'
import type { Inverter, Solver } from '../../diffusion/diffusion.js'
import { gridFor } from '../../diffusion/solver-check.js'
import type { Tensor } from '../../math/tensor.js'
import { inversion } from '../../verbs/invert.js'
import { lastStates } from './blending.js'
import type { EditProblem, LatentEdit } from './edit-method.js'

export type Recovered = Pick<LatentEdit, 'trajectory' | 'grid' | 'exact' | 'outcome'>

/**
 * Undoes the solver's steps under the source's prompt. Takes the last states of a trajectory that is known instead, where
 * they are what would be found: made with the guidance that is asked for, and starting without a memory that a shorter grid
 * has no levels for.
 */
export async function* recovered(
  latent: Tensor,
  problem: EditProblem,
  {
    solver,
    inverter,
    guidance = problem.guidance,
  }: {
    readonly solver: Solver
    readonly inverter: Inverter
    readonly guidance?: number
  },
): Steps<Recovered> {
  const { model, from: prompt, negativePrompt, trueGuidance, known, signal } = problem
  const grid = gridFor(solver, problem.schedule)
  if (known && guidance === problem.guidance) {
    const trajectory = lastStates(known, grid.length)
    if (grid.length === known.length || trajectory[0]!.memory.length === 0) {
      return { trajectory, grid, exact: 'given-latent', outcome: 'converged' }
    }
  }
  const told = { model, prompt, negativePrompt, guidance, trueGuidance }
  const found = yield* inversion({ latent }, { ...told, solver, inverter, signal })
  return { trajectory: found.states, grid, exact: found.exact, outcome: found.outcome }
}

/** Pairs of reversible solvers lead back to where they came from, whatever the memory was that they were found with. */
export const fromPair = (source: Recovered): Recovered =>
  source.outcome === 'diverged' ? source : { ...source, exact: 'given-latent', outcome: 'converged' }
