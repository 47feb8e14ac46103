/**
 * Bi-directional integration (BDIA): a step that also takes back what the last step did, so that it can be undone.
 * As coefficients over DDIM's step, and around any moves that start from x alone. How gamma is chosen is its caller's.
 */
import { combine, type Tensor } from '../../../math/tensor.js'
import type { Coefficients, Denoiser, Diffusion, Solver, State } from '../../diffusion.js'
import { gridFields } from '../../grid-fields.js'
import type { Grid, NoiseLevel, Schedule } from '../../level.js'
import { firstOrderStep, interval, noMemory, noStepBefore, recallOlder } from '../../multistep.js'

export const gammaField = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: 1,
  default: 0.96,
  description: 'Share of the last step that is taken back: near 1 for many steps. Rounding grows like gamma^−steps.',
} as const

export const bidirectionalFields = { ...gridFields, gamma: gammaField } as const

/**
 * The two-step rule with a given weight g of the oldest x; the first step is of first order.
 *
 * x′ = g·x_old + C·x + (α′ − g·α_old − C·α)·D(x), C = (σ′ − g·σ_old)/σ: exact for constant D and for constant ε.
 * BDIA-DDIM has g = gamma throughout, O-BELM the g that also makes it exact for ε linear in σ/α.
 */
export function twoStepRule(
  grid: Grid,
  index: number,
  weight: (older: NoiseLevel, from: NoiseLevel, to: NoiseLevel) => number,
): Coefficients {
  const { from, to } = interval(grid, index)
  if (index === 0) return firstOrderStep(from, to)
  const older = grid[index - 1]!
  const oldest = weight(older, from, to)
  const ofX = (to.sigma - oldest * older.sigma) / from.sigma
  return { x: [ofX, oldest], denoised: [to.alpha - oldest * older.alpha - ofX * from.alpha] }
}

/** Where a single-step rule carries x, whose estimate is in hand. */
export type Move = (x: Tensor, denoised: Tensor, from: NoiseLevel, to: NoiseLevel, denoise: Denoiser) => Promise<Tensor>

export interface BidirectionalOptions {
  readonly name: string
  readonly order: number
  readonly evaluationsPerStep: number
  readonly gamma: number
  grid(schedule: Schedule): Grid
  readonly toClean: Move
  readonly toNoise: Move
}

/**
 * x′ = γ·x_old − γ·S_back(x) + S(x), where S carries x to the next level and S_back to the last one, both from x alone.
 *
 * The first step is x′ = S(x). Memory: the older x. `unstep`: x_old = (x′ − S(x))/γ + S_back(x), exact given the
 * memory, at the cost of a step; the end may be sigma = 0. `recall` guesses the older x by a first-order step back.
 * Source: Zhang et al., BDIA, ECCV 2024: z_{i−1} = z_{i+1} − (1−γ)(z_{i+1} − z_i) − γΔ_{i→i+1} + Δ_{i→i−1}.
 */
export function bidirectional({ gamma, toClean, toNoise, ...rest }: BidirectionalOptions): Solver {
  const moves = async (x: Tensor, index: number, { grid, denoise }: Diffusion) => {
    const { from, to } = interval(grid, index)
    const denoised = await denoise(x, from)
    const next = await toClean(x, denoised, from, to, denoise)
    const older = grid[index - 1]
    return { next, back: older ? await toNoise(x, denoised, from, older, denoise) : next }
  }
  return {
    ...rest,
    start: (x) => ({ index: 0, x, memory: [] }),
    async step({ index, x, memory: [older] }, diffusion) {
      if (index > 0 && older === undefined) throw noMemory(index)
      const { next, back } = await moves(x, index, diffusion)
      return { index: index + 1, x: older ? combine([gamma, older], [-gamma, back], [1, next]) : next, memory: [x] }
    },
    async unstep({ index, x: newest, memory: [x] }: State, diffusion) {
      if (index === 0) throw noStepBefore()
      if (x === undefined) throw noMemory(index)
      if (index === 1) return { index: 0, x, memory: [] }
      const { next, back } = await moves(x, index - 1, diffusion)
      return { index: index - 1, x, memory: [combine([1 / gamma, newest], [-1 / gamma, next], [1, back])] }
    },
    recall: recallOlder,
  }
}
