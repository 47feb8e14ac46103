/** Sampling: a solver's steps from noise to the clean end, every state kept. */
import { expected } from '../core/errors.js'
import type { Steps } from '../core/progress.js'
import { isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import type { Diffusion, Solver, State, Trajectory } from './diffusion.js'

/**
 * Walks the grid from x at its noisiest level to its clean end.
 *
 * x[i+1], memory[i+1] = step(x[i], memory[i]). Returns grid.length states, the given x first; the last one holds the
 * sample and the memory that undoing it needs. Memory: all states, each one to four tensors of x's size. Cost: the
 * solver's evaluations for each step. x is already at grid[0]: noise times its sigma. Yields progress after each step,
 * with x as `latent`. Errors: `not-finite`, naming the step; what the solver and the denoiser throw; the signal's reason.
 *
 * @example
 * const { states } = await new Task(sample(noise, solver, { grid: solver.grid(schedule), denoise }))
 * const latent = states.at(-1)!.x
 */
export async function* sample(x: Tensor, solver: Solver, diffusion: Diffusion): Steps<Pick<Trajectory, 'states'>> {
  const { grid, signal } = diffusion
  const total = grid.length - 1
  const states: State[] = [solver.start(x)]
  for (let done = 1; done <= total; done++) {
    signal?.throwIfAborted()
    const state = await solver.step(states[done - 1]!, diffusion)
    if (!isFiniteTensor(state.x)) {
      throw expected(
        'not-finite',
        'finite numbers',
        `step ${done} of ${solver.name}`,
        `NaN or infinity at t = ${grid[done]!.t}`,
        'Use more steps, another solver, or less guidance.',
      )
    }
    states.push(state)
    yield { stage: solver.name, done, total, latent: state.x }
  }
  return { states }
}
