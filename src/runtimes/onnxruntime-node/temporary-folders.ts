/**
 * Private folders that never outlive the process by more than a run: removed when asked, at the latest when the process
 * exits, and those of processes that were killed by the next process that makes one.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { atExit } from './at-exit.js'
import { isGone } from './process.js'

export interface TemporaryFolder {
  readonly path: string
  remove(): Promise<void>
}

/**
 * Makes a folder that only this user can read, named by `prefix`, this process and six random characters.
 *
 * The first time in a `parent` it removes what processes left there that are gone: those of this machine's name, by their
 * numbers. Another user's folders stay, for they cannot be removed.
 *
 * @example
 * const folder = await makeTemporaryFolder(tmpdir(), 'undiffuse-')
 */
export async function makeTemporaryFolder(parent: string, prefix: string): Promise<TemporaryFolder> {
  await sweepOnce(parent, prefix)
  const path = await mkdtemp(join(parent, `${prefix}${machine}-${process.pid}-`))
  const forget = atExit(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true })
      forget()
    },
  }
}

/** Processes of other machines, and of containers with names of their own, are not seen from here. */
const machine = hostname().replaceAll(/[^A-Za-z0-9.]/g, '_')

const swept = new Map<string, Promise<void>>()

/** Once in a process for each place. */
function sweepOnce(parent: string, prefix: string): Promise<void> {
  const place = join(parent, prefix)
  const sweeping = swept.get(place) ?? sweep(parent, prefix)
  swept.set(place, sweeping)
  return sweeping
}

async function sweep(parent: string, prefix: string): Promise<void> {
  const own = `${prefix}${machine}-`
  // What cannot be read or removed is somebody else's to tidy.
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid] = /^(\d+)-.{6}$/.exec(name.startsWith(own) ? name.slice(own.length) : '') ?? []
    if (pid === undefined || !isGone(Number(pid))) continue
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {})
  }
}
