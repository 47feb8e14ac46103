/** What becomes of the process where nobody takes its output. */

/** Exit code of a process that a broken pipe ends, as shells count it: 128 and the signal's number. */
const brokenPipeExitCode = 141

/** A reader that has gone (`… | head -1`) ends the process quietly; a full disk behind stdout is an error like others. */
export function watchStdout(): void {
  process.stdout.on('error', async ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(brokenPipeExitCode)
    const [{ expected }, { fail }] = await Promise.all([import('undiffuse'), import('./terminal.js')])
    const remedy = 'Free some space, or print elsewhere.'
    fail(false, expected('unavailable', 'an output that can be written', 'stdout', message, remedy))
    process.exit()
  })
  // Nobody reads what goes wrong then.
  process.stderr.on('error', () => process.exit(brokenPipeExitCode))
}
