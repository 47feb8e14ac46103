import { existsSync } from 'node:fs'
import { link, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Graph } from '../../graph/graph.js'
import { tensor } from '../../math/tensor.js'
import { ortNode } from './ort-node.js'
import { place } from './placement.js'

const refuse = vi.hoisted(() => ({ links: false }))

vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof import('node:fs/promises')>()
  const link: typeof files.link = async (from, to) => {
    if (refuse.links) throw new Error('EPERM: operation not permitted')
    return files.link(from, to)
  }
  return { ...files, link }
})

const OFFSET = 13
const LENGTH = 8

const graphOf = (file: string): Graph => ({
  name: 'small',
  inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: [2] }],
  nodes: [{ op: 'Add', domain: '', name: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {} }],
  initializers: new Map([['w', { dtype: 'float32', shape: [2], storage: { file, offset: OFFSET, length: LENGTH } }]]),
  types: new Map(),
})

let root: string
let models: string
let temporary: string
let weights: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-test-'))
  models = join(root, 'models')
  temporary = join(root, 'temporary')
  weights = join(models, 'model.safetensors')
  await mkdir(models)
  await mkdir(temporary)
  const bytes = new Uint8Array(OFFSET + LENGTH)
  bytes.set(new Uint8Array(Float32Array.of(10, 20).buffer), OFFSET)
  await writeFile(weights, bytes)
})

afterEach(async () => {
  refuse.links = false
  await rm(root, { recursive: true })
})

/** Where the model was put, which must hold a hard link to the weights and be gone when removed. */
async function placedIn(graph: Graph, folder: string): Promise<string> {
  const { source, remove } = await place(graph, folder)
  if (!('path' in source)) throw new Error('it was not linked')
  const beside = dirname(source.path)
  expect((await stat(source.path)).size).toBeGreaterThan(0)
  expect((await stat(join(beside, 'weights-0'))).ino).toBe((await stat(weights)).ino)
  await remove()
  expect(existsSync(beside)).toBe(false)
  expect(existsSync(weights)).toBe(true)
  return dirname(beside)
}

it('links the weights into the temporary folder, without copying them', async () => {
  expect(await placedIn(graphOf(weights), temporary)).toBe(temporary)
})

it('follows a symbolic link to the weights, as download caches make them', async () => {
  const alias = join(root, 'alias.safetensors')
  await symlink(weights, alias)
  expect(await placedIn(graphOf(alias), temporary)).toBe(temporary)
})

/** The graph of a model that names its weights itself, as ONNX files do. */
const namedBy = (folder: string, file: string): Graph => ({
  ...graphOf(file),
  initializers: new Map([
    ['w', { dtype: 'float32', shape: [2], storage: { file, offset: OFFSET, length: LENGTH, folder } }],
  ]),
})

it('follows no link out of the folder of a model that names its weights', async () => {
  const folder = join(root, 'published')
  await mkdir(folder)
  await symlink(weights, join(folder, 'w.bin'))
  await expect(place(namedBy(folder, join(folder, 'w.bin')), temporary)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/own folder for `small`, got a link from .*published/),
  })
  await symlink(weights, join(models, 'w.bin'))
  expect(await placedIn(namedBy(models, join(models, 'w.bin')), temporary)).toBe(temporary)
})

it("follows the links of a download cache's snapshots to its blobs", async () => {
  const [snapshot, blobs] = [join(root, 'cache', 'snapshots', 'main', 'vae'), join(root, 'cache', 'blobs')]
  await mkdir(snapshot, { recursive: true })
  await mkdir(blobs)
  await link(weights, join(blobs, '5f2c'))
  await symlink(join(blobs, '5f2c'), join(snapshot, 'w.bin'))
  expect(await placedIn(namedBy(snapshot, join(snapshot, 'w.bin')), temporary)).toBe(temporary)
})

it('takes a hidden folder beside the weights when the temporary folder will not do', async () => {
  expect(await placedIn(graphOf(weights), join(root, 'nowhere'))).toBe(models)
  expect(await readdir(models)).toEqual(['model.safetensors'])
})

it('names the weights to be read as bytes when they can be linked nowhere', async () => {
  refuse.links = true
  const { source } = await place(graphOf(weights), temporary)
  expect(source).toMatchObject({ weights: [{ name: 'weights-0', file: weights }] })
  expect(await readdir(temporary)).toEqual([])
  expect(await readdir(models)).toEqual(['model.safetensors'])
  const runtime = ortNode({ temporaryFolder: temporary })
  try {
    const session = await runtime.open(graphOf(weights))
    expect(await session.run({ x: tensor([2], [1, 2]) })).toEqual({ y: tensor([2], [11, 22]) })
  } finally {
    await runtime.close()
  }
})

it('refuses weights beyond the end of their file, naming them', async () => {
  await truncate(weights, OFFSET + LENGTH - 1)
  await expect(place(graphOf(weights), temporary)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/weights of 8 bytes at 13 in .*model\.safetensors for `w`, got a file of 20 bytes/),
  })
})

it('refuses weights whose file is missing', async () => {
  await expect(place(graphOf(join(models, 'other')), temporary)).rejects.toMatchObject({ code: 'bad-model' })
})

it.each([
  ['other', 'no such file'],
  ['.', 'a folder'],
])('says what stands in place of a weights file: %s', async (name, got) => {
  await expect(place(graphOf(join(models, name)), temporary)).rejects.toMatchObject({ code: 'bad-model', got })
})
