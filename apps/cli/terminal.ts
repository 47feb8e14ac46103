/** How a command talks: results on stdout, progress and errors on stderr, exit codes that scripts can use. */
import { performance } from 'node:perf_hooks'
import { errorTable, expected, isUndiffuseError, type Progress } from 'undiffuse'
import { worded } from './remedies.js'

/** Exit codes of a process that a signal ends, as shells count them: 128 and the signal's number. */
const interruptedExitCode = 130
const brokenPipeExitCode = 141
/** Exit code of a defect of ours (EX_SOFTWARE). */
const defectExitCode = 70
/** How long a command may take to end by itself when it is interrupted. */
const graceMilliseconds = 700

export interface Terminal {
  readonly json: boolean
  readonly signal: AbortSignal
  /** A line for people; silent with --json. */
  say(line?: string): void
  /** The result for programs; silent without --json. */
  result(value: unknown): void
  /** A progress line on stderr, drawn over itself; only where stderr is a terminal. */
  progress(progress: Progress): void
  clear(): void
  /** Says, if the command is interrupted, that this file holds what is finished; without one that none is left. */
  keeps(path?: string): void
}

const barWidth = 24

/** When a stage was first heard of, and how far it was then. */
interface Since {
  readonly stage: string
  readonly done: number
  readonly at: number
}

/** Seconds of a stage before its pace is believed. */
const paceSeconds = 10

/** What is left of a stage at its pace so far, once that is known: `, 3 min left`. */
function timeLeft({ done, total }: Progress, since: Since): string {
  const seconds = (performance.now() - since.at) / 1000
  if (!total || done <= since.done || seconds < paceSeconds) return ''
  const left = (seconds * (total - done)) / (done - since.done)
  return left < 90 ? `, ${Math.ceil(left)} s left` : `, ${Math.round(left / 60)} min left`
}

function progressLine(progress: Progress, since: Since): string {
  const { stage, done, total, residual } = progress
  const share = total ? Math.min(1, done / total) : undefined
  const filled = Math.round((share ?? 0) * barWidth)
  const bar = share === undefined ? '' : ` ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${done}/${total}`
  const value = residual === undefined ? '' : `  residual ${residual.toPrecision(4)}`
  return `${stage}${bar}${share === undefined ? ` ${done}` : ''}${timeLeft(progress, since)}${value}`
}

/** Names, prompts and files of strangers do not command a terminal: characters of control are shown as dots, but for line feeds. */
const harmless = (text: string): string => text.replace(/[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/gu, '·')

const printJson = (value: unknown) => console.log(JSON.stringify(value, undefined, 2))

function terminal(json: boolean, signal: AbortSignal, left: Left): Terminal {
  const draws = process.stderr.isTTY === true
  let drawn = 0
  let since: Since | undefined
  return {
    json,
    signal,
    say: (line = '') => {
      if (!json) console.log(harmless(line))
    },
    result: (value) => {
      if (json) printJson(value)
    },
    progress(progress) {
      const { stage, done } = progress
      if (since?.stage !== stage || done < since.done) since = { stage, done, at: performance.now() }
      // Ten lines a second are enough for eyes.
      if (!draws || performance.now() - drawn < 100) return
      drawn = performance.now()
      process.stderr.write(`\r\x1b[2K${harmless(progressLine(progress, since))}`)
    },
    clear: () => {
      if (drawn > 0) process.stderr.write('\r\x1b[2K')
      drawn = 0
    },
    keeps(path) {
      left.text = path === undefined ? nothingLeft : `\`${path}\` holds what is finished: go on with \`--resume\`.`
    },
  }
}

/** What an interrupted command leaves, in words. */
interface Left {
  text: string
}
const nothingLeft = 'no unfinished file was left.'

/**
 * Runs a command: Ctrl-C aborts its signal and, where that is not heard in time, ends the process (a second one does so
 * at once); an error becomes one line and an exit code. With --json the error is a JSON object on stdout as well, so that
 * a program always finds one.
 */
export async function runCommand(json: boolean, body: (terminal: Terminal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const left: Left = { text: nothingLeft }
  const io = terminal(json, controller.signal, left)
  let end: NodeJS.Timeout | undefined
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(interruptedExitCode)
    controller.abort(new Error('interrupted'))
    end = setTimeout(() => {
      io.clear()
      fail(json, controller.signal.reason, left.text)
      process.exit()
    }, graceMilliseconds)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, interrupt)
  try {
    await body(io)
    io.clear()
  } catch (error) {
    io.clear()
    fail(json, error, controller.signal.aborted ? left.text : undefined)
  } finally {
    clearTimeout(end)
    for (const name of signals) process.off(name, interrupt)
  }
}

/**
 * Says what went wrong in one line on stderr, and in JSON on stdout where that was asked for; sets the exit code. `left` is
 * what an interrupted command leaves.
 */
export function fail(json: boolean, error: unknown, left?: string): void {
  const { message, code, exitCode } = failureOf(error, left)
  console.error(`undiffuse: ${harmless(message)}`)
  if (json) printJson({ error: { code, message } })
  process.exitCode = exitCode
}

function failureOf(error: unknown, left?: string): { message: string; code: string; exitCode: number } {
  if (left !== undefined) return { message: `interrupted; ${left}`, code: 'interrupted', exitCode: interruptedExitCode }
  if (isUndiffuseError(error)) {
    // A message of the system may have several lines.
    const message = worded(error).message.replace(/\s*\n\s*/g, ' ')
    return { message, code: error.code, exitCode: errorTable[error.code].exitCode }
  }
  if (process.env.UNDIFFUSE_DEBUG) console.error(error)
  const reason = error instanceof Error ? error.message : String(error)
  return {
    message: `unexpected: ${reason} This is a defect of undiffuse; set UNDIFFUSE_DEBUG=1 to see where, and report it.`,
    code: 'defect',
    exitCode: defectExitCode,
  }
}

/** A reader that has gone (`… | head -1`) ends the process quietly; a full disk behind stdout is an error like others. */
export function watchStdout(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(brokenPipeExitCode)
    fail(
      false,
      expected(
        'unavailable',
        'an output that can be written',
        'stdout',
        error.message,
        'Free some space, or print elsewhere.',
      ),
    )
    process.exit()
  })
  // Nobody reads what goes wrong then.
  process.stderr.on('error', () => process.exit(brokenPipeExitCode))
}
