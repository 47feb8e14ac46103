/** Step sizes as data: one number for each update. How they are used is an iteration's business. */

/** One step size, or one for each update, the last of which is held. */
export type StepSizes = number | readonly number[]

/** The step size of update `index`, counted from 0. */
export const stepAt = (sizes: StepSizes, index: number): number =>
  typeof sizes === 'number' ? sizes : sizes[Math.min(index, sizes.length - 1)]!

/** Step sizes for a run of `iterations` updates with the given largest one. */
export type Schedule = (peak: number, iterations: number) => readonly number[]

/** Falls from 1 to 0 over `period`. */
const cosine = (index: number, period: number): number => (1 + Math.cos((Math.PI * index) / period)) / 2

/** The same step size throughout. */
export const constantSchedule: Schedule = (peak) => [peak]

/**
 * The paper's schedule: linear warm-up over a tenth of the updates, a cosine until eight tenths, then the last value.
 *
 * peak·(i+1)/w for i < w = ⌊n/10⌋; peak·(1 + cos π(i−w)/(n−w))/2 for w ≤ i < 0.8 n. The cosine's period ends at n, so
 * the tail is not zero: 0.179 of the peak for n = 20, 0.140 for 50, 0.128 for 100.
 * Source: Hong et al., "Gradient-free decoder inversion", NeurIPS 2024. For LaVie the paper computes it as if n were 100
 * when it is more: that is `codeSchedule`.
 *
 * @example adam({ rate: paperSchedule(0.01, 50) })
 */
export const paperSchedule: Schedule = (peak, iterations) => {
  const warmUp = Math.floor(iterations / 10)
  const length = Math.max(Math.ceil(0.8 * iterations), 1)
  const factor = (i: number) => (i < warmUp ? (i + 1) / warmUp : cosine(i - warmUp, iterations - warmUp))
  return Array.from({ length }, (_, i) => peak * factor(i))
}

/**
 * The released code's schedule: the paper's, computed as if there were at most 100 updates; its tail is held after.
 *
 * Source: github.com/smhongok/dec-inv, `cutoff = min(n, 100)` for every model.
 *
 * @example adam({ rate: codeSchedule(0.01, 200) }) // 0.001284 from update 79 on
 */
export const codeSchedule: Schedule = (peak, iterations) => paperSchedule(peak, Math.min(iterations, 100))

/**
 * The schedule of the gradient baseline: linear warm-up from zero over a tenth of the updates, then a cosine to zero.
 *
 * peak·i/w for i < w = ⌊n/10⌋; peak·(1 + cos π(i−w)/(n−w))/2 after. The first step is 0 whenever there is a warm-up,
 * and there is no constant tail. Source: Hugging Face `get_cosine_schedule_with_warmup`, as both papers of Hong et al.
 * use it.
 *
 * @example adam({ rate: cosineSchedule(0.1, 100) })
 */
export const cosineSchedule: Schedule = (peak, iterations) => {
  const warmUp = Math.floor(iterations / 10)
  const factor = (i: number) => (i < warmUp ? i / warmUp : cosine(i - warmUp, iterations - warmUp))
  return Array.from({ length: iterations }, (_, i) => peak * factor(i))
}
