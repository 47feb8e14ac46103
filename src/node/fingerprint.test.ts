import { cp, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fingerprint } from '../checkpoints/fingerprint.js'
import { nodeFiles } from './files.js'
import { modelFingerprint } from './fingerprint.js'

let folder = ''
const model = () => join(folder, 'model')
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-fingerprint-'))
  await mkdir(join(model(), 'unet'), { recursive: true })
  await writeFile(join(model(), 'unet', 'config.json'), '{}')
  // Larger than what is read whole.
  await writeFile(join(model(), 'unet', 'weights.safetensors'), new Uint8Array(9_000_000).fill(1))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('is the same for a copy, whenever it was made, and for another card beside it', async () => {
  const copy = join(folder, 'copy')
  await cp(model(), copy, { recursive: true })
  await utimes(join(copy, 'unet', 'config.json'), 1, 1)
  await writeFile(join(copy, 'MODEL_CARD.md'), 'new words')
  expect(await modelFingerprint(copy)).toBe(await modelFingerprint(model()))
  expect(await modelFingerprint(copy)).toMatch(/^[0-9a-f]{16}$/)
})

it('is the same on a host without a SHA-256 of its own', async () => {
  const { sha256: _, ...files } = nodeFiles
  expect(await fingerprint(files, model())).toBe(await modelFingerprint(model()))
})

it('tells a model that was trained again, of the same size, from the old one', async () => {
  const before = await modelFingerprint(model())
  await writeFile(join(model(), 'unet', 'weights.safetensors'), new Uint8Array(9_000_000).fill(2))
  const trained = await modelFingerprint(model())
  expect(trained).not.toBe(before)
  await writeFile(join(model(), 'unet', 'config.json'), '[]')
  expect(await modelFingerprint(model())).not.toBe(trained)
})

it('sees weights of any name, and those behind a link within the folder', async () => {
  const assembled = join(folder, 'assembled')
  const store = join(assembled, '.store')
  await mkdir(store, { recursive: true })
  await symlink('.store', join(assembled, 'vae'))
  const versions = new Set<string>()
  for (const name of ['weights.pb', 'decoder.conv_in.weight']) {
    for (const byte of [1, 2]) {
      await writeFile(join(store, name), new Uint8Array(100).fill(byte))
      versions.add(await modelFingerprint(assembled))
    }
  }
  expect(versions.size).toBe(4)
  const linked = await modelFingerprint(assembled)
  await rm(join(assembled, 'vae'))
  await rename(store, join(assembled, 'vae'))
  expect(await modelFingerprint(assembled)).toBe(linked)
})

it('throws for a folder that there is not', async () => {
  await expect(modelFingerprint(join(folder, 'none'))).rejects.toMatchObject({ code: 'unavailable' })
})
