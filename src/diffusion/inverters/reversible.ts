/** Inversion of solvers that undo themselves: in closed form, exact given the memory that sampling ended with. */
import { define } from '../../core/define.js'
import type { Solution } from '../../iterations/parts/solve.js'
import { isFinite as isFiniteTensor, norm, subtract } from '../../math/tensor.js'
import type { Diffusion, Inverter, Solver, State } from '../diffusion.js'
import { stepped } from '../solver-check.js'
import { checkAccepted, countedDiffusion, noiseNorm, walkBack } from './parts/walk-back.js'

/**
 * Takes each step back with the solver's own `unstep`, then checks that the noise alone leads to where it came from.
 *
 * state[i] = unstep(state[i+1]). A state without memory gets the one that the solver's `recall` guesses. Every step is
 * undone by construction (residual 0) but for the first of the grid: its residual is ‖step(start(x[0])) − state[1]‖,
 * memory included, in units of the noise. Where the memory was the sampler's, that is rounding as the solver amplifies
 * it. Where the memory was guessed, the residual says how far the noise alone is from making this image, and the step
 * is `exhausted`. Rounding that grows out of all bounds is `diverged`, with the last finite state kept. Shapes: any.
 * Cost: the solver's own for each step, one step for the check. Exact given the memory. Errors: `unsupported` for
 * solvers without `unstep`, and theirs. Source: ours; the methods are the solvers'.
 *
 * @example
 * const { states } = await new Task(reversible().invert(sampled.at(-1)!, bdia(), diffusion))
 */
export const reversible = define({
  id: 'reversible',
  title: 'Reversal in closed form',
  source: 'undiffuse; each solver its own',
  also: {
    bdia: 'reversible',
    edict: 'reversible',
    'o-belm': 'reversible',
    belm: 'reversible',
    rex: 'reversible',
  },
  fields: {
    tolerance: {
      type: 'number',
      minimum: 0,
      default: 1e-5,
      description: 'The noise is exact when the check of the first step is at most this share of its noise.',
    },
  },
  make: ({ tolerance }): Inverter => {
    const inverter: Inverter = {
      name: 'reversible',
      accepts: (solver) =>
        solver.unstep ? true : 'Its steps do not undo themselves: use `implicit`, or `sweep` for multistep rules.',
      async *invert(clean, solver, plain) {
        checkAccepted(inverter, solver, plain.grid)
        const { diffusion, evaluations } = countedDiffusion(plain)
        const guessed = clean.memory.length === 0 ? await solver.recall?.(clean.x, diffusion) : undefined
        let state = guessed ?? clean
        let counted = 0
        return yield* walkBack('reversible', state, diffusion, 1, async function* (_, index) {
          const before = await unstepped(state, solver, diffusion)
          const residual = !before
            ? Number.POSITIVE_INFINITY
            : index > 0
              ? 0
              : await check(before, state, solver, diffusion)
          const known = before ?? { ...state, index }
          const outcome: Solution['outcome'] = !before ? 'diverged' : residual <= tolerance ? 'converged' : 'exhausted'
          const spent = evaluations() - counted
          counted += spent
          state = known
          yield { stage: 'reversible', done: counted, residual, latent: state.x }
          const solution = { value: state.x, residual, iterations: 0, evaluations: spent, outcome, history: [residual] }
          return { states: [state], solution }
        })
      },
    }
    return inverter
  },
})

/** Undefined where the state before is not finite. */
async function unstepped(state: State, solver: Solver, diffusion: Diffusion): Promise<State | undefined> {
  const before = await solver.unstep!(state, diffusion)
  return [before.x, ...before.memory].every(isFiniteTensor) ? before : undefined
}

/** How far the noise alone, without the memory that it was found with, leads from the state that it was found from. */
async function check(first: State, second: State, solver: Solver, diffusion: Diffusion): Promise<number> {
  const reached = await stepped(solver, solver.start(first.x), diffusion)
  const apart = [reached.x, ...reached.memory].map((x, k) => norm(subtract(x, [second.x, ...second.memory][k]!)))
  const residual = Math.hypot(...apart) / noiseNorm(diffusion.grid[1]!, first.x)
  return Number.isFinite(residual) ? residual : Number.POSITIVE_INFINITY
}
