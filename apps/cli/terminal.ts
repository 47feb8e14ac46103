/** How a command talks: results on stdout, progress, notes and errors on stderr, exit codes that scripts can use. */
import { performance } from 'node:perf_hooks'
import { errorTable, isUndiffuseError } from 'undiffuse'
import type { Told } from 'undiffuse/operations'
import { asTyped } from './program-name.js'
import { progressView } from './progress.js'
import { worded } from './remedies.js'
import { inFlags } from './setting-names.js'

/** Exit code of a process that Ctrl-C ends, as shells count it: 128 and the signal's number. */
const interruptedExitCode = 130
/** Exit code of a defect of ours (EX_SOFTWARE). */
const defectExitCode = 70
/** Some pictures of many failed; the others are done. */
export const someFailedExitCode = 11
/** `edit` has a picture, and a mask that says nothing. */
export const voidMaskExitCode = 12
/** How long a command may take to end by itself when it is interrupted. */
const graceMilliseconds = 700

export interface Terminal {
  readonly json: boolean
  readonly signal: AbortSignal
  /** A line for people; silent with --json. */
  say(line?: string): void
  /** A line for people on stderr, with --json too: what is odd, or worth knowing. */
  note(line: string): void
  /** Lines for people go to stderr from now on: stdout is a file's. */
  leaveStdout(): void
  /** The result for programs; silent without --json. */
  result(value: unknown): void
  /** How far the work is, on stderr. */
  progress(progress: Told): void
  clear(): void
  /** Says, if the command is interrupted, that this file, or these, hold what is finished; without one that none is left. */
  keeps(kept?: string | readonly string[]): void
}

/** Names, prompts and files of strangers do not command a terminal: characters of control are shown as dots, but for line feeds. */
const harmless = (text: string): string => text.replace(/[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/gu, '·')

const printJson = (value: unknown) => console.log(JSON.stringify(value, undefined, 2))

/** How often the clock of a progress line goes on. */
const tickMilliseconds = 1000

function terminal(json: boolean, signal: AbortSignal, left: Left): Terminal & { end(): void } {
  const { show, tick, clear } = progressView(process.stderr, () => performance.now() / 1000, harmless)
  const clockwork = setInterval(tick, tickMilliseconds).unref()
  let say = console.log
  return {
    json,
    signal,
    say: (line = '') => {
      clear()
      if (!json) say(asTyped(harmless(line)))
    },
    note(line) {
      clear()
      console.error(`note: ${asTyped(harmless(line))}`)
    },
    leaveStdout() {
      say = console.error
    },
    result: (value) => {
      if (json) printJson(value)
    },
    progress: show,
    clear,
    keeps(kept) {
      left.text = keptWords(kept)
    },
    end() {
      clearInterval(clockwork)
      clear()
    },
  }
}

/** What an interrupted command leaves, in words. */
interface Left {
  text: string
}
const nothingLeft = 'no unfinished file was left.'

function keptWords(kept: string | readonly string[] | undefined): string {
  if (kept === undefined) return nothingLeft
  if (typeof kept === 'string') return `\`${kept}\` holds what is finished: go on with \`--resume\`.`
  return `these files are whole and were kept: ${kept.map((path) => `\`${path}\``).join(', ')}.`
}

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
      io.end()
      fail(json, controller.signal.reason, left.text)
      process.exit()
    }, graceMilliseconds)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, interrupt)
  try {
    await body(io)
    io.end()
  } catch (error) {
    io.end()
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
  console.error(`undiffuse: ${asTyped(harmless(message))}`)
  if (json) printJson({ error: { code, message } })
  process.exitCode = exitCode
}

function failureOf(error: unknown, left?: string): { message: string; code: string; exitCode: number } {
  if (left !== undefined) return { message: `interrupted; ${left}`, code: 'interrupted', exitCode: interruptedExitCode }
  if (isUndiffuseError(error)) {
    // Operations name their settings as flags already; other commands share their words. A message of the system may have several lines.
    const message = inFlags(worded(error).message, {}).replace(/\s*\n\s*/g, ' ')
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
