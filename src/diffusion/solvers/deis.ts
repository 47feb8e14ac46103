/** DEIS: Adams' method for the noise, as a polynomial in ln ρ that is integrated exactly. */
import { define } from '../../core/define.js'
import type { Coefficients } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { type NoiseLevel, noImage } from '../level.js'
import { firstOrderStep, interval, multistep } from '../multistep.js'
import { lowerOrderField, multistepOrder, weighted } from './parts/exponential.js'

/**
 * x′/α′ = x/α + Σᵢ cᵢ·ε(xᵢ), with ρ = σ/α and the polynomial through the last noises taken over ln ρ.
 *
 * cᵢ = ∫ Lᵢ(ln ρ) dρ from ρ to ρ′, Lᵢ Lagrange's polynomials through the last `order` levels, in closed form: ∫ ln^m ρ dρ.
 * One evaluation a step; memory: order − 1 older x's and estimates. The first steps are of lower order; so are the last
 * ones when there are fewer than 15 (`lowerOrderFinal`), and a step to sigma = 0. Inverts by `sweep`, exact given the latent.
 * Errors: `bad-option` for a grid that does not fit; `unsupported` at alpha = 0 from the second step on.
 * Source: Zhang and Chen, DEIS, ICLR 2023, ρAB in ln ρ; diffusers' DEISMultistepScheduler (`logrho`).
 *
 * @example const solver = deis({ steps: 20 })
 */
export const deis = define({
  id: 'deis',
  title: 'DEIS, multistep in ln ρ',
  source: 'Zhang and Chen, ICLR 2023',
  fields: {
    ...gridFields,
    steps: { ...gridFields.steps, default: 20 },
    order: { type: 'integer', minimum: 1, maximum: 3, default: 2, description: 'Of the method.' },
    lowerOrderFinal: lowerOrderField,
  },
  make: (options) =>
    multistep({
      name: 'deis',
      order: options.order,
      past: { x: options.order - 1, denoised: options.order - 1 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const order = multistepOrder(grid, index, options.order, options)
        return order === 1
          ? firstOrderStep(from, to)
          : rule([from, ...grid.slice(index - order + 1, index).toReversed()], to)
      },
    }),
})

/** cᵢ of the levels, the newest first, as coefficients. */
function rule(nodes: readonly NoiseLevel[], to: NoiseLevel): Coefficients {
  const empty = nodes.find(({ alpha }) => alpha === 0)
  if (empty) throw noImage('a step of DEIS', empty)
  const places = nodes.map(({ lambda }) => -lambda)
  const [start, end] = [places[0]!, -to.lambda]
  const weights = places.map((own, i) => {
    const others = places.filter((_, j) => j !== i)
    const scale = others.reduce((product, other) => product * (own - other), 1)
    return (to.alpha * (integral(end, others) - integral(start, others))) / scale
  })
  return weighted(nodes, 0, to, weights, 'noise')
}

/** The integral over ρ = eᵘ of u − a, or of (u − a)·(u − b), up to u. */
function integral(u: number, [a = 0, b]: readonly number[]): number {
  const linear = u - 1
  if (b === undefined) return Math.exp(u) * (linear - a)
  return Math.exp(u) * (u ** 2 - 2 * linear - (a + b) * linear + a * b)
}
