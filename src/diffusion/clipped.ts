/** Estimates of x₀ that are cut to a range before they are used, as pixel models want it. What is cut off is lost. */
import { combine, map, type Tensor } from '../math/tensor.js'
import type { Solver } from './diffusion.js'
import { interval } from './multistep.js'

export type Clip = (estimate: Tensor) => Tensor

const lossy = 'It clips its estimates, and what is cut off is lost: sample without clipping.'

/** Each value at most `range` from 0. */
export const clampTo =
  (range: number): Clip =>
  (estimate) =>
    map(estimate, (value) => Math.min(Math.max(value, -range), range))

/**
 * Cuts to s, the quantile `ratio` of |x₀| or 1 if that is larger, at most `largest`, and divides by it.
 *
 * Source: Saharia et al., Imagen, 2022, dynamic thresholding; torch's quantile, linear between two values.
 */
export const dynamicThreshold =
  (ratio: number, largest: number): Clip =>
  (estimate) => {
    const sizes = Float64Array.from(estimate.data, Math.abs).sort()
    const place = ratio * (sizes.length - 1)
    const [below, above] = [sizes[Math.floor(place)]!, sizes[Math.ceil(place)]!]
    const s = Math.min(Math.max(below + (place - Math.floor(place)) * (above - below), 1), largest)
    return map(estimate, (value) => Math.min(Math.max(value, -s), s) / s)
  }

/** The solver with clipped estimates in the place of its own, in the noise that it derives from them too. */
export function withClippedEstimates(
  { coefficients: _, unstep: __, recall: ___, ...solver }: Solver,
  clip: Clip,
): Solver {
  return {
    ...solver,
    lossy,
    step: (state, { denoise, ...diffusion }) =>
      solver.step(state, { ...diffusion, denoise: async (...asked) => clip(await denoise(...asked)) }),
  }
}

/** A first-order solver that goes on from the clipped estimate, but with the noise of the whole: DDIM as released. */
export function withClippedImage({ coefficients, ...solver }: Solver, clip: Clip): Solver {
  return {
    ...solver,
    lossy,
    async step({ index, x }, { grid, denoise }) {
      const { to } = interval(grid, index)
      const rule = coefficients!(grid, index)
      const denoised = await denoise(x, grid[index]!)
      const next = combine([rule.x[0]!, x], [rule.denoised[0]! - to.alpha, denoised], [to.alpha, clip(denoised)])
      return { index: index + 1, x: next, memory: [] }
    },
  }
}
