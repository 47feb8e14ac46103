/**
 * The rules of DPM-Solver and DPM-Solver++ as coefficients: exponential integrators in lambda, from one to three
 * estimates. What varies between the solvers, which estimates they use, is theirs.
 */
import type { Coefficients } from '../../diffusion.js'
import { gridFields } from '../../grid-fields.js'
import type { NoiseLevel } from '../../level.js'
import { firstOrderStep } from '../../multistep.js'

export const exponentialFields = {
  ...gridFields,
  steps: { ...gridFields.steps, default: 20 },
  prediction: {
    type: 'choice',
    choices: ['data', 'noise'],
    default: 'data',
    description:
      'What is taken as a polynomial in lambda: the estimate of x₀ (DPM-Solver++) or the noise (DPM-Solver).',
  },
} as const

/** How second-order rules weigh the slope: half the step (diffusers' `midpoint`) or its exact integral (`heun`). */
export const variantField = {
  type: 'choice',
  choices: ['midpoint', 'heun'],
  default: 'midpoint',
  description: 'How the slope of the estimates is weighed: by half the step or by its exact integral.',
} as const

export const lowerOrderField = {
  type: 'boolean',
  default: true,
  description: 'Lower the order of the last steps when there are fewer than 15; to sigma = 0 it always is 1.',
} as const

export const firstOrderFinalField = {
  type: 'boolean',
  default: false,
  description: 'Take the last step of first order, however many there are.',
} as const

export interface ExponentialOptions {
  readonly prediction: 'data' | 'noise'
  /** Of rules with two nodes. */
  readonly variant?: 'midpoint' | 'heun'
  /** Of rules with three: the share of the second derivative that is used. Taylor's formula has 1. */
  readonly curvature?: number
}

/**
 * x′ from the state at `base` and the estimates at `nodes`, the newest node first; up to three.
 *
 * With k = −h, scale = α′ and E = D for data, k = h, scale = σ′ and E = ε for noise, h = λ′ − λ_base: x′ = ratio·x +
 * w₀·E_base + w₁·E′ + w₂·E″, w₀ = −scale·(eᵏ − 1), w₁ = scale·(1 − (eᵏ − 1)/k) (half of w₀ in the midpoint variant), w₂
 * = scale·(½ − (eᵏ − 1 − k)/k²); E′ and E″ are the derivatives by (λ − λ_base)/h at nodes[0] of the polynomial through
 * the nodes. `base` is nodes[0] for multistep rules, the older node for single-step ones.
 * Source: Lu et al., DPM-Solver (NeurIPS 2022) and DPM-Solver++ (2022); diffusers 0.27, signs and variants.
 */
export function exponentialStep(
  nodes: readonly NoiseLevel[],
  base: number,
  to: NoiseLevel,
  { prediction, variant = 'midpoint', curvature = 1 }: ExponentialOptions,
): Coefficients {
  const from = nodes[base]!
  const first = firstOrderStep(from, to)
  if (nodes.length === 1) return first
  // At alpha = 0 lambda is infinite and a slope over it is 0.
  if (from.alpha === 0) return { x: [0, ...first.x], denoised: [0, ...first.denoised] }
  const h = to.lambda - from.lambda
  const { w0, w1, w2 } = exponentialWeights(from, to, prediction)
  const slopes = differences(nodes, h)
  const weights =
    nodes.length === 2
      ? nodes.map((_, i) => (variant === 'midpoint' ? w0 / 2 : w1) * slopes.first[i]!)
      : nodes.map((_, i) => w1 * slopes.first[i]! + curvature * w2 * slopes.second[i]!)
  weights[base]! += w0
  return weighted(nodes, base, to, weights, prediction)
}

/** The weights of the estimate, of its first and of its second derivative in units of h, as `exponentialStep` has them. */
export function exponentialWeights(from: NoiseLevel, to: NoiseLevel, prediction: 'data' | 'noise') {
  const h = to.lambda - from.lambda
  const k = prediction === 'data' ? -h : h
  const scale = prediction === 'data' ? to.alpha : to.sigma
  return {
    w0: -scale * Math.expm1(k),
    w1: scale * (1 - Math.expm1(k) / k),
    w2: scale * (0.5 - (Math.expm1(k) - k) / k ** 2),
  }
}

/** x′ = ratio·x_base + Σᵢ weights[i]·E(xᵢ) as coefficients: ε is (x − alpha·D)/sigma, so noise weighs the x's too. */
export function weighted(
  nodes: readonly NoiseLevel[],
  base: number,
  to: NoiseLevel,
  weights: readonly number[],
  prediction: 'data' | 'noise',
): Coefficients {
  const from = nodes[base]!
  const ratio = prediction === 'data' ? to.sigma / from.sigma : to.alpha / from.alpha
  const carried = (i: number) => (i === base ? ratio : 0)
  if (prediction === 'data') return { x: nodes.slice(0, base + 1).map((_, i) => carried(i)), denoised: weights }
  return {
    x: nodes.map(({ sigma }, i) => carried(i) + weights[i]! / sigma),
    denoised: weights.map((weight, i) => (-weight * nodes[i]!.alpha) / nodes[i]!.sigma),
  }
}

/** The weights of the nodes in the first and second derivative at nodes[0], in units of h. */
function differences(nodes: readonly NoiseLevel[], h: number) {
  const r0 = (nodes[0]!.lambda - nodes[1]!.lambda) / h
  const newest = [1 / r0, -1 / r0, 0]
  if (nodes.length === 2) return { first: newest, second: [0, 0, 0] }
  const r1 = (nodes[1]!.lambda - nodes[2]!.lambda) / h
  const older = [0, 1 / r1, -1 / r1]
  const share = r0 / (r0 + r1)
  return {
    first: newest.map((value, i) => (1 + share) * value - share * older[i]!),
    second: newest.map((value, i) => (2 * (value - older[i]!)) / (r0 + r1)),
  }
}

/**
 * The order of a multistep rule at a step: limited by what is remembered, by the end of a short grid, by sigma = 0 and
 * by a last step that is to be of first order.
 */
export function multistepOrder(
  grid: readonly NoiseLevel[],
  index: number,
  order: number,
  {
    lowerOrderFinal,
    firstOrderFinal = false,
  }: { readonly lowerOrderFinal: boolean; readonly firstOrderFinal?: boolean },
) {
  const steps = grid.length - 1
  const remaining = lowerOrderFinal && steps < 15 ? steps - index : order
  const first = grid[index + 1]!.sigma === 0 || (firstOrderFinal && index === steps - 1)
  return Math.min(order, index + 1, first ? 1 : remaining)
}
