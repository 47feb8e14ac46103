/**
 * The finished pieces of a long benchmark as files of a folder, so that a run that was stopped goes on. Not its result.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expected, type Steps } from 'undiffuse'
import { writeFileAtomically } from 'undiffuse/node'

/** Everything that a piece depends on: equal keys mean equal pieces. */
export type CellKey = Readonly<Record<string, unknown>>

export interface Cells {
  /** What was kept under this key; undefined where nothing was. */
  find<T>(key: CellKey): Promise<T | undefined>
  /** Keeps a finished piece, plain data without infinities, whole or not at all. */
  keep(key: CellKey, value: unknown): Promise<void>
}

/** What was kept under this key, or what `measure` finds, which is kept. */
export async function* keptOr<T>(cells: Cells, key: CellKey, measure: () => Steps<T>): Steps<T> {
  const found = await cells.find<T>(key)
  if (found !== undefined) return found
  const value = yield* measure()
  await cells.keep(key, value)
  return value
}

/** Nothing is kept. */
export const noCells: Cells = { find: async () => undefined, keep: async () => {} }

/**
 * Cells as JSON files below `folder`, named by a hash of their keys; written at once under a temporary name and renamed.
 *
 * With `resume`, those that are there are found; without, they are replaced as the benchmark comes to them. Errors:
 * `unavailable` for a folder that cannot be used, `bad-option` for a file there that is not a cell.
 *
 * @example
 * const cells = await fileCells('out/bench/cells', { resume: true })
 * const row = yield* keptOr(cells, key, () => measured(key))
 */
export async function fileCells(folder: string, { resume }: { readonly resume: boolean }): Promise<Cells> {
  await mkdir(folder, { recursive: true })
  const pathOf = (key: CellKey) =>
    join(folder, `${createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24)}.json`)
  return {
    async find<T>(key: CellKey) {
      if (!resume) return undefined
      const path = pathOf(key)
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw expected('unavailable', 'a file that can be read', `\`${path}\``, error.message, 'Check the folder.')
      })
      return text === undefined ? undefined : cellValue<T>(path, text)
    },
    keep: (key, value) => writeFileAtomically(pathOf(key), `${JSON.stringify({ key, value }, undefined, 2)}\n`),
  }
}

function cellValue<T>(path: string, text: string): T {
  try {
    return (JSON.parse(text) as { readonly value: T }).value
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error)
    throw expected('bad-option', 'a finished cell', `\`${path}\``, got, 'Remove the file, or run without `--resume`.')
  }
}
