/** The last moves of a point and what they changed in the residual: the memory of Anderson and L-BFGS. */
import { combine, dot, norm, subtract, type Tensor } from '../../math/tensor.js'

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

/** A change depends on the others, up to rounding, where its new part is smaller than this share of its size. */
const dependent = 1e-8

/**
 * The combination of the changes that is nearest to `target`, and the same combination of the steps.
 *
 * γ = argmin ‖target − Σ γᵢ·changeᵢ‖; returns Σ γᵢ·stepᵢ and Σ γᵢ·changeᵢ, zeros without differences. By Gram–Schmidt, with
 * dependent changes left out. Steps and changes may have different shapes.
 */
export function nearest(target: Tensor, differences: readonly Difference[]): Difference {
  const [first] = differences
  let step = first ? combine([0, first.step]) : combine([0, target])
  let rest = target
  for (const one of orthonormal(differences)) {
    const share = dot(one.change, rest)
    step = combine([1, step], [share, one.step])
    rest = combine([1, rest], [-share, one.change])
  }
  return { step, change: subtract(target, rest) }
}

/** Combinations of differences whose changes are orthonormal; each step goes through the same combinations. */
function orthonormal(all: readonly Difference[]): Difference[] {
  const basis: Difference[] = []
  for (const difference of all) {
    let { step, change } = difference
    // Twice is enough: the second pass removes what rounding left of the first.
    for (const known of [...basis, ...basis]) {
      const share = dot(known.change, change)
      step = combine([1, step], [-share, known.step])
      change = combine([1, change], [-share, known.change])
    }
    const size = norm(change)
    if (size > dependent * norm(difference.change)) {
      basis.push({ step: combine([1 / size, step]), change: combine([1 / size, change]) })
    }
  }
  return basis
}
