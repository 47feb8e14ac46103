/**
 * Anderson acceleration that forgets nothing: for problems whose slope points both ways, where a short window stalls.
 * Not for a first attempt: its memory and its arithmetic grow with every evaluation.
 */
import { combine, dot, norm, subtract, type Tensor } from '../math/tensor.js'
import type { Difference } from './differences.js'
import type { Iteration } from './solve.js'

export interface MultisecantOptions {
  /** A move along what was learned is at most this many times as long as the best residual. Default 5. */
  readonly reach?: number
  /** A merit above this multiple of the best one seen makes the next move start from there. Default 2. */
  readonly growth?: number
}

/** A change of which less than this is new, relative to its size, is dependent on the others up to float32. */
const dependent = 1e-6

/**
 * Moves to where the residual would vanish if every difference seen so far held: GMRES without restarts, on a problem
 * that is not linear.
 *
 * With pairs (sᵢ, cᵢ) of moves and changes, cᵢ orthonormal: next = x − t·Σ ⟨cᵢ, r⟩·sᵢ − (r − Σ ⟨cᵢ, r⟩·cᵢ), t at most 1 and
 * such that the first part is at most `reach`·‖r_best‖ long. Each new difference joins as it is after the older ones are
 * taken out, so an update costs 6·k combinations after k evaluations. Memory: 2·k points. Where the slope at the
 * solution has eigenvalues on the wrong side, GMRES itself needs many: on two steps of a guided UNet with 1024 unknowns,
 * 160 evaluations for a hundredth of the residual with 35 of them, over 400 with 115.
 * Source: Fang and Saad, "Two classes of multisecant methods", 2009 (type II, all kept); the bound on the move is ours.
 *
 * @example solve({ ...problem, start: stalled.value }, multisecant(), { iterations: 400, tolerance: 1e-5 })
 */
export const multisecant = ({ reach = 5, growth = 2 }: MultisecantOptions = {}): Iteration => ({
  name: 'multisecant',
  start: () => {
    const learned: Difference[] = []
    let last: { readonly x: Tensor; readonly residual: Tensor } | undefined
    let best: { readonly x: Tensor; readonly residual: Tensor; readonly merit: number } | undefined
    return (x, residual, merit) => {
      if (last) learn(learned, { step: subtract(x, last.x), change: subtract(residual, last.residual) })
      last = { x, residual }
      if (!best || merit < best.merit) best = { x, residual, merit }
      const base = merit > growth * best.merit ? best : last
      let move = combine([0, x])
      let rest = base.residual
      for (const { step, change } of learned) {
        const share = dot(change, rest)
        move = combine([1, move], [share, step])
        rest = combine([1, rest], [-share, change])
      }
      const length = norm(move)
      const bound = reach * norm(best.residual)
      return combine([1, base.x], [length > bound ? -bound / length : -1, move], [-1, rest])
    }
  },
})

/** Adds a difference, less what the known ones say of it; one that says nothing new is left out. */
function learn(learned: Difference[], { step, change }: Difference): void {
  const whole = norm(change)
  // Twice is enough: the second pass removes what rounding left of the first.
  for (const known of [...learned, ...learned]) {
    const share = dot(known.change, change)
    step = combine([1, step], [-share, known.step])
    change = combine([1, change], [-share, known.change])
  }
  const size = norm(change)
  if (size > dependent * whole) learned.push({ step: combine([1 / size, step]), change: combine([1 / size, change]) })
}
