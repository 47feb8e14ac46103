/** The surface of the package is what api/ says: a change of it is seen where changes are reviewed. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { apiPages } from '../../scripts/api-report.mjs'

const folder = fileURLToPath(new URL('../../api', import.meta.url))
const pages = apiPages()

it('has a page for each door, and no others', async () => {
  expect((await readdir(folder)).sort()).toEqual([...pages.keys()].sort())
})

it.each([...pages])('%s says what the types say', async (name, text) => {
  expect(await readFile(join(folder, name), 'utf8'), 'Build, then run `npm run api`.').toBe(text)
})
