/**
 * What inverters share that go step by step from the clean end to the noise: the walk, its refusals and its units.
 * How one step is undone is each inverter's own business.
 */
import { expected, isUndiffuseError, type UndiffuseError } from '../../../core/errors.js'
import type { Steps } from '../../../core/progress.js'
import { isFinite as isFiniteTensor, map, norm, sizeOf, type Tensor } from '../../../math/tensor.js'
import type { Denoiser, Diffusion, Inverter, Solver, State, StepInversion, Trajectory } from '../../diffusion.js'
import type { Grid, NoiseLevel } from '../../level.js'
import { interval } from '../../multistep.js'

/** The steps from `index` that were undone together, and how: one state for each, noisiest first. */
export interface Undone {
  readonly states: readonly State[]
  readonly solution: StepInversion
}

/**
 * Undoes a trajectory from its clean end, `stride` steps at a time.
 *
 * `undo` gets the known cleaner x and the index of the noisier level that is wanted. Yields progress after each network
 * evaluation that `undo` reports, counted in steps.
 */
export async function* walkBack(
  stage: string,
  clean: State,
  diffusion: Diffusion,
  stride: number,
  undo: (known: Tensor, index: number, end: number) => Steps<Undone>,
): Steps<Trajectory> {
  const total = clean.index
  const states: State[] = [clean]
  const solutions: StepInversion[] = []
  for (let end = total; end > 0; ) {
    const index = Math.floor((end - 1) / stride) * stride
    const undone = yield* within(undo(states[0]!.x, index, end), { stage, done: total - end, total })
    for (const state of undone.states) checkFinite(stage, state, diffusion.grid)
    states.unshift(...undone.states)
    // Steps undone together tell their evaluations once, so that sums are right.
    solutions.unshift(
      ...undone.states.map((_, k) => (k === 0 ? undone.solution : { ...undone.solution, evaluations: 0 })),
    )
    end = index
    yield { stage, done: total - end, total, residual: undone.solution.residual, latent: states[0]!.x }
  }
  return { states, solutions }
}

/** The progress of a part as progress of the whole. */
export async function* within<T>(
  steps: Steps<T>,
  whole: { readonly stage: string; readonly done: number; readonly total: number },
): Steps<T> {
  while (true) {
    const step = await steps.next()
    if (step.done) return step.value
    yield { ...step.value, ...whole }
  }
}

/** Throws `not-finite` for a state that is not. */
export function checkFinite(stage: string, { index, x }: State, grid: Grid): void {
  if (isFiniteTensor(x)) return
  const got = `NaN or infinity at t = ${grid[index]!.t}`
  throw expected('not-finite', 'finite numbers', `undoing step ${index} by ${stage}`, got, 'Check the denoiser.')
}

/** So many times √(alpha² + sigma²), the deviation that x has where data and noise have 1, are on no trajectory. */
const outOfBounds = 10

const blewUp = (x: Tensor, { alpha, sigma }: NoiseLevel): boolean =>
  !(norm(x) <= outOfBounds * Math.hypot(alpha, sigma) * Math.sqrt(sizeOf(x.shape)))

/**
 * The same denoiser, with NaN for an answer where an iteration that blew up asks it and it has none: that is an outcome.
 * Throws `not-finite` where it has none at an x of a trajectory's size: the network is broken, and nothing follows from it.
 */
const answering =
  (denoise: Denoiser): Denoiser =>
  async (x, level) => {
    const estimate = await denoise(x, level).catch((error: unknown) => {
      if (isUndiffuseError(error) && error.code === 'not-finite' && blewUp(x, level)) return undefined
      throw error
    })
    if (estimate && isFiniteTensor(estimate)) return estimate
    if (blewUp(x, level)) return map(x, () => Number.NaN)
    const remedy = 'Use less guidance or 32 bits; if it stays, the weights are damaged.'
    throw expected('not-finite', 'finite numbers', "the network's answer", `NaN or infinity at t = ${level.t}`, remedy)
  }

/** Throws `unsupported`, with the reason, for a solver that the inverter does not accept. */
export function checkAccepted(inverter: Pick<Inverter, 'name' | 'accepts'>, solver: Solver, grid: Grid): void {
  const answer = inverter.accepts(solver, grid)
  if (answer !== true) throw refused(inverter.name, solver.name, answer)
}

export const refused = (inverter: string, got: string, remedy: string): UndiffuseError =>
  expected('unsupported', 'a solver that it can undo', `\`${inverter}\``, `\`${got}\``, remedy)

/** The reason why a step of this solver on this grid cannot be undone, whatever is tried; undefined where there is none. */
export const whatIsLost = (solver: Pick<Solver, 'lossy' | 'keepsToZero'>, grid: Grid): string | undefined =>
  solver.lossy ??
  (!solver.keepsToZero && grid.some((_, index) => index > 0 && interval(grid, index - 1).to.sigma === 0)
    ? 'Its grid ends at sigma = 0, and that step forgets x. Sample on one that ends above it: `spread=levels,end=cleanest`.'
    : undefined)

/**
 * How many steps form one equation x[i + stride] = F(x[i]) without memory; undefined for solvers that need memory
 * throughout.
 */
export function strideOf(solver: Solver, grid: Grid): number | undefined {
  if (solver.stride !== undefined) return solver.stride
  const { coefficients } = solver
  if (!coefficients) return solver.unstep ? undefined : 1
  const forgetful = grid.slice(1).every((_, index) => {
    const { x, denoised } = coefficients(grid, index)
    return x.length === 1 && denoised.length === 1
  })
  return forgetful ? 1 : undefined
}

/** Why a solver's steps cannot be told as equations x[i + stride] = F(x[i]); undefined where they can. */
export function notImplicit(solver: Solver, grid: Grid): string | undefined {
  const lost = whatIsLost(solver, grid)
  if (lost) return lost
  if (strideOf(solver, grid) !== undefined) return undefined
  return solver.unstep
    ? `Its steps need a memory, and undo themselves: use \`reversible\`${solver.coefficients ? ', or `sweep` where the memory is lost' : ''}.`
    : 'Its steps need the estimates of noisier levels: use `sweep`.'
}

/**
 * The norm of a pure noise of this shape at a level: residuals are told in this unit. At sigma = 0 it is that of an image of
 * deviation 1.
 */
export const noiseNorm = ({ alpha, sigma }: NoiseLevel, { shape }: Tensor): number =>
  (sigma === 0 ? alpha : sigma) * Math.sqrt(sizeOf(shape))

/**
 * The diffusion as inverters ask it: network evaluations are counted, gradients included, and only an x that blew up is
 * answered with NaN.
 */
export function countedDiffusion(plain: Diffusion): { readonly diffusion: Diffusion; evaluations(): number } {
  let count = 0
  const { pullback } = plain
  const denoise = answering(plain.denoise)
  return {
    evaluations: () => count,
    diffusion: {
      ...plain,
      denoise(x, level) {
        count++
        return denoise(x, level)
      },
      ...(pullback && {
        pullback(x, level, cotangent) {
          count++
          return pullback(x, level, cotangent)
        },
      }),
    },
  }
}
