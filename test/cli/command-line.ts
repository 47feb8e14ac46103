/** Runs the built command line as people do, for tests: a process of its own, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../dist/apps/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Files in its folder after its end, those that were there before left out; and in its folder for temporary files. */
  readonly left: readonly string[]
}

export interface StartOptions {
  /** Fills its folder first. */
  readonly before?: (folder: string) => Promise<unknown>
  /** Looks at its folder after its end, before it is removed. */
  readonly after?: (folder: string) => Promise<unknown>
  /** Does something to the process while it runs. */
  readonly meanwhile?: (child: ChildProcess) => unknown
  readonly environment?: Readonly<Record<string, string>>
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [] : [join(entry.parentPath, entry.name)]))
}

/** Runs `undiffuse <words>` to its end in a fresh folder. */
export async function undiffuse(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const root = await mkdtemp(join(tmpdir(), 'undiffuse-cli-'))
  const folder = join(root, 'work')
  const temporary = join(root, 'temporary')
  try {
    for (const path of [folder, temporary]) await mkdir(path)
    await options.before?.(folder)
    const there = await filesIn(root)
    const child = spawn(process.execPath, [entry, ...words], {
      cwd: folder,
      env: { ...process.env, TMPDIR: temporary, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const written = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        written[name] += text
      })
    }
    const closed = new Promise<number | null>((resolve, reject) => {
      child.once('close', resolve)
      child.once('error', reject)
    })
    await options.meanwhile?.(child)
    const code = await closed
    const left = (await filesIn(root)).filter((path) => !there.includes(path)).map((path) => relative(root, path))
    await options.after?.(folder)
    return { code, ...written, left }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
