/** What commands that measure share: progress while it runs, and results as files in a folder. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Steps, Task } from 'undiffuse'
import { checkWritable, type FileContent, nodeHostFiles, writeFilesAtomically } from 'undiffuse/node'
import type { Terminal } from './terminal.js'

/** Runs steps to their end, drawing their progress. */
export async function drive<T>(io: Terminal, steps: Steps<T>): Promise<T> {
  const task = new Task(steps, io.signal)
  for await (const progress of task) io.progress(progress)
  io.clear()
  return await task
}

/** Draws how many tensors of random weights are written. */
export function weightsHeard(io: Terminal, like: string): (done: number, total: number) => void {
  const stage = `writing random weights of ${like}`
  io.progress({ stage, done: 0 })
  return (done, total) => io.progress({ stage, done, total })
}

/** Finds out before long work whether files can be written to a folder, which is made where it is missing. */
export async function prepareFolder(folder: string | undefined): Promise<void> {
  if (folder === undefined) return
  await nodeHostFiles.makeFolder(folder)
  await checkWritable(join(folder, 'result.json'))
}

/** Runs `body` with a temporary folder that is gone afterwards, also when the process is ended meanwhile. */
export async function withTemporaryFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-bench-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  try {
    return await body(folder)
  } finally {
    process.off('exit', remove)
    remove()
  }
}

/** Writes files to the folder, all or none, and says so; without a folder says how to get them. */
export async function writeResults(
  io: Terminal,
  folder: string | undefined,
  files: () => Promise<Readonly<Record<string, FileContent>>>,
): Promise<void> {
  if (folder === undefined) {
    io.say('\nPass `--out <folder>` for the numbers and charts as files.')
    return
  }
  const contents = Object.entries(await files()).map(([name, content]) => [join(folder, name), content] as const)
  await writeFilesAtomically(contents)
  io.say(`\nwrote ${contents.map(([path]) => path).join(', ')}`)
}

/** As the files hold it. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
