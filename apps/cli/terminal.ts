/** How a command talks: results on stdout, progress and errors on stderr, exit codes that scripts can use. */
import { performance } from 'node:perf_hooks'
import { errorTable, isUndiffuseError, type Progress } from 'undiffuse'

/** Exit code after Ctrl-C, as shells count it: 128 + SIGINT. */
const interruptedExitCode = 130
/** Exit code of a defect of ours (EX_SOFTWARE). */
const defectExitCode = 70

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
}

const barWidth = 24

function progressLine({ stage, done, total, residual }: Progress): string {
  const share = total ? Math.min(1, done / total) : undefined
  const filled = Math.round((share ?? 0) * barWidth)
  const bar = share === undefined ? '' : ` ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${done}/${total}`
  const value = residual === undefined ? '' : `  residual ${residual.toPrecision(4)}`
  return `${stage}${bar}${share === undefined ? ` ${done}` : ''}${value}`
}

function terminal(json: boolean, signal: AbortSignal): Terminal {
  const draws = process.stderr.isTTY === true
  let drawn = 0
  return {
    json,
    signal,
    say: (line = '') => {
      if (!json) console.log(line)
    },
    result: (value) => {
      if (json) console.log(JSON.stringify(value, undefined, 2))
    },
    progress(progress) {
      // Ten lines a second are enough for eyes.
      if (!draws || performance.now() - drawn < 100) return
      drawn = performance.now()
      process.stderr.write(`\r\x1b[2K${progressLine(progress)}`)
    },
    clear: () => {
      if (draws && drawn > 0) process.stderr.write('\r\x1b[2K')
    },
  }
}

/**
 * Runs a command: Ctrl-C aborts its signal (a second one ends at once), an error becomes one line and an exit code.
 * With --json the error is a JSON object on stdout as well, so that a program always finds one.
 */
export async function runCommand(json: boolean, body: (terminal: Terminal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(interruptedExitCode)
    controller.abort(new Error('interrupted'))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const io = terminal(json, controller.signal)
  try {
    await body(io)
    io.clear()
  } catch (error) {
    io.clear()
    const { message, code, exitCode } = failureOf(error, controller.signal)
    console.error(`undiffuse: ${message}`)
    io.result({ error: { code, message } })
    process.exitCode = exitCode
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

function failureOf(error: unknown, signal: AbortSignal): { message: string; code: string; exitCode: number } {
  if (signal.aborted)
    return { message: 'interrupted; nothing was written.', code: 'interrupted', exitCode: interruptedExitCode }
  if (isUndiffuseError(error))
    return { message: error.message, code: error.code, exitCode: errorTable[error.code].exitCode }
  if (process.env.UNDIFFUSE_DEBUG) console.error(error)
  const reason = error instanceof Error ? error.message : String(error)
  return {
    message: `unexpected: ${reason} This is a defect of undiffuse; set UNDIFFUSE_DEBUG=1 to see where, and report it.`,
    code: 'defect',
    exitCode: defectExitCode,
  }
}
