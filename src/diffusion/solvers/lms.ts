/** LMS: Adams and Bashforth's rule for the noise over σ/α, with a polynomial through up to four of the last ones. */
import { define } from '../../core/define.js'
import type { Coefficients } from '../diffusion.js'
import { karrasFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { type NoiseLevel, noImage } from '../level.js'
import { interval, multistep } from '../multistep.js'
import { weighted } from './parts/exponential.js'

/**
 * x′/α′ = x/α + Σᵢ cᵢ·ε(xᵢ), cᵢ = ∫ Lᵢ(ρ) dρ from ρ to ρ′, ρ = σ/α, Lᵢ Lagrange's polynomials through the last levels.
 *
 * The integral is Gauss and Legendre's of two points, exact for the cubics that they are. One evaluation a step; memory:
 * order − 1 older x's and estimates. The first steps are of lower order. Inverts by `sweep`, exact given the latent and an
 * end above sigma = 0. Errors: `bad-option` for a grid that does not fit; `unsupported` at alpha = 0.
 * Source: Adams and Bashforth 1883, as in k-diffusion's LMS; diffusers' LMSDiscreteScheduler.
 *
 * @example const solver = lms({ steps: 20 })
 */
export const lms = define({
  id: 'lms',
  title: 'LMS',
  source: 'Adams and Bashforth 1883, as in k-diffusion',
  fields: {
    ...karrasFields,
    steps: { ...karrasFields.steps, default: 20 },
    order: { type: 'integer', minimum: 1, maximum: 4, default: 4, description: 'Of the method.' },
  },
  make: (options) =>
    multistep({
      name: 'lms',
      order: options.order,
      past: { x: options.order - 1, denoised: options.order - 1 },
      grid: (schedule) => gridOf(schedule, options),
      coefficients: (grid, index) => {
        const { from, to } = interval(grid, index)
        const older = grid.slice(Math.max(0, index - options.order + 1), index).toReversed()
        return rule([from, ...older], to)
      },
    }),
})

const ratio = ({ alpha, sigma }: NoiseLevel): number => sigma / alpha

/** Where the two points of the quadrature are in the step. */
const points = [-1, 1].map((sign) => (1 + sign / Math.sqrt(3)) / 2)

function rule(nodes: readonly NoiseLevel[], to: NoiseLevel): Coefficients {
  const empty = nodes.find(({ alpha }) => alpha === 0)
  if (empty) throw noImage('a step of LMS', empty)
  const places = nodes.map(ratio)
  const length = ratio(to) - places[0]!
  const weights = places.map((own, i) => {
    const others = places.filter((_, j) => j !== i)
    const lagrange = (at: number) => others.reduce((product, other) => (product * (at - other)) / (own - other), 1)
    const mean = points.reduce((sum, point) => sum + lagrange(places[0]! + point * length) / points.length, 0)
    return to.alpha * length * mean
  })
  return weighted(nodes, 0, to, weights, 'noise')
}
