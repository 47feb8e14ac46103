/** PNDM: Adams and Bashforth's rule for the network's answers, started by a trapezoid or by Runge and Kutta. */
import { define } from '../../core/define.js'
import type { Coefficients, Solver } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { type Grid, type NoiseLevel, noImage, type Schedule } from '../level.js'
import { firstOrderStep, interval, multistep } from '../multistep.js'

export interface PndmOptions {
  /** `trapezoid`: the first step is taken twice (PLMS); `runge-kutta`: the first three are of four evaluations. */
  readonly start: 'trapezoid' | 'runge-kutta'
  /** What of the network is extrapolated: its noise, or its v. */
  readonly prediction: 'epsilon' | 'v'
  grid(schedule: Schedule): Grid
}

/**
 * DDIM's step with an extrapolated answer e′ of the network in the place of its own.
 *
 * x′ = (α′/α)·x + (σ′ − σ·α′/α)·e′, e′ = (55·e − 59·e₁ + 37·e₂ − 9·e₃)/24 of the last four answers. The first step is taken
 * twice, with e and then with the mean of e at both ends; then two and three answers are used. Order 2; one evaluation a
 * step. `steps` counts evaluations, one more than the levels that are gained: the second starts from the first x again.
 * Memory: four older x's and estimates. Extrapolating v in the place of ε, as released for networks that predict it,
 * is of order 1. Inverts by `sweep`, exact given the latent. Errors: `bad-option` for a grid that does not fit.
 * Source: Liu et al., PNDM, ICLR 2022, PLMS as in Stable Diffusion's code; diffusers' PNDMScheduler, whose start by Runge
 * and Kutta its folders alone ask for.
 *
 * @example const solver = pndm({ steps: 51 })
 */
export const pndm = define({
  id: 'pndm',
  title: 'PNDM (PLMS)',
  source: 'Liu et al., ICLR 2022',
  also: {
    plms: 'pndm',
  },
  fields: {
    ...gridFields,
    steps: { ...gridFields.steps, minimum: 3, default: 51 },
    prediction: {
      type: 'choice',
      choices: ['epsilon', 'v'],
      default: 'epsilon',
      description: 'What is extrapolated: the noise, or the v of a network that predicts it.',
    },
  },
  make: ({ prediction, ...options }) =>
    pndmSolver({
      start: 'trapezoid',
      prediction,
      grid: (schedule) => {
        const [first, second, ...rest] = gridOf(schedule, { ...options, steps: options.steps - 1 })
        const again = { ...second!, step: { from: first!, to: second! } }
        return [first!, again, second!, ...rest]
      },
    }),
})

/** The solver of a grid that lists each evaluation, with the levels that its step leads between where it repeats. */
export function pndmSolver({ start, prediction, grid }: PndmOptions): Solver {
  const past = start === 'trapezoid' ? 4 : 12
  return multistep({
    name: 'pndm',
    order: prediction === 'epsilon' ? 2 : 1,
    past: { x: past, denoised: past },
    grid,
    coefficients: (levels, index) => rule(levels, index, mixes[start](index, levels), prediction),
  })
}

/** Which answers are mixed, counted back from the newest, and the x that the step starts from. */
interface Mix {
  readonly answers: readonly (readonly [back: number, weight: number])[]
  readonly base: number
}

/** Whether the step from a level ends at that level itself: it is told the end of a step that is taken again. */
const isAgain = (level: NoiseLevel | undefined): boolean =>
  level?.step !== undefined && level.step.to.alpha === level.alpha && level.step.to.sigma === level.sigma

/** A part of a grid has no such start: its rule begins with fewer answers. */
const mixes: Record<PndmOptions['start'], (index: number, grid: Grid) => Mix> = {
  trapezoid(index, grid) {
    if (!isAgain(grid[1])) return plain(index)
    // The answer to the second evaluation is used once; the first step is both of them.
    const mean = [0, 1].map((back) => [back, 1 / 2] as const)
    if (index === 1) return { answers: mean, base: 1 }
    const kept = (place: number) => (place === 0 ? 0 : place + 1)
    return { answers: extrapolated(index, index === 0 ? 0 : index - 1, kept), base: 0 }
  },
  'runge-kutta'(index, grid) {
    if (!isAgain(grid[3])) return plain(index)
    if (index >= 12)
      return { answers: extrapolated(index, index - 9, (place) => (place < 3 ? 4 * place : place + 9)), base: 0 }
    const base = index % 4
    const weights = base < 3 ? [1] : [1 / 6, 1 / 3, 1 / 3, 1 / 6]
    return { answers: weights.map((weight, back) => [back, weight] as const), base }
  },
}

const adams = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]] as const

/** The last four of the answers that are kept: `kept` says at which index the one of a place was given. */
const extrapolated = (index: number, newest: number, kept: (place: number) => number): Mix['answers'] =>
  adams[Math.min(newest, 3)]!.map((weight, k) => [index - kept(newest - k), weight] as const)

const plain = (index: number): Mix => ({ answers: extrapolated(index, index, (place) => place), base: 0 })

/** With e = (x − α·D)/σ, or (α·x − D)/σ for v of variance-preserving levels, as coefficients. */
function rule(grid: Grid, index: number, { answers, base }: Mix, prediction: PndmOptions['prediction']): Coefficients {
  const { from, to } = interval(grid, index)
  // A part of a grid that begins with what is taken again has taken it.
  if (index === 0 && isAgain(grid[0])) return { x: [1], denoised: [0] }
  if (from.alpha === 0) throw noImage('a step of PNDM', from)
  const step = firstOrderStep(from, to)
  // In terms of the noise: x′ = ofX·x + ofNoise·e.
  const ofX = to.alpha / from.alpha
  const ofNoise = -(step.denoised[0]! * from.sigma) / from.alpha
  const length = Math.max(base, ...answers.map(([back]) => back)) + 1
  const [x, denoised] = [Array<number>(length).fill(0), Array<number>(length).fill(0)]
  x[base] = prediction === 'v' ? ofX + ofNoise * from.sigma : ofX
  for (const [back, weight] of answers) {
    const asked: NoiseLevel = grid[index - back]!
    const share = (ofNoise * weight) / asked.sigma
    x[back]! += prediction === 'v' ? share * from.alpha * asked.alpha : share
    denoised[back]! -= prediction === 'v' ? share * from.alpha : share * asked.alpha
  }
  return { x, denoised }
}
