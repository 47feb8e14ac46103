/** The pages of docs/methods are what the sources say: `npm run docs` writes them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { methodPages } from '../../scripts/method-pages.mjs'
import * as library from '../../src/index.js'

const folder = fileURLToPath(new URL('../../docs/methods', import.meta.url))
const pages = await methodPages(library)

it('has a page for each method, and no others', async () => {
  expect((await readdir(folder)).sort()).toEqual([...pages.keys()].sort())
})

describe('says what the source says, about', () => {
  it.each([...pages])('%s', async (name, text) => {
    expect(await readFile(join(folder, name), 'utf8'), 'Run `npm run docs`.').toBe(text)
  })

  it.each([...pages].filter(([name]) => name !== 'README.md'))(
    '%s: equation, cost, exactness and example',
    (_, text) => {
      expect(text).toMatch(/[=←]/)
      expect(text.toLowerCase()).toMatch(/cost|evaluation/)
      expect(text.toLowerCase()).toContain('exact')
      expect(text).toContain('## Example')
    },
  )
})
