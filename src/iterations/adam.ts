/** Adam, on a gradient or on any residual; in 16-bit arithmetic too, with every rounding where PyTorch has it. */
import { roundHalf } from '../math/half.js'
import { type Tensor, zeros } from '../math/tensor.js'
import { type StepSizes, stepAt } from './parts/schedules.js'
import type { Iteration } from './parts/solve.js'

export interface AdamOptions {
  /** Learning rate, one or a schedule; units of the point. Default 0.01. */
  readonly rate?: StepSizes
  /** Decay of the mean of residuals. Default 0.9. */
  readonly beta1?: number
  /** Decay of the mean of their squares. Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the mean square. Default 1e-8, and 1e-4 in 16 bits, where 1e-8 is zero. */
  readonly epsilon?: number
  /** 16 rounds every intermediate result to half precision; 32, the default, rounds nothing. */
  readonly precision?: 16 | 32
}

/**
 * Steps against the residual's running mean over the root of its running mean square, bias-corrected.
 *
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², x ← x − rate·m̂/(√v̂ + ε) with m̂ = m/(1−β₁ᵏ), v̂ = v/(1−β₂ᵏ); each entry
 * moves about `rate` per update whatever the size of the residual. Memory: two points.
 * In 16 bits (1−β₂)g² is zero for |g| below 5.5e-3: only ε keeps those steps bounded.
 * Source: Kingma and Ba, 2015, algorithm 1; constants of github.com/smhongok/dec-inv.
 *
 * @example solve(problem, adam({ rate: codeSchedule(0.01, 50) }), { iterations: 50 })
 */
export function adam(options: AdamOptions = {}): Iteration {
  const { rate = 0.01, beta1 = 0.9, beta2 = 0.999, precision = 32 } = options
  const { epsilon = precision === 16 ? 1e-4 : 1e-8 } = options
  const round: (value: number) => number = precision === 16 ? roundHalf : (value) => value
  return {
    name: 'adam',
    start: ({ shape }) => {
      const mean = zeros(shape).data
      const square = zeros(shape).data
      let count = 0
      return (x, residual): Tensor => {
        const step = stepAt(rate, count++)
        const meanWeight = 1 - beta1 ** count
        const squareWeight = 1 - beta2 ** count
        const data = Float64Array.from(x.data, (value, i) => {
          const g = round(residual.data[i]!)
          mean[i] = round(round(beta1 * mean[i]!) + round((1 - beta1) * g))
          square[i] = round(round(beta2 * square[i]!) + round((1 - beta2) * round(g * g)))
          const root = round(Math.sqrt(round(square[i]! / squareWeight)))
          const direction = round(round(mean[i]! / meanWeight) / round(root + epsilon))
          return round(round(value) - round(step * direction))
        })
        return { shape, data }
      }
    },
  }
}
