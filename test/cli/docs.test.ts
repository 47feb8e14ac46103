/** Command lines that the documentation shows name commands and options that exist. Its programs: package.test.ts. */
import { describe, expect, it } from 'vitest'
import { undiffuse } from './command-line.js'
import { commandLines } from './documentation.js'

/** Commands that have commands of their own. */
const withCommands = ['bench', 'checkpoint', 'watermark']

const pathOf = (words: readonly string[]) => words.slice(0, withCommands.includes(words[0]!) ? 2 : 1).join(' ')

const shown = commandLines.map(({ page, line }) => {
  const words = line.split(/\s+/).slice(2)
  return { page, line, path: pathOf(words), flags: words.filter((word) => /^--?[a-z]/.test(word)) }
})

it('finds what it is about', () => expect(shown.length).toBeGreaterThanOrEqual(8))

describe.each([...new Set(shown.map(({ path }) => path))])('undiffuse %s', async (path) => {
  const { stdout, code } = await undiffuse(['help', ...path.split(' '), '--all'])
  const lines = shown.filter((one) => one.path === path)

  it('prints its help', () => {
    expect(code).toBe(0)
    expect(stdout).toContain(`undiffuse ${path}`)
  })
  it.each(lines)('$page: $line', ({ flags }) => {
    for (const flag of flags) expect(stdout).toContain(flag)
  })
})
