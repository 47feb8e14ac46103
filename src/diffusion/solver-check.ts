/** What a solver of one's own returns, checked where it is used: in code without types it may return anything. */
import { expected } from '../core/errors.js'
import { sizeOf } from '../math/tensor.js'
import type { Diffusion, Solver, State } from './diffusion.js'
import type { Grid, NoiseLevel, Schedule } from './level.js'

const refused = ({ name }: Pick<Solver, 'name'>, what: string, got: string) =>
  expected(
    'bad-option',
    what,
    `the solver \`${name}\``,
    got,
    'Return what a `Solver` does: docs/extending.md, "A solver".',
  )

const isLevel = (level: NoiseLevel) => [level?.t, level?.alpha, level?.sigma].every(Number.isFinite)

/** The grid of a solver. Throws `bad-option` for anything but two levels and more. */
export function gridFor(solver: Solver, schedule: Schedule): Grid {
  const grid: unknown = solver.grid(schedule)
  if (Array.isArray(grid) && grid.length > 1 && grid.every(isLevel)) return grid
  const got = Array.isArray(grid) && grid.length < 2 ? `one of ${grid.length}` : 'another grid'
  throw refused(solver, 'a grid of two levels { t, alpha, sigma, lambda } and more, noisiest first,', got)
}

/** The next state by a solver. Throws `bad-option` for anything but a state of one level on, with x as it was. */
export async function stepped(
  solver: Pick<Solver, 'name' | 'step'>,
  state: State,
  diffusion: Diffusion,
): Promise<State> {
  const next: Partial<State> | undefined = await solver.step(state, diffusion)
  const isNext = next?.index === state.index + 1 && Array.isArray(next.memory)
  if (isNext && next.x?.data?.length === sizeOf(state.x.shape)) return next as State
  const got = next === undefined || next === null ? 'nothing' : 'another one'
  throw refused(solver, `the state { index: ${state.index + 1}, x, memory } of its step`, got)
}
