/**
 * Preconditioned conjugate gradients: symmetric positive systems that are known by their products only, and the
 * quadratic form of the inverse on the way. For residuals that are not linear: `solve`.
 */
import type { Steps } from '../../core/progress.js'
import { combine, dot, type Tensor, zeros } from '../../math/tensor.js'
import type { Outcome } from '../parts/solve.js'

export interface LinearSystem {
  /** A·x, A symmetric and positive. The costly part. */
  apply(x: Tensor): Promise<Tensor>
  readonly right: Tensor
  /** M·r ≈ A⁻¹·r, M symmetric and positive. Default: r. */
  precondition?(residual: Tensor): Promise<Tensor>
}

export interface ConjugateGradientsOptions {
  /** Budget of products with A. */
  readonly iterations: number
  /** Converged when the last `delay` products raised bᵀA⁻¹b by at most this share of it. Default 0.01. */
  readonly tolerance?: number
  /** Converged when they raised it by at most this, whatever its size. Default 0. */
  readonly absoluteTolerance?: number
  readonly stage?: string
}

export interface LinearSolution {
  readonly value: Tensor
  /** bᵀA⁻¹b, from below: the energy of what was found. */
  readonly energy: number
  /** The same after each product. */
  readonly history: readonly number[]
  readonly iterations: number
  readonly outcome: Outcome
}

/** So many products show what the energy still gains. */
const delay = 5

/**
 * Solves A·x = b from x = 0.
 *
 * α = (rᵀp)/(pᵀAp), x ← x + α·p, r ← r − α·A·p, p ← M·r + β·p with β = (M·r)ᵀ(r − r₋)/(r₋ᵀM₋r₋): flexible, so that M may
 * be an iteration itself. Each step adds (rᵀp)²/(pᵀAp) to bᵀA⁻¹b; with a fixed M that sum is Gauss's quadrature by
 * Lanczos's method, and it never exceeds it. A direction with pᵀAp ≤ 0 shows rounding and ends it, `exhausted`.
 * Cost: a product with A and one with M a step. Memory: five tensors.
 * Source: Hestenes and Stiefel, 1952; flexible, Notay, 2000; the energy, Golub and Meurant, Matrices, Moments and
 * Quadrature, 2010; the stop, Strakoš and Tichý, 2002.
 *
 * @example const { value } = await new Task(conjugateGradients({ apply, right }, { iterations: 50 }))
 */
export async function* conjugateGradients(
  { apply, right, precondition = async (residual) => residual }: LinearSystem,
  options: ConjugateGradientsOptions,
): Steps<LinearSolution> {
  const { iterations, tolerance = 0.01, absoluteTolerance = 0, stage = 'conjugate gradients' } = options
  const enough = (energy: number) => Math.max(tolerance * energy, absoluteTolerance)
  let value = zeros(right.shape)
  let residual = right
  let conditioned = await precondition(residual)
  let direction = conditioned
  const history: number[] = []
  const energy = () => history.at(-1) ?? 0
  const finish = (outcome: Outcome): LinearSolution => {
    return { value, energy: energy(), history, iterations: history.length, outcome }
  }
  for (;;) {
    const slope = dot(residual, direction)
    if (slope === 0) return finish('converged')
    if (history.length === iterations) return finish('exhausted')
    const image = await apply(direction)
    const curvature = dot(direction, image)
    if (!(curvature > 0)) return finish('exhausted')
    const step = slope / curvature
    value = combine([1, value], [step, direction])
    history.push(energy() + step * slope)
    yield { stage, done: history.length, total: iterations }
    const before = history[history.length - 1 - delay]
    if (before !== undefined && energy() - before <= enough(energy())) return finish('converged')
    // The last product needs no next direction, which may be dear.
    if (history.length === iterations) return finish('exhausted')
    const size = dot(residual, conditioned)
    const change = combine([-step, image])
    residual = combine([1, residual], [1, change])
    conditioned = await precondition(residual)
    direction = combine([1, conditioned], [dot(conditioned, change) / size, direction])
  }
}
