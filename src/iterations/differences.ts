/** The last moves of a point and what they changed in the residual: the memory of Anderson and L-BFGS. */
import { subtract, type Tensor } from '../math/tensor.js'

export interface Difference {
  /** xᵏ − xᵏ⁻¹ */
  readonly step: Tensor
  /** residual(xᵏ) − residual(xᵏ⁻¹) */
  readonly change: Tensor
}

export interface Differences {
  /** At most as many as the window. */
  readonly newestFirst: readonly Difference[]
  /** Takes in a point; the difference from the one before joins the memory where `keep` allows it. */
  push(x: Tensor, residual: Tensor): void
  /** Forgets all differences and the last point. */
  clear(): void
}

export function differences(window: number, keep: (difference: Difference) => boolean = () => true): Differences {
  const newestFirst: Difference[] = []
  let last: { readonly x: Tensor; readonly residual: Tensor } | undefined
  return {
    newestFirst,
    push(x, residual) {
      if (last) {
        const difference = { step: subtract(x, last.x), change: subtract(residual, last.residual) }
        if (keep(difference)) newestFirst.unshift(difference)
        newestFirst.splice(window)
      }
      last = { x, residual }
    },
    clear() {
      newestFirst.length = 0
      last = undefined
    },
  }
}
