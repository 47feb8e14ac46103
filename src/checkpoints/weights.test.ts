import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeFiles } from '../node/files.js'
import { encodeSafetensors } from './safetensors.js'
import { openWeights } from './weights.js'

let root: string
let count = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-weights-'))
})
afterAll(() => rm(root, { recursive: true }))

/** A folder with these files; a list of names stands for a .safetensors file with one such tensor each. */
async function folderOf(contents: Readonly<Record<string, string | readonly string[]>>): Promise<string> {
  const folder = join(root, `${count++}`)
  await mkdir(folder)
  for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), bytesOfContent(content))
  return folder
}

function bytesOfContent(content: string | readonly string[]): string | Buffer {
  if (typeof content === 'string') return content
  const tensor = { dtype: 'float16', shape: [2, 3], bytes: new Uint8Array(12) } as const
  return Buffer.concat(encodeSafetensors(Object.fromEntries(content.map((name) => [name, tensor]))))
}

const indexOf = (map: Readonly<Record<string, unknown>>) => JSON.stringify({ metadata: {}, weight_map: map })
const open = (folder: string) => openWeights(nodeFiles, folder)

test('a tensor of a checkpoint comes with its place in the file', async () => {
  const folder = 'test/golden/autoencoder-tiny'
  const weights = await open(folder)
  expect(weights.has('decoder.layers.0.bias')).toBe(true)
  expect(weights.has('toString')).toBe(false)
  expect(weights.get('decoder.layers.0.bias', [16])).toEqual({
    dtype: 'float32',
    shape: [16],
    storage: { file: join(folder, 'diffusion_pytorch_model.safetensors'), offset: 8 + 10192, length: 64 },
  })
})

test('a missing tensor and a wrong shape are errors that name tensor, expected and found', async () => {
  const weights = await open(await folderOf({ 'model.safetensors': ['a'] }))
  expect(() => weights.get('b', [7])).toThrow(/a tensor of shape 7 for `b` in .*, got none of that name among 1/)
  expect(() => weights.get('a', [3, 2])).toThrow(/a tensor of shape 3×2 for `a` in .*, got 2×3/)
})

test('full precision is preferred to half, which serves alone', async () => {
  const half = await open(await folderOf({ 'diffusion_pytorch_model.fp16.safetensors': ['half'] }))
  expect(half.names).toEqual(['half'])
  const both = { 'diffusion_pytorch_model.fp16.safetensors': ['half'], 'model.safetensors': ['full'] }
  expect((await open(await folderOf(both))).names).toEqual(['full'])
})

describe('shards', () => {
  const shards = { 'm-1.safetensors': ['a', 'b'], 'm-2.safetensors': ['c'] }
  const name = 'diffusion_pytorch_model.safetensors.index.json'
  const map = { a: 'm-1.safetensors', b: 'm-1.safetensors', c: 'm-2.safetensors' }

  test('are one set of weights', async () => {
    const folder = await folderOf({ ...shards, [name]: indexOf(map) })
    const weights = await open(folder)
    expect([...weights.names].sort()).toEqual(['a', 'b', 'c'])
    expect(weights.get('c').storage).toMatchObject({ file: join(folder, 'm-2.safetensors') })
  })

  test.each<[what: string, map: Readonly<Record<string, unknown>>, message: RegExp]>([
    ['a tensor that its shard lacks', { ...map, d: 'm-2.safetensors' }, /tensor d in m-2.safetensors/],
    ['a missing shard', { d: 'm-3.safetensors' }, /m-3.safetensors.*no such file/],
    ['a shard elsewhere', { d: '../../secret.safetensors' }, /in the same folder for d.*secret/],
    ['a shard elsewhere on Windows', { d: '..\\secret.safetensors' }, /in the same folder/],
    ['a shard of another kind', { d: 'm.bin' }, /in the same folder for d .*got "m.bin"/],
    ['a number for a shard', { d: 4 }, /in the same folder for d.*got 4/],
  ])('%s is refused', async (_, wrong, message) => {
    const folder = await folderOf({ ...shards, [name]: indexOf(wrong) })
    await expect(open(folder)).rejects.toMatchObject({ code: 'bad-model', message: expect.stringMatching(message) })
  })

  test('an index without a map is refused', async () => {
    await expect(open(await folderOf({ [name]: '{"weight_map":[]}' }))).rejects.toThrow(/`weight_map`.*got \[\]/)
  })
})

test('pickle files are never opened; the error says to convert', async () => {
  const folder = await folderOf({ 'diffusion_pytorch_model.bin': 'x' })
  await expect(open(folder)).rejects.toThrow(/only diffusion_pytorch_model.bin.*safe_serialization=True/)
  await expect(open(await folderOf({}))).rejects.toThrow(/an empty or missing folder/)
  await expect(open(join(root, 'none'))).rejects.toThrow(/an empty or missing folder/)
})
