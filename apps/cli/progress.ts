/** Progress for people: a line that is drawn over itself on a terminal; elsewhere a line every ten seconds. */
import { type Parts, plural, type Told } from 'undiffuse/operations'

/** What progress needs of stderr. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface ProgressView {
  show(progress: Told): void
  /** Draws again what was shown last: the clock goes on while a network runs. */
  tick(): void
  /** Leaves the line empty for other output. */
  clear(): void
}

/** Seconds between two lines where nothing can be drawn over. */
const lineSeconds = 10
/** Seconds between two drawings: enough for eyes. */
const drawSeconds = 0.1
/** Seconds before a pace is believed. */
const paceSeconds = 3
/** Seconds by which work may take longer than expected before nobody knows when it ends. */
const lateSeconds = 3
/** Work that takes longer than these seconds is announced. */
const longSeconds = 60
const [leastBar, mostBar] = [8, 24]
const startOfLine = '\r\x1b[2K'

/** How far work is: what is done of how much, and how much is in hand. In steps, or in what parts are expected to cost. */
interface Work {
  readonly done: number
  readonly total: number | undefined
  readonly inHand: number
}

/** Work since it was first heard of, and since it last came on. */
interface Pace {
  readonly begun: number
  readonly before: number
  readonly at: number
  readonly work: Work
}

/** 65 s → `1:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const rest = `${whole % 60}`.padStart(2, '0')
  return hours > 0 ? `${hours}:${`${minutes}`.padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

const sum = (some: readonly number[]): number => some.reduce((all, one) => all + one, 0)

const stepsWork = ({ done, total }: Told): Work => ({ done, total, inHand: 1 })

function partsWork({
  done,
  total,
  begun = 0,
  inHand = 1,
  weights = Array.from({ length: total }, () => 1),
}: Parts): Work {
  return {
    done: sum(weights.slice(0, done)) + begun,
    total: sum(weights),
    inHand: sum(weights.slice(done, done + inHand)),
  }
}

/** The part in hand, in the seconds that it is expected to take. What is in hand of it is a step of its stage. */
const partWork = ({ done, begun = 0 }: Parts, seconds: readonly number[], { total }: Told): Work => ({
  done: begun,
  total: seconds[done],
  inHand: total ? seconds[done]! / total : seconds[done]!,
})

/** The pace once more work is heard of. It begins anew where the work does. */
function heard(pace: Pace | undefined, work: Work, at: number): Pace {
  if (!pace || work.done < pace.work.done) return { begun: at, before: work.done, at, work }
  return work.done === pace.work.done ? { ...pace, work } : { ...pace, at, work }
}

/**
 * Seconds that are left: those from when the work last came on, less what went by since. Undefined while the pace is not known,
 * and while what is in hand takes longer than was expected.
 */
function secondsLeft({ begun, before, at, work: { done, total, inHand } }: Pace, now: number): number | undefined {
  if (total === undefined || done <= before || now - begun < paceSeconds) return undefined
  const each = (at - begun) / (done - before)
  if (done < total && now - at > each * inHand + lateSeconds) return undefined
  const left = each * Math.max(0, total - done) - Math.min(now - at, each * inHand)
  return left > 0 || done >= total ? left : undefined
}

/**
 * Seconds that are left of parts whose seconds are foreseen: of the part in hand by its own pace, and of those after it as foreseen.
 * A step as it was foreseen counts with those that are done. Undefined while what is in hand takes longer than was expected.
 */
function secondsLeftOfParts({ begun, before, at, work }: Pace, later: number, now: number): number | undefined {
  const each = (at - begun + work.inHand) / (work.done - before + work.inHand)
  const inHand = each * work.inHand
  if (now - at > inHand + lateSeconds) return undefined
  const left = each * (work.total! - work.done) - Math.min(now - at, inHand) + later
  return left > 0 ? left : undefined
}

/** `3 of 12`, and `5–8 of 12` of those that are in hand at once. */
function placeOf({ done, total, inHand = 1 }: Parts): string {
  const [first, last] = [done + 1, done + inHand].map((one) => Math.min(one, total))
  return `${first === last ? first : `${first}–${last}`} of ${total}`
}

/** What a line says, without its room. */
export interface ProgressText {
  readonly stage: string
  readonly count: string
  readonly share?: number | undefined
  readonly time: string
  readonly residual?: number | undefined
}

/** In at most so many columns. The residual goes first, then the bar, then the end of the stage. */
export function progressLine({ stage, count, share, time, residual }: ProgressText, columns: number): string {
  const numbers = [count, time].filter((part) => part !== '').join('  ')
  const room = columns - numbers.length - 1
  const value = residual === undefined || !Number.isFinite(residual) ? '' : `  residual ${residual.toPrecision(3)}`
  const bar = Math.min(mostBar, room - stage.length - 1 - value.length)
  if (share !== undefined && bar >= leastBar) {
    const filled = Math.round(share * bar)
    return `${stage} ${'█'.repeat(filled)}${'░'.repeat(bar - filled)} ${numbers}${value}`
  }
  const name = stage.length <= room ? stage : `${stage.slice(0, Math.max(0, room - 1))}…`
  return `${name} ${numbers}`.slice(0, Math.max(0, columns))
}

/** Progress on a stream, by a clock in seconds. `harmless` takes control characters out of names. */
export function progressView(
  stream: ProgressStream,
  now: () => number,
  harmless = (text: string) => text,
): ProgressView {
  const begin = now()
  const draws = stream.isTTY === true
  let last: Told | undefined
  let isDrawn = false
  let written = draws ? Number.NEGATIVE_INFINITY : begin
  let stage: (Pace & { readonly name: string }) | undefined
  let parts: (Pace & { readonly part: number }) | undefined
  const announced = new Set<string>()

  function hear(told: Told): void {
    const { stage: name } = told
    stage = { ...heard(stage?.name === name ? stage : undefined, stepsWork(told), now()), name }
    const { parts: all } = told
    if (all) {
      const work = all.seconds ? partWork(all, all.seconds, told) : partsWork(all)
      const isSame = !all.seconds || parts?.part === all.done
      parts = { ...heard(isSame ? parts : undefined, work, now()), part: all.done }
    }
    last = told
  }
  /** Seconds left of all parts where there are several, else of the stage. */
  const paceOf = ({ parts: all }: Told): Pace => (all && all.total > 1 ? parts! : stage!)
  function left(told: Told): number | undefined {
    const { seconds, done } = told.parts ?? {}
    return seconds ? secondsLeftOfParts(parts!, sum(seconds.slice(done! + 1)), now()) : secondsLeft(paceOf(told), now())
  }
  function textOf(told: Told): ProgressText {
    const { stage: name, done, total, residual, parts: all } = told
    const seconds = left(told)
    const time = `${clock(now() - begin)}${seconds === undefined ? '' : `, ${clock(seconds)} left`}`
    const count = total === undefined ? (done > 0 ? `${done}` : '') : `${done}/${total}`
    const share = total ? Math.min(1, done / total) : undefined
    if (!all || all.total === 1) return { stage: name, count, share, time, residual }
    return { stage: `${placeOf(all)}: ${name}`, count, share, time, residual }
  }
  /** What will take long is said once, as soon as the pace tells it. */
  function announce(told: Told): void {
    const seconds = left(told)
    const { parts: all, stage: name } = told
    const what = all && all.total > 1 ? plural(all.total, all.one ?? 'picture') : name
    if (seconds === undefined || all?.isTold || announced.has(what)) return
    announced.add(what)
    const whole = now() - paceOf(told).begun + seconds
    if (whole <= longSeconds) return
    view.clear()
    stream.write(`${harmless(what)}: about ${Math.round(whole / 60)} min\n`)
  }
  function draw(): void {
    if (!last) return
    const pause = draws ? drawSeconds : lineSeconds
    if (now() - written < pause) return
    written = now()
    const text = textOf(last)
    if (!draws) stream.write(`${harmless(progressLine({ ...text, share: undefined }, Number.POSITIVE_INFINITY))}\n`)
    else {
      // The last column stays empty: some terminals begin a new line after it.
      stream.write(`${startOfLine}${harmless(progressLine(text, (stream.columns || 80) - 1))}`)
      isDrawn = true
    }
  }
  const view: ProgressView = {
    show(told) {
      hear(told)
      announce(told)
      draw()
    },
    tick: draw,
    clear() {
      if (isDrawn) stream.write(startOfLine)
      isDrawn = false
      if (draws) written = Number.NEGATIVE_INFINITY
    },
  }
  return view
}
