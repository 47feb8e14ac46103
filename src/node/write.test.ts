/** Files that belong together, and asking beforehand. Single files: files.test.ts. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkWritable, writeFilesAtomically, writeNewFile } from './write.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-write-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('writeFilesAtomically', () => {
  it('writes none when one cannot be written, and keeps what was there', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'absent', 'second')]
    await writeFile(first, 'old')
    const attempt = writeFilesAtomically([
      [first, 'new'],
      [second, 'x'],
    ])
    await expect(attempt).rejects.toMatchObject({ code: 'unavailable' })
    expect(await readFile(first, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['first'])
    await rm(first)
  })

  it('writes all', async () => {
    await writeFilesAtomically(['a', 'b'].map((name) => [join(folder, name), name] as const))
    expect(await readdir(folder)).toEqual(['a', 'b'])
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('b')
  })
})

describe('mode', () => {
  it('is what was asked, also in place of a file that others could read', async () => {
    const place = join(folder, 'private')
    await mkdir(place)
    const path = join(place, 'key')
    await writeFile(path, 'old', { mode: 0o644 })
    await writeFilesAtomically([[path, 'new']], { mode: 0o600 })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await rm(place, { recursive: true })
  })
})

describe('writeNewFile', () => {
  it('lets one of many have the name, and none take it from a file that is there', async () => {
    const place = join(folder, 'new')
    await mkdir(place)
    const path = join(place, 'key')
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => writeNewFile(path, `${i}`, { mode: 0o600 })),
    )
    const [winner, ...others] = attempts.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
    expect(others).toEqual([])
    expect(await readFile(path, 'utf8')).toBe(`${winner}`)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await expect(writeNewFile(path, 'late')).rejects.toMatchObject({ code: 'bad-option' })
    expect(await readFile(path, 'utf8')).toBe(`${winner}`)
    expect(await readdir(place)).toEqual(['key'])
    await expect(writeNewFile(join(place, 'absent', 'key'), 'x')).rejects.toMatchObject({ code: 'unavailable' })
    await rm(place, { recursive: true })
  })
})

describe('checkWritable', () => {
  it('leaves nothing behind', async () => {
    const place = join(folder, 'place')
    await mkdir(place)
    await checkWritable(join(place, 'file'))
    expect(await readdir(place)).toEqual([])
  })

  it.each([
    ['in a folder that is not there', ['absent', 'file'], /no such file or folder/],
    ['in the place of a folder', ['place'], /a folder/],
    ['below a file', ['a', 'file'], /got `\S+a`, which is a file, not a folder\./],
    ['with a name that is too long', ['x'.repeat(300)], /too long/],
  ])('refuses a file %s', async (_, path, reason) => {
    await expect(checkWritable(join(folder, ...path))).rejects.toThrow(reason)
  })
})
