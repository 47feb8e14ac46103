/** UniPC: a predictor, and a corrector that costs nothing since the next step's evaluation is its own. */
import { define } from '../../core/define.js'
import { solveLinear } from '../../math/linear-system.js'
import type { Coefficients, Solver } from '../diffusion.js'
import { gridOf } from '../grids.js'
import { type Grid, type NoiseLevel, noImage, type Schedule } from '../level.js'
import { firstOrderStep, interval, multistep } from '../multistep.js'
import { exponentialFields, weighted } from './parts/exponential.js'

export interface UniPcOptions {
  readonly order: number
  readonly prediction: 'data' | 'noise'
  readonly variant: 'bh1' | 'bh2'
  readonly lowerOrderFinal: boolean
  /** Steps that no corrector follows. Default none. */
  readonly uncorrected?: readonly number[]
  grid(schedule: Schedule): Grid
}

/**
 * x̃ᵢ₊₁ predicted from the corrected xᵢ; the network is asked at the prediction, and its answer corrects it.
 *
 * With h = λ′ − λ, k = −h and E = D for data, k = h and E = ε for noise, scale = α′ or σ′, φ = eᵏ − 1 and B = φ (`bh2`)
 * or k (`bh1`): x̃′ = ratio·x − scale·φ·E − scale·B·Σⱼ ρⱼ·(Eⱼ − E)/rⱼ over the older estimates. The corrector is the
 * same with E(x̃′) among them. ρ makes them exact for polynomials in λ (½ for two estimates, as released). Since both
 * carry x alike, the corrected x is x̃ plus estimates, and the whole is a linear multistep rule for the x̃: the states
 * here. The last x̃ is not corrected, as released. One evaluation a step; memory: `order` older estimates, and as many
 * x's for noise. Order 2 for `order` 1, otherwise order + 1, on grids without a jump at the start. A step to sigma = 0
 * is of order 1. Inverts by `sweep`, exact given the latent. Errors: `bad-option` for a grid that does not fit;
 * `unsupported` from alpha = 0. Source: Zhao et al., UniPC, NeurIPS 2023; diffusers' UniPCMultistepScheduler.
 *
 * @example const solver = uniPc({ steps: 20 })
 */
export const uniPc = define({
  id: 'uni-pc',
  title: 'UniPC',
  source: 'Zhao et al., NeurIPS 2023',
  fields: {
    ...exponentialFields,
    order: { type: 'integer', minimum: 1, maximum: 3, default: 2, description: 'Estimates that the predictor uses.' },
    variant: {
      type: 'choice',
      choices: ['bh1', 'bh2'],
      default: 'bh2',
      description: 'B(h): the step itself or its exponential less 1.',
    },
    lowerOrderFinal: {
      type: 'boolean',
      default: true,
      description: 'Lower the order of the last steps; to sigma = 0 it always is 1.',
    },
  },
  make: (options) => uniPcSolver({ ...options, grid: (schedule) => gridOf(schedule, options) }),
})

/** The solver of any grid, with correctors left out where that is asked for. */
export function uniPcSolver({ grid, ...options }: UniPcOptions): Solver {
  const { order, prediction } = options
  return multistep({
    name: 'uni-pc',
    order: order + 1,
    past: { x: prediction === 'data' ? 0 : order, denoised: order },
    grid,
    coefficients: (levels, index) => rule(levels, index, options),
  })
}

type Rule = Omit<UniPcOptions, 'grid'>

/** The predictor from x̃[index], corrected on the way. */
function rule(grid: Grid, index: number, options: Rule): Coefficients {
  const { from, to } = interval(grid, index)
  const order = orderAt(grid, index, options)
  const { prediction } = options
  if (to.sigma === 0 || (index === 0 && order === 1)) return firstOrderStep(from, to)
  const nodes = [from, ...grid.slice(Math.max(0, index - options.order), index).toReversed()]
  const predictor = update(nodes.slice(0, order), [], to, options)
  const correction = correctionAt(grid, index, options)
  const ratio = prediction === 'data' ? to.sigma / from.sigma : to.alpha / from.alpha
  const weights = nodes.map((_, k) => (predictor[k] ?? 0) + ratio * (correction[k] ?? 0))
  return weighted(nodes, 0, to, weights, prediction)
}

/** What the corrector adds to x̃[index]: the weights of the estimates, the newest first. */
function correctionAt(grid: Grid, index: number, options: Rule): readonly number[] {
  if (index === 0 || options.uncorrected?.includes(index - 1)) return []
  const order = orderAt(grid, index - 1, options)
  const to = grid[index]!
  const older = grid.slice(index - order, index).toReversed()
  const predicted = update(older, [], to, options)
  const [newest, ...rest] = update(older, [to], to, options)
  return [newest!, ...rest.map((weight, k) => weight - predicted[k]!)]
}

function orderAt(grid: Grid, index: number, { order, lowerOrderFinal }: Rule): number {
  const steps = grid.length - 1
  if (grid[index + 1]!.sigma === 0) return 1
  return Math.min(order, index + 1, lowerOrderFinal ? steps - index : order)
}

/** The weights of the estimates at `ahead` and `nodes` in the update from nodes[0] to `to`, in this order. */
function update(
  nodes: readonly NoiseLevel[],
  ahead: readonly NoiseLevel[],
  to: NoiseLevel,
  { prediction, variant }: Rule,
): readonly number[] {
  const from = nodes[0]!
  const k = prediction === 'data' ? from.lambda - to.lambda : to.lambda - from.lambda
  const scale = prediction === 'data' ? to.alpha : to.sigma
  const phi = Math.expm1(k)
  if (nodes.length + ahead.length === 1) return [-scale * phi]
  const empty = nodes.find(({ alpha }) => alpha === 0)
  if (empty) throw noImage('a step of UniPC', empty)
  const others = [...nodes.slice(1), ...ahead]
  const places = others.map((level) => (level.lambda - from.lambda) / (to.lambda - from.lambda))
  const factor = variant === 'bh1' ? k : phi
  const shares = others.length === 1 ? [0.5] : solveLinear(powers(places), moments(k, places.length, factor))
  const slopes = shares.map((share, i) => (-scale * factor * share) / places[i]!)
  const base = -scale * phi - slopes.reduce((sum, slope) => sum + slope, 0)
  const ofOlder = slopes.slice(0, nodes.length - 1)
  return [...slopes.slice(nodes.length - 1), base, ...ofOlder]
}

const powers = (places: readonly number[]): readonly (readonly number[])[] =>
  places.map((_, power) => places.map((place) => place ** power))

/** n!·φₙ(k)/B for n = 1 …, φ of exponential integrators. */
function moments(k: number, count: number, factor: number): readonly number[] {
  const found: number[] = []
  let phi = Math.expm1(k) / k - 1
  let factorial = 1
  for (let n = 1; n <= count; n++) {
    found.push((phi * factorial) / factor)
    factorial *= n + 1
    phi = phi / k - 1 / factorial
  }
  return found
}
