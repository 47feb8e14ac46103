/** The files that an operation writes, looked at before anything is computed: each can be written, and is nothing else's. */
import { expected } from '../../core/errors.js'
import { setting } from '../fields.js'
import { type HostFiles, standardStream } from '../host.js'
import { endingOf, isFileName, withoutEnding } from './paths.js'

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
  throw expected('bad-option', what, setting(name), `\`${path}\``, `Pass ${otherEnding(path, endings)}.`)
}

/** Throws `bad-option` for the stream, where an output is kept under a name; `example` is one. */
export function checkName(path: string, example: string): void {
  if (path !== standardStream) return
  throw expected('bad-option', 'the name of a file', setting('output'), '`-`', `Name one, as \`${example}\`.`)
}

/** A name with the first of these endings in place of its own, and one that no file of these has. */
export function otherEnding(path: string, endings: string | readonly string[], taken: readonly string[] = []): string {
  const stem = isFileName(path) ? withoutEnding(path) : path
  const [ending] = [endings].flat()
  return `\`${stem}${taken.includes(`${stem}${ending}`) ? '.new' : ''}${ending}\``
}

/** A sheet of pictures, where it is asked for. */
export const sheetField = { type: 'file', description: 'pictures to look at, side by side, a .png file' } as const

/** The folder of what explains a result, where it is asked for. */
export const reportField = {
  type: 'file',
  description: 'where a sheet, a chart and all numbers go',
  word: 'folder',
} as const

/** Whether an output is a folder: one that is there, or a name without the ending of a file. The stream is none. */
export const isFolderPath = async (path: string, files: Pick<HostFiles, 'isFolder'>): Promise<boolean> =>
  path !== standardStream && (!isFileName(path) || (await files.isFolder(path)))

/**
 * Where one result goes: to the file of this name, or under its usual name into a folder. Throws `bad-option` for a file
 * of another ending, and advises none of the `inputs`.
 */
export async function resultPath(
  output: string,
  usual: string,
  endings: string | readonly string[],
  files: Pick<HostFiles, 'isFolder' | 'join'>,
  inputs: readonly string[] = [],
): Promise<string> {
  if (await isFolderPath(output, files)) return files.join(output, usual)
  if (output === standardStream || hasEnding(output, endings)) return output
  const what = `a name that ends in ${[endings].flat().join(' or ')}, or a folder,`
  const remedy = `Pass ${otherEnding(output, endings, inputs)}.`
  throw expected('bad-option', what, setting('output'), `\`${output}\``, remedy)
}

/** Throws `bad-option` where several results would go into one file. */
export async function checkFolder(output: string, results: string, files: Pick<HostFiles, 'isFolder'>): Promise<void> {
  if (await isFolderPath(output, files)) return
  const remedy = `Name a folder${output === standardStream ? '' : `, as \`${withoutEnding(output)}\``}.`
  throw expected('bad-option', 'a folder', setting('output'), `\`${output}\` for ${results}`, remedy)
}

const hasEnding = (path: string, endings: string | readonly string[]): boolean =>
  [endings].flat().includes(endingOf(path).toLowerCase())

/** As files hold it. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
