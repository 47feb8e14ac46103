/** The files that an operation writes, looked at before anything is computed: each can be written, and is nothing else's. */
import { expected } from '../../core/errors.js'
import { setting } from '../fields.js'
import { type HostFiles, standardStream } from '../host.js'
import { endingOf } from './paths.js'

/** Paths by what messages call them, as `settings.output` or `a picture`. */
export type NamedFiles = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Throws `bad-option` where two outputs are one file, or an output is a file that is read: it would be lost. Otherwise
 * throws where one cannot be written. Files are one where their paths are, links of folders and files followed. Folders of
 * outputs are made.
 */
export async function prepareOutputs(files: HostFiles, outputs: NamedFiles, inputs: NamedFiles = {}): Promise<void> {
  const taken = new Map<string, string>()
  for (const [name, path] of named(inputs)) if (path !== standardStream) taken.set(await files.placeOf(path), name)
  for (const [name, path] of named(outputs)) {
    const place = await files.placeOf(path)
    const other = taken.get(place)
    if (other !== undefined) {
      const remedy = 'One would be written over the other: choose another name.'
      throw expected('bad-option', 'a file of its own', `\`${name}\``, `\`${path}\`, which is \`${other}\` too`, remedy)
    }
    taken.set(place, name)
  }
  for (const [, path] of named(outputs)) {
    if (path === standardStream) continue
    await files.makeFolder(files.folderOf(path))
    await files.checkWritable(path)
  }
}

const named = (files: NamedFiles): readonly (readonly [name: string, path: string])[] =>
  Object.entries(files).flatMap(([name, paths]) => [paths ?? []].flat().map((path) => [name, path] as const))

/** Throws `bad-option` where the path of a setting ends otherwise. */
export function checkEnding(path: string, endings: string | readonly string[], name: string): void {
  if (path === standardStream || hasEnding(path, endings)) return
  const what = `a name that ends in ${[endings].flat().join(' or ')}`
  throw expected('bad-option', what, setting(name), `\`${path}\``, 'Change the name.')
}

/** A sheet of pictures, where it is asked for. */
export const sheetField = { type: 'file', description: 'pictures to look at, side by side, a .png file' } as const

/** The folder of what explains a result, where it is asked for. */
export const reportField = {
  type: 'file',
  description: 'where a sheet, a chart and all numbers go',
  word: 'folder',
} as const

/** Throws `bad-option` where several files would go into one stream. */
export function checkNoStream(path: string, count: number): void {
  if (path !== standardStream || count === 1) return
  throw expected('bad-option', 'a folder', setting('output'), `\`${path}\` for ${count} files`, 'Name a folder.')
}

/** Whether a folder is meant, for several files: anything without the ending of a file. */
export const isFolderPath = (path: string, endings: string | readonly string[]): boolean =>
  path !== standardStream && !hasEnding(path, endings)

const hasEnding = (path: string, endings: string | readonly string[]): boolean =>
  [endings].flat().includes(endingOf(path).toLowerCase())

/** As files hold it. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
