/** Progress for people: a line that is drawn over itself on a terminal; elsewhere a line every ten seconds. */
import type { Told } from 'undiffuse/operations'

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
/** Work that takes longer than these seconds is announced. */
const longSeconds = 60
const [leastBar, mostBar] = [8, 24]
const startOfLine = '\r\x1b[2K'

/** When something was first heard of, and how far it was then. */
interface Since {
  readonly at: number
  readonly done: number
}

/** 65 s → `1:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const rest = `${whole % 60}`.padStart(2, '0')
  return hours > 0 ? `${hours}:${`${minutes}`.padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

/** Seconds that are left at the pace since then; undefined while it is not known. */
function secondsLeft(done: number, total: number | undefined, since: Since, now: number): number | undefined {
  if (total === undefined || done <= since.done || now - since.at < paceSeconds) return undefined
  return ((now - since.at) * Math.max(0, total - done)) / (done - since.done)
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
  let stage: (Since & { readonly name: string }) | undefined
  let parts: Since | undefined
  const announced = new Set<string>()

  function hear(told: Told): void {
    const at = now()
    if (stage?.name !== told.stage || told.done < stage.done) stage = { name: told.stage, at, done: told.done }
    if (told.parts) parts ??= { at, done: told.parts.done }
    last = told
  }
  /** Seconds left of all pictures where there are several, else of the stage. */
  function left({ done, total, parts: all }: Told): number | undefined {
    return all ? secondsLeft(all.done, all.total, parts!, now()) : secondsLeft(done, total, stage!, now())
  }
  function textOf(told: Told): ProgressText {
    const { stage: name, done, total, residual, parts: all } = told
    const seconds = left(told)
    const time = `${clock(now() - begin)}${seconds === undefined ? '' : `, ${clock(seconds)} left`}`
    const count = total === undefined ? (done > 0 ? `${done}` : '') : `${done}/${total}`
    const share = total ? Math.min(1, done / total) : undefined
    if (!all) return { stage: name, count, share, time, residual }
    const place = `${Math.min(all.done + 1, all.total)} of ${all.total}`
    return { stage: `${place}: ${name}`, count, share, time, residual }
  }
  /** What will take long is said once, as soon as the pace tells it. */
  function announce(told: Told): void {
    const seconds = left(told)
    const what = told.parts ? `${told.parts.total} pictures` : told.stage
    if (seconds === undefined || announced.has(what)) return
    announced.add(what)
    const since = told.parts ? parts! : stage!
    const all = now() - since.at + seconds
    if (all <= longSeconds) return
    view.clear()
    stream.write(`${harmless(what)}: about ${Math.round(all / 60)} min\n`)
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
      stream.write(`${startOfLine}${harmless(progressLine(text, (stream.columns ?? 80) - 1))}`)
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
