/** Private folders that never outlive the process: removed when asked, and at the latest when the process exits. */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { atExit } from './at-exit.js'

export interface TemporaryFolder {
  readonly path: string
  remove(): Promise<void>
}

/**
 * Makes a folder that only this user can read, named by `prefix` and six random characters.
 *
 * @example
 * const folder = await makeTemporaryFolder(tmpdir(), 'undiffuse-')
 */
export async function makeTemporaryFolder(parent: string, prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, prefix))
  const forget = atExit(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true })
      forget()
    },
  }
}
