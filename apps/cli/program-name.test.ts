/** Messages and help say what to type: with npx, where npx was typed. */
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expected } from 'undiffuse'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { helpLines, pageColumns, pageLines } from './help.js'
import { commandOf, programFor } from './program.js'
import { asTyped, programName } from './program-name.js'
import { fail } from './terminal.js'

describe.each([
  ['exec', 'npx undiffuse'],
  ['start', 'npx undiffuse'],
  ['test', 'undiffuse'],
  [undefined, 'undiffuse'],
])('where npm_command is %s', (command, name) => {
  const environment = { npm_command: command }
  it(`the program is ${name}`, () => {
    expect(programName(environment)).toBe(name)
    expect(asTyped('`undiffuse help ddim` and `undiffuse`; `undiffuse-scenes`, undiffuse', environment)).toBe(
      `\`${name} help ddim\` and \`${name}\`; \`undiffuse-scenes\`, undiffuse`,
    )
  })
})

it('pages of the package are told from where somebody stands', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const told = (folder: string) => asTyped('see docs/editing.md. https://a/docs/editing.md', {}, folder)
  expect(told(root)).toBe('see docs/editing.md. https://a/docs/editing.md')
  expect(told(dirname(root.replace(/\/$/, '')))).toBe(
    `see ${basename(root)}/docs/editing.md. https://a/docs/editing.md`,
  )
  expect(told(join(root, 'src'))).toBe(`see ${join(root, 'docs/editing.md')}. https://a/docs/editing.md`)
})

describe('started by npx', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
    process.exitCode = undefined
  })

  it.each(['generate', 'edit', 'compare', 'invert'])('help of %s says so, and still fits a page', async (name) => {
    vi.stubEnv('npm_command', 'exec')
    const lines = helpLines(commandOf(await programFor([name]), [name]))
    expect(lines[0]).toMatch(new RegExp(`^npx undiffuse ${name} `))
    expect(lines.join(' ')).not.toMatch(/(?<!npx )undiffuse (?:help|[a-z]+ )/)
    expect(lines.length).toBeLessThanOrEqual(pageLines)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(pageColumns)
  })

  it('errors say so to people, not to programs', async () => {
    vi.stubEnv('npm_command', 'exec')
    const said = vi.spyOn(console, 'error').mockReturnValue()
    const told = vi.spyOn(console, 'log').mockReturnValue()
    fail(true, expected('unavailable', 'a key', '`key.json`', 'none', 'Make one.', { hint: 'make-key' }))
    expect(said.mock.calls[0]![0]).toContain('`npx undiffuse watermark keygen` makes one.')
    expect(told.mock.calls[0]![0]).toContain('`undiffuse watermark keygen` makes one.')
  })
})
