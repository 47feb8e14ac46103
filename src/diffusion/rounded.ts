/** States that are rounded to bfloat16, as pipelines keep them whose network computes in bfloat16. What is cut off is lost. */
import { fromBfloat16Bits, toBfloat16Bits } from '../math/half.js'
import { combine, norm, type Tensor } from '../math/tensor.js'
import type { Solver, State } from './diffusion.js'

export const toBfloat16 = ({ shape, data }: Tensor): Tensor => ({ shape, data: fromBfloat16Bits(toBfloat16Bits(data)) })

const rounded = ({ x, ...state }: State): State => ({ ...state, x: toBfloat16(x) })

/**
 * The solver with its start and each state rounded to bfloat16.
 *
 * x′ = bfloat16(F(x)). The network itself computes as it does: its own rounding is not emulated. Many x lead to one x′, so that
 * nothing undoes a step: inverters undo F, and `roundingDb` says how near that comes. Source: diffusers, whose flow schedulers
 * cast each state back to the network's type.
 *
 * @example const solver = inBfloat16(model.schedulerSolver)
 */
export const inBfloat16 = (solver: Solver): Solver => ({
  ...solver,
  start: (x) => rounded(solver.start(x)),
  step: async (state, diffusion) => rounded(await solver.step(state, diffusion)),
  unrounded: solver,
})

/**
 * What rounding the states of a way moves the noise by, in dB of its power: 10·log₁₀ Σᵢ ‖xᵢ − bfloat16(xᵢ)‖²/‖xᵢ‖².
 *
 * A first-order estimate: as if the network neither damped nor amplified it. About −56 dB for each state. No evaluations.
 */
export const roundingDb = (states: readonly State[]): number =>
  10 * Math.log10(states.reduce((sum, { x }) => sum + (norm(combine([1, x], [-1, toBfloat16(x)])) / norm(x)) ** 2, 0))
