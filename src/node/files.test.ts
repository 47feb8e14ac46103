import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expected } from '../core/errors.js'
import { nodeFiles } from './files.js'
import { writeFileAtomically } from './write.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-files-'))
  await writeFile(join(folder, 'text'), 'λ = 1')
  await mkdir(join(folder, 'sub'))
  await symlink('circle', join(folder, 'circle'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('reading', () => {
  test('files have a size and folders a list; what is absent or of the other kind has none', async () => {
    expect(await nodeFiles.size(join(folder, 'text'))).toBe(6)
    expect(await nodeFiles.list(folder)).toEqual(['circle', 'sub', 'text'])
    for (const path of ['none', 'sub', 'text/below']) expect(await nodeFiles.size(join(folder, path))).toBeUndefined()
    for (const path of ['none', 'text']) expect(await nodeFiles.list(join(folder, path))).toBeUndefined()
    expect(await nodeFiles.size('/dev/zero')).toBeUndefined()
  })

  test('ranges end where the file ends, and no more is allocated', async () => {
    const path = join(folder, 'text')
    expect(Buffer.from(await nodeFiles.read(path, 3, 3)).toString()).toBe('= 1')
    expect(Buffer.from(await nodeFiles.read(path, 5, 2 ** 50)).toString()).toBe('1')
    expect(await nodeFiles.read(path, 100, 4)).toHaveLength(0)
  })

  test('ranges beyond 4 GB are reached', async () => {
    const path = join(folder, 'large')
    await writeFile(path, '')
    await truncate(path, 2 ** 33)
    expect(await nodeFiles.read(path, 2 ** 33 - 2, 10)).toEqual(new Uint8Array(2))
    await rm(path)
  })

  test('text is UTF-8', async () => {
    expect(await nodeFiles.text(join(folder, 'text'))).toBe('λ = 1')
    expect(() => nodeFiles.decodeUtf8(Uint8Array.of(0xff))).toThrow()
  })

  test("the system's failures are `unavailable` errors", async () => {
    await expect(nodeFiles.size(join(folder, 'circle'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/links/),
    })
    await expect(nodeFiles.read(join(folder, 'none'), 0, 1)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(nodeFiles.read(join(folder, 'sub'), 0, 1)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test.skipIf(process.platform === 'win32')('pipes are refused, not waited for', async () => {
    const pipe = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    await expect(nodeFiles.read(pipe, 0, 1)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(nodeFiles.text(pipe)).rejects.toMatchObject({ message: expect.stringMatching(/a pipe or a device/) })
    await rm(pipe)
  })
})

describe('writing', () => {
  const leftovers = async () => (await readdir(folder)).filter((name) => name.endsWith('.part'))

  test('bytes, text and pieces are written whole; what was there is replaced', async () => {
    const path = join(folder, 'out')
    await writeFileAtomically(path, Uint8Array.of(65, 66))
    expect(await readFile(path, 'utf8')).toBe('AB')
    await writeFileAtomically(path, [Uint8Array.of(67), Uint8Array.of(68)])
    expect(await readFile(path, 'utf8')).toBe('CD')
    await writeFileAtomically(path, 'é')
    expect(await readFile(path, 'utf8')).toBe('é')
    expect(await leftovers()).toEqual([])
    await rm(path)
  })

  test('when its content fails half way, the old file stays and nothing else', async () => {
    const path = join(folder, 'kept')
    await writeFile(path, 'old')
    async function* failing() {
      yield Uint8Array.of(1)
      throw expected('not-finite', 'finite numbers', 'a network', 'NaN', 'Try another input.')
    }
    await expect(writeFileAtomically(path, failing())).rejects.toMatchObject({ code: 'not-finite' })
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await leftovers()).toEqual([])
  })

  test.each([
    ['a folder', 'sub', /got a folder/],
    ['a folder that does not exist', 'none/file', /no such file or folder\. Check the path/],
    ['below a file', 'text/file', /not a folder/],
    ['a name that is too long', 'x'.repeat(300), /too long/],
  ])('%s is refused and leaves nothing behind', async (_, name, message) => {
    await expect(writeFileAtomically(join(folder, name), 'x')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(message),
    })
    expect(await leftovers()).toEqual([])
  })

  test('a device is never replaced', async () => {
    await expect(writeFileAtomically('/dev/null', 'x')).rejects.toThrow(/got a pipe or a device/)
  })

  test('a full disk is an error that says so', async () => {
    // As write(2) fails on a full disk, after a first piece went through.
    async function* content() {
      yield Uint8Array.of(1)
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
    }
    await expect(writeFileAtomically(join(folder, 'full'), content())).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/no space left on the device\. Free some space/),
    })
    expect(await leftovers()).toEqual([])
  })
})
