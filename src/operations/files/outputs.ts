/** The files that an operation writes, looked at before anything is computed: each can be written, and is nothing else's. */
import { expected } from '../../core/errors.js'
import { setting } from '../fields.js'
import type { HostFiles } from '../host.js'
import { endingOf } from './paths.js'

/** Paths by what messages call them, as `settings.output` or `a picture`. */
export type NamedFiles = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Throws `bad-option` where two outputs are one file, or an output is a file that is read: it would be lost. Otherwise
 * throws where one cannot be written. Files are one where their paths are, links of folders and files followed.
 */
export async function prepareOutputs(files: HostFiles, outputs: NamedFiles, inputs: NamedFiles = {}): Promise<void> {
  const taken = new Map<string, string>()
  for (const [name, path] of named(inputs)) taken.set(await files.placeOf(path), name)
  for (const [name, path] of named(outputs)) {
    const place = await files.placeOf(path)
    const other = taken.get(place)
    if (other !== undefined) {
      const remedy = 'One would be written over the other: choose another name.'
      throw expected('bad-option', 'a file of its own', `\`${name}\``, `\`${path}\`, which is \`${other}\` too`, remedy)
    }
    taken.set(place, name)
  }
  for (const [, path] of named(outputs)) await files.checkWritable(path)
}

const named = (files: NamedFiles): readonly (readonly [name: string, path: string])[] =>
  Object.entries(files).flatMap(([name, paths]) => [paths ?? []].flat().map((path) => [name, path] as const))

/** Throws `bad-option` where the path of a setting ends otherwise. */
export function checkEnding(path: string, ending: string, name: string): void {
  if (endingOf(path).toLowerCase() === ending) return
  throw expected('bad-option', `a name that ends in ${ending}`, setting(name), `\`${path}\``, 'Change the name.')
}

/** As files hold it. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
