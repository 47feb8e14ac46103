/** What recipes write of a run: files of a diffusers folder, weights in fp16, the log as a picture. */
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeSafetensors, safetensor, type Tensor } from 'undiffuse'
import { type FileContent, scatterPlot, writeFilesAtomically } from 'undiffuse/node'
import { loadCheckpoint } from './checkpoint.js'

/** The state that a run has reached; throws where there is none. */
export async function trainedState(run: string) {
  const found = await loadCheckpoint(join(run, 'checkpoint.safetensors'))
  if (!found) throw new Error(`Expected a checkpoint in \`${run}\`, got none. Train first.`)
  return found
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

export const halfWeights = (weights: Iterable<readonly [string, Tensor]>): FileContent =>
  encodeSafetensors(Object.fromEntries([...weights].map(([name, x]) => [name, safetensor(x, 'float16')])), {
    format: 'pt',
  })

/** Files by their paths below a folder; folders are made. */
export async function writeFolder(folder: string, files: Readonly<Record<string, FileContent>>): Promise<void> {
  const named = Object.entries(files).map(([name, content]) => [join(folder, name), content] as const)
  for (const [path] of named) await mkdir(dirname(path), { recursive: true })
  await writeFilesAtomically(named)
}

/** Numbers of a run's log over its steps; a stretch that was trained twice, because a run was killed, is drawn twice. */
export async function logCurves(
  log: string,
  title: string,
  { y, series }: { readonly y: string; readonly series: Readonly<Record<string, string>> },
): Promise<string> {
  const entries = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, number>>)
  const points = (key: string) => entries.flatMap(({ step, [key]: y }) => (y === undefined ? [] : [{ x: step!, y }]))
  return await scatterPlot({
    title,
    x: { title: 'steps' },
    y: { title: y },
    series: Object.entries(series).map(([key, name]) => ({ name, points: points(key), line: true })),
  })
}
