/** What is known at some levels, estimates of x₀ or points, continued to the next noisier level for free. */
import { combine, type Tensor } from '../../../math/tensor.js'
import type { NoiseLevel } from '../../level.js'

/** A parabola: higher degrees gain nothing measurable and lower ones cost half an evaluation a step. */
const points = 3

/** Where a level lies between image (0) and noise (π/2): finite at both ends, unlike lambda. */
const angle = ({ alpha, sigma }: NoiseLevel): number => Math.atan2(sigma, alpha)

export interface Extrapolation {
  /** The polynomial through the last estimates, at another level; undefined before the first. */
  at(level: NoiseLevel): Tensor | undefined
  /** With one estimate more, at a noisier level. */
  and(level: NoiseLevel, estimate: Tensor): Extrapolation
}

interface Known {
  readonly place: number
  readonly estimate: Tensor
}

/** Continues the last three estimates as a polynomial in the angle of the level. */
export const extrapolation = (known: readonly Known[] = []): Extrapolation => ({
  at(level) {
    const place = angle(level)
    if (known.length === 0) return undefined
    return combine(
      ...known.map(({ place: own, estimate }) => {
        const others = known.filter((other) => other.place !== own)
        const weight = others.reduce((w, other) => (w * (place - other.place)) / (own - other.place), 1)
        return [weight, estimate] as const
      }),
    )
  },
  and: (level, estimate) => extrapolation([{ place: angle(level), estimate }, ...known].slice(0, points)),
})
