/**
 * Whether no process of this machine has this number. Numbers are given again: one that is there may be another process.
 *
 * @example isGone(process.pid) // false
 */
export function isGone(pid: number): boolean {
  try {
    // Signal 0 asks and does nothing.
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
