/** A miniature of random weights in a folder of its own, and copies of it with one thing changed. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePipeline } from '../src/node/make-checkpoint.js'

export type Fields = Readonly<Record<string, unknown>>

export interface MiniatureFolder {
  readonly path: string
  /** A copy with fields of one JSON file changed; those that become undefined are taken out. */
  changed(file?: string, fields?: Fields): Promise<string>
  /** A copy without these parts. */
  without(...parts: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** The miniature of a shape. */
export async function miniatureFolder(shape: string): Promise<MiniatureFolder> {
  const root = await mkdtemp(join(tmpdir(), 'undiffuse-miniature-'))
  const path = join(root, 'tiny')
  await makePipeline(path, shape)
  const changed = async (file = 'model_index.json', fields: Fields = {}) => {
    const copy = await mkdtemp(join(root, 'model-'))
    await cp(path, copy, { recursive: true })
    const stated = JSON.parse(await readFile(join(copy, file), 'utf8')) as Fields
    await writeFile(join(copy, file), JSON.stringify({ ...stated, ...fields }))
    return copy
  }
  return {
    path,
    changed,
    async without(...parts) {
      const copy = await changed('model_index.json', Object.fromEntries(parts.map((part) => [part, [null, null]])))
      for (const part of parts) await rm(join(copy, part), { recursive: true })
      return copy
    },
    remove: () => rm(root, { recursive: true }),
  }
}
