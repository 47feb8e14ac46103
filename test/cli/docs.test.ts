/** What the documentation shows runs: code blocks are executed, command lines name commands and options that exist. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { undiffuse } from './command-line.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Inside the project, so that examples find the package by its name. */
const scratch = join(root, 'test', '.examples')

const docs = (await readdir(join(root, 'docs')))
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))
const pages = await Promise.all(
  ['README.md', ...docs].map(async (page) => ({ page, text: await readFile(join(root, page), 'utf8') })),
)
const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]!)

const examples = pages.flatMap(({ page, text }) =>
  blocks(text, 'ts')
    // Whole programs import the package; other blocks show a piece of its inside.
    .filter((code) => code.includes("from 'undiffuse'"))
    .map((code, i) => ({ name: `${page} ${i + 1}`, code })),
)
const commands = pages.flatMap(({ page, text }) =>
  blocks(text, 'sh').flatMap((block) =>
    block
      .split('\n')
      .filter((line) => line.startsWith('npx undiffuse '))
      .map((line) => ({ page, line: line.replace(/\s#.*$/, '') })),
  ),
)

beforeAll(() => mkdir(scratch, { recursive: true }))
afterAll(() => rm(scratch, { recursive: true, force: true }))

it('finds what it is about', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2)
  expect(commands.length).toBeGreaterThanOrEqual(8)
})

describe('programs', () => {
  it.each(examples)('$name', async ({ name, code }) => {
    const file = join(scratch, `${name.replace(/\W+/g, '-')}.ts`)
    await writeFile(file, code)
    await import(pathToFileURL(file).href)
  })
})

/** Commands that have commands of their own. */
const withCommands = ['bench', 'checkpoint', 'watermark']

describe('command lines', () => {
  it.each(commands)('$page: $line', async ({ line }) => {
    const words = line.split(/\s+/).slice(2)
    const path = words.slice(0, withCommands.includes(words[0]!) ? 2 : 1)
    const { stdout, code } = await undiffuse([...path, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(`undiffuse ${path.join(' ')}`)
    for (const flag of words.filter((word) => /^--?[a-z]/.test(word))) expect(stdout).toContain(flag)
  })
})
