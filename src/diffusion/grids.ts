/** Where on a schedule a solver stops: the spacings in use, with the diffusers library's integer arithmetic. */

import { expected } from '../core/errors.js'
import { plural } from '../core/plural.js'
import { type Grid, type NoiseLevel, noiseLevel, type Schedule } from './level.js'

export const spacings = ['linspace', 'leading', 'trailing', 'karras', 'lambda'] as const
export const spreads = ['levels', 'steps'] as const
export const ends = ['cleanest', 'zero'] as const

export interface GridOptions {
  readonly steps: number
  readonly spacing: (typeof spacings)[number]
  readonly spread: (typeof spreads)[number]
  readonly offset: number
  readonly wholeTimes: boolean
  readonly end: (typeof ends)[number]
}

/**
 * `steps` + 1 levels of a schedule, noisiest first.
 *
 * With T training times and n points (n = steps + 1 when spread over the levels, steps when over the steps): linspace:
 * times even from the noisiest to the cleanest, moved by the schedule's `shift`; leading: ⌊T/n⌋·k + offset, k = n − 1 … 0; trailing: round(T −
 * k·T/steps) − 1, whatever the spread; karras: (σ/α)^(1/7) even; lambda: lambda even. The last level is `end`: the
 * schedule's cleanest or sigma = 0. Spread over the levels it takes the place of the last point, over the steps it
 * comes after it. `wholeTimes` rounds what a tabulated network is told (half to even), and for linspace the level too.
 *
 * In diffusers: DDIM, Euler and Heun spread over the steps, DPM-Solver over the levels; `set_alpha_to_one` false and
 * `final_sigmas_type` "sigma_min" end at the cleanest, true and "zero" at zero; Euler and Heun tell fractional times.
 * Errors: `bad-option` when two levels coincide or the noise grows, for leading and trailing on a continuous schedule,
 * and for a spacing that is infinite on this schedule. Source: diffusers 0.27; Karras et al. 2022, eq. 5; Lu et al.
 * 2022.
 *
 * @example gridOf(schedule, { steps: 50, spacing: 'leading', spread: 'steps', offset: 1, wholeTimes: true, end: 'cleanest' })
 */
export function gridOf(schedule: Schedule, options: GridOptions): Grid {
  const { steps, spacing, spread, end } = options
  const points = spread === 'levels' ? steps + 1 : steps
  const levels = placed[spacing](schedule, points, options).slice(0, steps)
  const last = end === 'zero' ? noiseLevel(schedule.cleanest, 1, 0) : schedule.level(schedule.cleanest)
  return checked([...levels, last], schedule, options)
}

type Placing = (schedule: Schedule, points: number, options: GridOptions) => NoiseLevel[]

const placed: Record<GridOptions['spacing'], Placing> = {
  linspace: (schedule, points, { wholeTimes }) => {
    const step = points === 1 ? 0 : (schedule.noisiest - schedule.cleanest) / (points - 1)
    const whole = wholeTimes && schedule.trainingTimes !== undefined
    // Counted from the cleanest, as numpy's linspace does, so that halves are rounded alike.
    const time = (k: number) => (k === 0 ? schedule.noisiest : schedule.cleanest + (points - 1 - k) * step)
    const shifted = (t: number) => (schedule.shift ? schedule.noisiest * schedule.shift(t / schedule.noisiest) : t)
    return series(points, (k) => schedule.level(shifted(whole ? roundHalfEven(time(k)) : time(k))))
  },
  leading: (schedule, points, { spacing, offset }) => {
    const ratio = Math.floor(trainingTimes(schedule, spacing) / points)
    return series(points, (k) => schedule.level((points - 1 - k) * ratio + offset))
  },
  trailing: (schedule, _, { spacing, steps }) => {
    const times = trainingTimes(schedule, spacing)
    return series(steps, (k) => schedule.level(roundHalfEven(times - (k * times) / steps) - 1))
  },
  karras: (schedule, points, options) => {
    const rho = 7
    const root = (t: number) => Math.exp(-schedule.level(t).lambda / rho)
    return evenly(root, (value) => -rho * Math.log(value), schedule, points, options)
  },
  lambda: (schedule, points, options) =>
    evenly(
      (t) => schedule.level(t).lambda,
      (value) => value,
      schedule,
      points,
      options,
    ),
}

const series = <T>(count: number, f: (k: number) => T): T[] => Array.from({ length: count }, (_, k) => f(k))

/** Points even in a function of time, from the noisiest to the cleanest; both ends are met exactly. */
function evenly(
  scale: (t: number) => number,
  toLambda: (value: number) => number,
  schedule: Schedule,
  points: number,
  { spacing, wholeTimes }: GridOptions,
): NoiseLevel[] {
  const { noisiest, cleanest, trainingTimes } = schedule
  const [from, to] = [scale(noisiest), scale(cleanest)]
  if (!Number.isFinite(from) || !Number.isFinite(to)) {
    throw expected(
      'bad-option',
      'a schedule with noise and signal at both ends',
      levelsBy(spacing),
      `\`${schedule.name}\``,
      'Name `spacing=linspace`, or for a flow take a solver of flows, as `flow-euler`.',
    )
  }
  return series(points, (k) => {
    const inner = k > 0 && k < points - 1
    const t = inner ? schedule.time(toLambda(from + ((to - from) * k) / (points - 1))) : k === 0 ? noisiest : cleanest
    const level = schedule.level(t)
    return wholeTimes && trainingTimes !== undefined ? { ...level, t: roundHalfEven(t) } : level
  })
}

const levelsBy = (spacing: string): string => `levels by \`spacing=${spacing}\``

function trainingTimes(schedule: Schedule, spacing: string): number {
  if (schedule.trainingTimes !== undefined) return schedule.trainingTimes
  throw expected(
    'bad-option',
    'a schedule with whole training times',
    levelsBy(spacing),
    `\`${schedule.name}\``,
    'Name `spacing=linspace`, `karras` or `lambda`; for a flow take a solver of flows, as `flow-euler`.',
  )
}

/** numpy's rounding: halves to the even neighbour. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

function checked(grid: Grid, schedule: Schedule, { steps, spacing, spread }: GridOptions): Grid {
  const index = grid.findIndex((level, i) => i > 0 && !(level.lambda > grid[i - 1]!.lambda))
  if (index < 0) return grid
  throw expected(
    'bad-option',
    'levels that lose noise at every step',
    `a grid of ${plural(steps, 'step')} (${spacing}) on ${schedule.name}`,
    `times ${grid[index - 1]!.t} and ${grid[index]!.t} at step ${index - 1}`,
    spread === 'steps' ? 'Use `spread=levels`, or fewer steps.' : 'Use fewer steps.',
  )
}
