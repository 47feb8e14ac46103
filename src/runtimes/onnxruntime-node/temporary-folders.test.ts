import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { makeTemporaryFolder } from './temporary-folders.js'

it('the next process removes what a killed one left, and nothing else', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'undiffuse-swept-'))
  const machine = hostname().replaceAll(/[^A-Za-z0-9.]/g, '_')
  const gone = spawnSync(process.execPath, ['--version']).pid
  const others = [
    `undiffuse-${machine}-${process.ppid}-abcdef`,
    `undiffuse-elsewhere-${gone}-abcdef`,
    `undiffuse-${machine}-${gone}-notes.txt`,
    'undiffuse-abcdef',
    `${machine}-${gone}-abcdef`,
  ]
  for (const name of [...others, `undiffuse-${machine}-${gone}-abcdef`]) {
    await mkdir(join(parent, name, 'weights'), { recursive: true })
  }
  const [one, two] = await Promise.all([1, 2].map(() => makeTemporaryFolder(parent, 'undiffuse-')))
  const made = [one!, two!].map(({ path }) => basename(path))
  expect((await readdir(parent)).sort()).toEqual([...others, ...made].sort())
  for (const { remove } of [one!, two!]) await remove()
  expect((await readdir(parent)).sort()).toEqual(others.sort())
  await rm(parent, { recursive: true })
})
