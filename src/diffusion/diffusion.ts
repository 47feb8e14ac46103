/**
 * The contracts of sampling and of undoing it: denoisers, states, solvers, inverters.
 * `i` counts levels: 0 is the noisiest; `step` raises it, `unstep` lowers it.
 */
import type { Steps } from '../core/progress.js'
import type { Solution } from '../iterations/parts/solve.js'
import type { Tensor } from '../math/tensor.js'
import type { Grid, NoiseLevel, Schedule } from './level.js'

/** The one currency: the estimate of x₀ given x at a level. Same input, same bits. */
export type Denoiser = (x: Tensor, level: NoiseLevel) => Promise<Tensor>

/** J(x)ᵀ·cotangent of a denoiser: one run of the gradient graph. */
export type DenoiserPullback = (x: Tensor, level: NoiseLevel, cotangent: Tensor) => Promise<Tensor>

/** J(x)·tangent of a denoiser: one run of the gradient graph's own gradient. */
export type DenoiserPushforward = (x: Tensor, level: NoiseLevel, tangent: Tensor) => Promise<Tensor>

/**
 * Where a trajectory stands. `memory` is what the solver remembers besides x: earlier estimates, a twin, an older x.
 */
export interface State {
  readonly index: number
  readonly x: Tensor
  readonly memory: readonly Tensor[]
}

export interface Diffusion {
  readonly grid: Grid
  /** What the grid was taken from: needed only by what goes between its levels. */
  readonly schedule?: Schedule | undefined
  readonly denoise: Denoiser
  /** Present only where a gradient graph can be opened. */
  readonly pullback?: DenoiserPullback
  /** Present only where the gradient graph has a gradient itself. */
  readonly pushforward?: DenoiserPushforward | undefined
}

/** x[i+1] = Σₖ x[k]·x[i−k] + Σₖ denoised[k]·D(x[i−k]): one step of a linear multistep rule. */
export interface Coefficients {
  readonly x: readonly number[]
  readonly denoised: readonly number[]
}

/**
 * A deterministic rule that walks a grid from noise to image.
 *
 * What a solver can do decides how it is inverted: with `unstep`, in closed form, given the memory; with `coefficients`
 * (see multistep.ts) or `step` alone, as an implicit equation.
 */
export interface Solver {
  readonly name: string
  /** Order of accuracy of the whole trajectory. */
  readonly order: number
  /** Network evaluations of one step (the largest, where steps differ). */
  readonly evaluationsPerStep: number
  grid(schedule: Schedule): Grid
  start(x: Tensor): State
  /** index → index + 1, towards the image. */
  step(state: State, diffusion: Diffusion): Promise<State>
  /** index → index − 1. Present only if it undoes `step` exactly, given the memory. */
  unstep?(state: State, diffusion: Diffusion): Promise<State>
  /** The state at the clean end where only x is known: guesses the memory that `unstep` needs. */
  recall?(x: Tensor, diffusion: Diffusion): Promise<State>
  /** The step from `index` as a linear multistep rule; present where every step is one. */
  coefficients?(grid: Grid, index: number): Coefficients
  /** Steps that belong together: at multiples of it no memory is needed. Absent: 1 without memory, else all of them. */
  readonly stride?: number
  /** Whether its step to sigma = 0 keeps x, as x − sigma·velocity does; absent where it leaves the estimate of x₀ alone. */
  readonly keepsToZero?: boolean
  /** The solver whose states this one rounds: what inverters undo in its place. Absent where nothing is rounded. */
  readonly unrounded?: Solver
  /** Why what its steps do is lost, where no inverter can find it; absent where they keep x. */
  readonly lossy?: string
}

/**
 * What restarts of a step's equation found. `not tried`: there were none, and the step does not contract so that they could be
 * spared: it may have several roots.
 */
export interface RootCheck {
  readonly answer: 'unique as far as tried' | 'several roots' | 'none found' | 'not tried'
  /** Different roots, the one that was kept included. */
  readonly found: number
  /** Starts besides the first. */
  readonly tried: number
}

/** How a step was undone. */
export interface StepInversion extends Solution {
  /** What solved it, where the first way did not: `newton-krylov` or `continuation`. */
  readonly by?: string
  /** Present where other roots were looked for, or may be there. */
  readonly roots?: RootCheck
  /** How much the step's fixed-point map drew points together at its worst; 1 and more does not. Absent where it is not known. */
  readonly contraction?: number
}

export interface Trajectory {
  /** One state for each level of the grid, noisiest first. */
  readonly states: readonly State[]
  /** How each step was undone, in the order of `states` (entry i leads from states[i + 1] to states[i]). */
  readonly solutions: readonly StepInversion[]
}

export interface Inverter {
  readonly name: string
  /** Whether this solver can be inverted so; otherwise the reason, for the message of `unsupported`. */
  accepts(solver: Solver, grid: Grid): true | string
  invert(clean: State, solver: Solver, diffusion: Diffusion): Steps<Trajectory>
}
