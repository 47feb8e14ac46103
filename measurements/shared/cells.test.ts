import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fileCells } from './cells.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-cells-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const key = { solver: 'ddim', steps: 50 }

test('what was kept is found under an equal key, and under no other; only when resuming', async () => {
  const first = await fileCells(folder, { resume: false })
  await first.keep(key, { errors: [1, 2.5] })
  expect(await first.find(key)).toBeUndefined()
  const again = await fileCells(folder, { resume: true })
  expect(await again.find({ ...key })).toEqual({ errors: [1, 2.5] })
  expect(await again.find({ ...key, steps: 10 })).toBeUndefined()
  await again.keep(key, { errors: [] })
  expect(await again.find(key)).toEqual({ errors: [] })
  expect((await readdir(folder)).filter((name) => !/^[0-9a-f]{24}\.json$/.test(name))).toEqual([])
})

test('a file that is no cell is refused by its name', async () => {
  const cells = await fileCells(folder, { resume: true })
  await cells.keep(key, 1)
  const [name = ''] = await readdir(folder)
  await writeFile(join(folder, name), '{"key":')
  await expect(cells.find(key)).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining(name) })
})
