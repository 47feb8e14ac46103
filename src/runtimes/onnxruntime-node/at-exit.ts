/** What has to be undone when the process ends, however it ends in an orderly way: one registry, one listener. */
const cleanups = new Set<() => void>()

function cleanUp(): void {
  for (const cleanup of cleanups) cleanup()
}

/**
 * Registers a synchronous cleanup for the end of the process; returns how to take it back.
 *
 * @example
 * const forget = atExit(() => rmSync(folder, { recursive: true, force: true }))
 */
export function atExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) process.on('exit', cleanUp)
  cleanups.add(cleanup)
  return () => {
    cleanups.delete(cleanup)
    if (cleanups.size === 0) process.off('exit', cleanUp)
  }
}
