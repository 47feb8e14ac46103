/**
 * Turns the coefficients of a linear multistep rule into a Solver. The shape of the coefficients decides what can be
 * undone: with two x's and one D there is `unstep`. Not for samplers that ask the network inside a step.
 */
import { expected } from '../core/errors.js'
import { combine, type Tensor } from '../math/tensor.js'
import type { Coefficients, Diffusion, Solver, State } from './diffusion.js'
import { type Grid, type Leap, type NoiseLevel, noImage, type Schedule } from './level.js'

export interface MultistepOptions {
  readonly name: string
  readonly order: number
  /** How many older x's and older estimates the rule looks back at, at most. */
  readonly past: { readonly x: number; readonly denoised: number }
  readonly stride?: number
  grid(schedule: Schedule): Grid
  coefficients(grid: Grid, index: number): Coefficients
}

/**
 * A solver from the rule x[i+1] = Σₖ x[k]·x[i−k] + Σₖ denoised[k]·D(x[i−k]).
 *
 * One evaluation a step. Memory: the older x's, newest first, then the older estimates, newest first. A rule that looks
 * back at one older x and at no older estimate gets `unstep`, the same rule solved for the oldest x: x[i−1] = (x[i+1] −
 * x[0]·x[i] − denoised[0]·D(x[i])) / x[1], exact given the memory, one evaluation; and `recall`, which guesses the
 * older x by one first-order step back from x. `unstep` throws `unsupported` where x[1] is 0.
 * Source: ours, after BELM (Wang et al., NeurIPS 2024) for the two-step family.
 *
 * @example multistep({ name: 'ddim', order: 1, past: { x: 0, denoised: 0 }, grid, coefficients: firstOrderStep })
 */
export function multistep(options: MultistepOptions): Solver {
  const { past, coefficients, stride } = options
  const reversible = past.x === 1 && past.denoised === 0
  return {
    name: options.name,
    order: options.order,
    evaluationsPerStep: 1,
    ...(stride !== undefined && { stride }),
    grid: options.grid,
    coefficients,
    start: (x) => ({ index: 0, x, memory: [] }),
    async step({ index, x, memory }, { grid, denoise }) {
      interval(grid, index)
      const rule = coefficients(grid, index)
      // Steps that belong together forget what was before them.
      const age = stride === undefined ? index : index % stride
      const count = Math.min(age, past.x)
      const kept = age === 0 ? [] : memory
      const states = [x, ...kept.slice(0, count)]
      const estimates = [await denoise(x, grid[index]!), ...kept.slice(count)]
      return {
        index: index + 1,
        x: combine(...terms(rule.x, states, index), ...terms(rule.denoised, estimates, index)),
        memory: [...states.slice(0, past.x), ...estimates.slice(0, past.denoised)],
      }
    },
    ...(reversible && {
      unstep: (state: State, diffusion: Diffusion) => unstepTwoStep(coefficients, state, diffusion),
      recall: recallOlder,
    }),
  }
}

/** The weighted tensors of a rule; what has no weight may be missing. */
function terms(weights: readonly number[], tensors: readonly Tensor[], index: number): (readonly [number, Tensor])[] {
  return weights.flatMap((weight, k) => {
    const x = tensors[k]
    if (weight === 0) return []
    if (x === undefined) throw noMemory(index)
    return [[weight, x] as const]
  })
}

async function unstepTwoStep(
  coefficients: MultistepOptions['coefficients'],
  { index, x: newest, memory: [x] }: State,
  { grid, denoise }: Diffusion,
): Promise<State> {
  if (index === 0) throw noStepBefore()
  if (x === undefined) throw noMemory(index)
  if (index === 1) return { index: 0, x, memory: [] }
  const rule = coefficients(grid, index - 1)
  const oldest = rule.x[1] ?? 0
  if (oldest === 0) throw noImage(`undoing step ${index - 1}`, grid[index - 2]!)
  const denoised = await denoise(x, grid[index - 1]!)
  const older = combine([1 / oldest, newest], [-rule.x[0]! / oldest, x], [-rule.denoised[0]! / oldest, denoised])
  return { index: index - 1, x, memory: [older] }
}

/** x[N−1] ≈ the first-order step back from x[N]: what BDIA does with a picture (Zhang et al., ECCV 2024). */
export async function recallOlder(x: Tensor, { grid, denoise }: Diffusion): Promise<State> {
  const index = grid.length - 1
  const [clean, noisier] = [grid[index]!, grid[index - 1]!]
  if (clean.sigma === 0) throw cannotUndo(grid, index)
  return { index, x, memory: [firstOrderMove(x, await denoise(x, clean), clean, noisier)] }
}

/**
 * The first-order step from any level to any other: x′ = (σ′/σ)·x + (α′ − α·σ′/σ)·D(x).
 *
 * DDIM, DPM-Solver-1, DPM-Solver++-1, Euler of the probability flow in σ/α and flow Euler are all this. Written with
 * ratios: σ′ = 0 and α = 0 need no special case; σ = 0 has no such step.
 */
export function firstOrderStep(from: NoiseLevel, to: NoiseLevel): Coefficients {
  const ratio = to.sigma / from.sigma
  return { x: [ratio], denoised: [to.alpha - from.alpha * ratio] }
}

/** The solver that takes first-order steps along a grid: what DDIM, DPM-Solver-1 and Euler share. */
export const firstOrderSolver = (name: string, grid: MultistepOptions['grid']): Solver =>
  multistep({
    name,
    order: 1,
    past: { x: 0, denoised: 0 },
    grid,
    coefficients: (levels, index) => {
      const { from, to } = interval(levels, index)
      return firstOrderStep(from, to)
    },
  })

/** The first-order step with the estimate in hand. */
export function firstOrderMove(x: Tensor, denoised: Tensor, from: NoiseLevel, to: NoiseLevel): Tensor {
  const rule = firstOrderStep(from, to)
  return combine([rule.x[0]!, x], [rule.denoised[0]!, denoised])
}

/**
 * The levels at the ends of the step from `index`: neighbours of the grid, but where a level says otherwise. Throws `bad-option` where the grid has no such
 * step.
 */
export function interval(grid: Grid, index: number): Leap {
  const [from, to] = [grid[index], grid[index + 1]]
  if (from && to) return from.step ?? { from, to }
  throw expected(
    'bad-option',
    `a state from 0 to ${grid.length - 2}`,
    'a step',
    `index ${index}`,
    'The trajectory has come to its end.',
  )
}

/** What a reversible solver throws for a step that destroys what it would need. */
export const cannotUndo = (grid: Grid, index: number) =>
  expected(
    'unsupported',
    'a step to a positive sigma',
    `undoing step ${index - 1}`,
    `sigma ${grid[index]!.sigma}`,
    'End the grid at a positive sigma: `end=cleanest`.',
  )

/** What is thrown for a state that has lost what its step, forth or back, needs. */
export const noMemory = (index: number) =>
  expected(
    'unsupported',
    'a state with its memory',
    `a step at index ${index}`,
    'x alone',
    'Keep the states that sampling returns, or let `recall` guess the memory at the clean end.',
  )

/** What is thrown for undoing where nothing was done. */
export const noStepBefore = () =>
  expected('bad-option', 'a state after the first', 'undoing a step', 'index 0', 'The noise is reached.')
