/** The files that a command writes, looked at before anything is computed: each can be written, and is nothing else's. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { expected } from 'undiffuse'
import { checkWritable } from 'undiffuse/node'

/** Paths by what messages call them, as `--output` or `picture`. */
export type NamedFiles = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Throws `bad-option` where two outputs are one file, or an output is a file that is read: it would be lost. Otherwise
 * throws where one cannot be written. Files are one where their paths are, links of folders and files followed.
 */
export async function prepareOutputs(outputs: NamedFiles, inputs: NamedFiles = {}): Promise<void> {
  const taken = new Map<string, string>()
  for (const [name, path] of named(inputs)) taken.set(await placeOf(path), name)
  for (const [name, path] of named(outputs)) {
    const place = await placeOf(path)
    const other = taken.get(place)
    if (other !== undefined) {
      throw expected('bad-option', 'a file of its own', `\`${name}\``, `\`${path}\`, which is \`${other}\` too`, remedy)
    }
    taken.set(place, name)
  }
  for (const [, path] of named(outputs)) await checkWritable(path)
}

const remedy = 'One would be written over the other: choose another name.'

const named = (files: NamedFiles): readonly (readonly [name: string, path: string])[] =>
  Object.entries(files).flatMap(([name, paths]) => [paths ?? []].flat().map((path) => [name, path] as const))

/** Where a file is or would be. */
async function placeOf(path: string): Promise<string> {
  const whole = resolve(path)
  const there = await realpath(whole).catch(() => undefined)
  if (there !== undefined) return there
  const folder = await realpath(dirname(whole)).catch(() => dirname(whole))
  return join(folder, basename(whole))
}
