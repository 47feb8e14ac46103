/** One step towards the noise without solving anything, and the levels between two; shared by what starts from there. */
import { combine, type Tensor } from '../../../math/tensor.js'
import { noiseOf } from '../../denoiser.js'
import type { Diffusion } from '../../diffusion.js'
import { type NoiseLevel, requiredSchedule, type Schedule } from '../../level.js'
import { firstOrderStep } from '../../multistep.js'

/** The level that the network is told, although x lies at the cleaner one. */
export const labels = ['noisier', 'cleaner'] as const
export type Label = (typeof labels)[number]

/**
 * The first-order step from a cleaner to a noisier level.
 *
 * x_noisier = alpha·x̂₀ + sigma·ε with ε the noise that the network sees in x when told `label`, and x̂₀ what is left of x
 * without it. With the label `cleaner` that is the solver's own first-order step, backwards; `noisier` is what the
 * released codes do. Where the noisier level has no image in it, ε says nothing and the estimate of x₀ is held instead.
 * From sigma = 0 the velocity v = (x − (alpha + sigma)·D(x))/sigma of a flow is held: (alpha + sigma)·x + sigma·v. One
 * evaluation.
 */
export async function naiveStep(
  x: Tensor,
  cleaner: NoiseLevel,
  noisier: NoiseLevel,
  label: Label,
  { denoise }: Diffusion,
): Promise<Tensor> {
  const isImage = cleaner.sigma === 0
  const told = label === 'noisier' || isImage ? noisier : cleaner
  const denoised = await denoise(x, told)
  if (isImage) {
    const sum = noisier.alpha + noisier.sigma
    return combine([1 + sum, x], [-sum, denoised])
  }
  if (label === 'cleaner' || noisier.alpha === 0) {
    const { x: ofX, denoised: ofEstimate } = firstOrderStep(cleaner, noisier)
    return combine([ofX[0]!, x], [ofEstimate[0]!, denoised])
  }
  const ratio = noisier.alpha / cleaner.alpha
  return combine([ratio, x], [noisier.sigma - ratio * cleaner.sigma, noiseOf(x, denoised, noisier)])
}

/** Levels towards the noise, at most `stride` in time apart; the last is the noisier one itself. */
export function levelsBetween(
  cleaner: NoiseLevel,
  noisier: NoiseLevel,
  stride: number,
  schedule: Schedule,
): readonly NoiseLevel[] {
  const [first, last] = [schedule.time(cleaner.lambda), schedule.time(noisier.lambda)]
  // Rounding must not add a level next to the last.
  const count = Math.max(1, Math.ceil((last - first) / stride - 1e-9))
  const inner = Array.from({ length: count - 1 }, (_, k) => schedule.level(first + (k + 1) * stride))
  return [...inner, noisier]
}

export function scheduleOf({ schedule }: Diffusion, name: string): Schedule {
  return requiredSchedule(schedule, name, 'Pass `schedule` with the grid: there are levels between.')
}
