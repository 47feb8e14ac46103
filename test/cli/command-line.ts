/**
 * Runs the built command line as people do, for tests: in a folder of its own, and in a process of its own where a test asks
 * for it or does something to the process. Other runs of a test file share a process that has loaded the library already.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const entry = new URL('../../dist/apps/cli/main.js', import.meta.url)

interface Said {
  readonly code: number | null
  readonly stdout: string
  /** Without lines of progress: there are some where the machine is slow. */
  readonly stderr: string
}

/** `note: …`: what is odd, or worth knowing. */
const noteLines = /^note: .*\n/gm

/** `drawing the picture (ddim) 12/50  0:10, 0:32 left` and `200 pictures: about 6 min`. */
const progressLines = /^.*(?: {2}| )\d+:\d\d(?:, \d+:\d\d left)?\n|^.*: about \d+ min\n/gm

export interface Ended extends Said {
  /** The notes that were on stderr, which is without them. */
  readonly notes: string
  /** Files in its folder after its end, those that were there before left out; and in its folder for temporary files. */
  readonly left: readonly string[]
}

export interface StartOptions {
  /** In a process of its own, as people run it. */
  readonly alone?: boolean
  /** Fills its folder first. */
  readonly before?: (folder: string) => Promise<unknown>
  /** Looks at its folder after its end, before it is removed. */
  readonly after?: (folder: string) => Promise<unknown>
  /** Does something to the process while it runs: one of its own. */
  readonly meanwhile?: (child: ChildProcess) => unknown
  /** Of a process of its own. */
  readonly environment?: Readonly<Record<string, string>>
}

interface Place {
  readonly folder: string
  readonly temporary: string
}

async function inOwnProcess(
  words: readonly string[],
  { folder, temporary }: Place,
  options: StartOptions,
): Promise<Said> {
  const child = spawn(process.execPath, [fileURLToPath(entry), ...words], {
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
  return { code: await closed, ...written }
}

let warm: ChildProcess | undefined
let last: Promise<unknown> = Promise.resolve()
afterAll(() => warm?.disconnect())

function warmProcess(): ChildProcess {
  if (warm?.connected) return warm
  const script = fileURLToPath(new URL('warm.mjs', import.meta.url))
  warm = fork(script, [entry.href], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
  return warm
}

/** One command at a time: they change the process's folder. */
function inWarmProcess(words: readonly string[], place: Place): Promise<Said> {
  const run = async () => {
    const child = warmProcess()
    return await new Promise<Said>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`The process of ${words.join(' ')} ended with ${code}.`))
      child.once('exit', ended)
      child.once('message', (said: Said) => {
        child.off('exit', ended)
        resolve(said)
      })
      child.send({ words, ...place })
    })
  }
  const running = last.then(run, run)
  last = running
  return running
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
    const own = options.alone || options.meanwhile || options.environment
    const place = { folder, temporary }
    const said = await (own ? inOwnProcess(words, place, options) : inWarmProcess(words, place))
    const left = (await filesIn(root)).filter((path) => !there.includes(path)).map((path) => relative(root, path))
    await options.after?.(folder)
    const stderr = said.stderr.replace(progressLines, '')
    const notes = (stderr.match(noteLines) ?? []).join('')
    return { ...said, stderr: stderr.replace(noteLines, ''), notes, left }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
