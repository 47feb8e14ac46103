/** The program is small until a command is run: what help and the version need is loaded, and nothing else. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { commandOf, programFor } from './program.js'

/** Modules that a file of this folder loads when it is imported, types and `import()` left out. */
async function loadedBy(name: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  const source = await readFile(new URL(name.replace(/\.js$/, '.ts'), import.meta.url), 'utf8')
  for (const [, module] of source.matchAll(/^import (?!type\b)(?:[^']* from )?'([^']+)'/gm)) {
    if (found.has(module!)) continue
    found.add(module!)
    if (module!.startsWith('./')) await loadedBy(module!, found)
  }
  return found
}

describe('the program', async () => {
  const words = (await programFor('all')).commands.map((command) => command.name())

  it('loads nothing of the library before it knows the command', async () => {
    const modules = [...(await loadedBy('./main.js'))]
    expect(modules).toContain('./program.js')
    expect(modules.filter((module) => module.startsWith('undiffuse'))).toEqual([])
  })

  it.each(words)('describes `%s` as the command itself does', async (word) => {
    const [short, whole] = [await programFor(['--help']), await programFor([word])]
    expect(commandOf(short, [word]).description()).toBe(commandOf(whole, [word]).description())
  })
})
