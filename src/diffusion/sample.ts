/** Sampling: a solver's steps from noise to the clean end, every state kept. */
import { expected } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import type { Diffusion, Solver, State, Trajectory } from './diffusion.js'
import { stepped } from './solver-check.js'

/**
 * Walks the grid from noise, or from any state of a trajectory, to its clean end.
 *
 * x[i+1], memory[i+1] = step(x[i], memory[i]). Returns the states from the start on, grid.length of them from noise;
 * the last holds the sample and the memory that undoing it needs. Memory: all states, each of one to five tensors of
 * x's size. Cost: the solver's evaluations for each step. A given x is already at grid[0]: noise times its sigma.
 * Yields progress after each step, with x as `latent`. Errors: `not-finite`, naming the step; what the solver and the
 * denoiser throw.
 *
 * @example
 * const { states } = await new Task(sample(noise, solver, { grid: solver.grid(schedule), denoise }))
 * const latent = states.at(-1)!.x
 */
export async function* sample(
  from: Tensor | State,
  solver: Solver,
  diffusion: Diffusion,
): Steps<Pick<Trajectory, 'states'>> {
  const { grid } = diffusion
  const total = grid.length - 1
  let state = 'index' in from ? from : solver.start(from)
  const states = [state]
  while (state.index < total) {
    state = await stepped(solver, state, diffusion)
    if (!isFiniteTensor(state.x)) {
      throw expected(
        'not-finite',
        'finite numbers',
        `step ${state.index} of ${solver.name}`,
        `NaN or infinity at t = ${grid[state.index]!.t}`,
        'Use more steps, another solver, or less guidance.',
      )
    }
    states.push(state)
    yield { stage: solver.name, done: state.index, total, latent: state.x }
  }
  return { states }
}
