import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { knownParts } from '../models/folder.js'
import { bundledModels } from '../node/bundled.js'
import { nodeFiles } from '../node/files.js'
import { bundledNames, openFolder } from './folder.js'

let root: string
let count = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-folder-'))
})
afterAll(() => rm(root, { recursive: true }))

/** A folder with these files, by their paths in it. */
async function folderOf(contents: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(root, `${count++}`)
  await mkdir(folder)
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

const open = (path: string) => openFolder(nodeFiles, path, knownParts)
const vae = { _class_name: 'AutoencoderKL', scaling_factor: 0.13025 }
const unet = { _class_name: 'UNet2DConditionModel' }

test('a part alone is called by its class and opens its weights', async () => {
  const folder = await open('test/golden/autoencoder-tiny')
  expect(folder).toMatchObject({ kind: 'part', partNames: ['vae'] })
  const part = await folder.part('vae', ['AutoencoderKL', 'AutoencoderTiny'])
  if (part.kind !== 'network') throw new Error('not a network')
  expect(part.className).toBe('AutoencoderTiny')
  expect(part.config.number('scaling_factor')).toBe(1)
  expect((await part.openWeights()).has('encoder.layers.0.weight')).toBe(true)
  await expect(folder.part('unet')).rejects.toThrow(/a unet for .*, got vae \(AutoencoderTiny\)/)
})

test('a part that transformers wrote states its class as an architecture', async () => {
  const folder = await open(await folderOf({ 'config.json': { architectures: ['CLIPTextModel'] } }))
  expect(folder.partNames).toEqual(['text_encoder'])
})

test('a pipeline has the parts that its index names and its folder holds', async () => {
  const folder = await open(
    await folderOf({
      'model_index.json': {
        _class_name: 'StableDiffusionPipeline',
        vae: ['diffusers', 'AutoencoderKL'],
        unet: ['diffusers', 'UNet2DConditionModel'],
        safety_checker: [null, null],
        '../outside': ['a', 'b'],
        force_zeros: true,
      },
      'vae/config.json': vae,
    }),
  )
  expect(folder).toMatchObject({ kind: 'pipeline', partNames: ['vae'] })
  const part = await folder.part('vae', ['AutoencoderKL'])
  expect(part.config?.number('scaling_factor')).toBe(0.13025)
  await expect(folder.part('unet')).rejects.toThrow(/a unet for .*, got vae\./)
})

test('a pipeline of which only the autoencoder was fetched serves too', async () => {
  const folder = await open(await folderOf({ 'vae/config.json': vae }))
  expect(folder).toMatchObject({ kind: 'pipeline', partNames: ['vae'] })
})

test('an Optimum folder has ONNX parts, with a configuration or without', async () => {
  const path = await folderOf({
    'vae_encoder/model.onnx': '',
    'vae_encoder/config.json': vae,
    'vae_decoder/model.onnx': '',
  })
  const folder = await open(path)
  expect(folder).toMatchObject({ kind: 'onnx-folder', partNames: ['vae_encoder', 'vae_decoder'] })
  const encoder = await folder.part('vae_encoder', ['AutoencoderKL'])
  expect(encoder).toMatchObject({ kind: 'onnx', file: join(path, 'vae_encoder', 'model.onnx') })
  expect(encoder.config?.number('scaling_factor')).toBe(0.13025)
  expect((await folder.part('vae_decoder')).config).toBeUndefined()
})

test('an ONNX file, named or alone in its folder, is one model', async () => {
  const path = await folderOf({ 'model.onnx': '' })
  const file = join(path, 'model.onnx')
  for (const folder of [await open(path), await open(file)]) {
    expect(folder).toMatchObject({ kind: 'onnx-file', partNames: ['model'] })
    expect(await folder.part('model')).toMatchObject({ kind: 'onnx', file })
    await expect(folder.part('vae')).rejects.toThrow(/a vae for .*, got one ONNX model/)
  }
})

test('a class other than wanted is refused, saying what was found', async () => {
  const folder = await open(await folderOf({ 'vae/config.json': unet }))
  await expect(folder.part('vae', ['AutoencoderKL', 'AutoencoderTiny'])).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(
      /a vae of class AutoencoderKL or AutoencoderTiny for `_class_name` in .*, got UNet2DConditionModel/,
    ),
  })
})

test.each<[what: string, contents: Readonly<Record<string, unknown>>, message: RegExp]>([
  ['an empty folder', {}, /got an empty folder/],
  ['other files', { 'readme.txt': '', 'cat.png': '' }, /got cat.png, readme.txt/],
  ['weights alone', { 'model.safetensors': '' }, /got weights without config.json/],
  [
    'a configuration without a class',
    { 'config.json': {} },
    /`_class_name` or `architectures` in .*config.json`, got none/,
  ],
  ['a broken configuration', { 'config.json': '{' }, /Expected JSON/],
  ['a broken index', { 'model_index.json': '[]' }, /a JSON object/],
])('%s is refused', async (_, contents, message) => {
  await expect(open(await folderOf(contents))).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(message),
  })
})

test('a path that leads nowhere and files of other kinds are refused', async () => {
  await expect(open(join(root, 'none'))).rejects.toThrow(/no such file or folder/)
  for (const near of ['undiffuse-scenes', 'undifuse-scenes', 'scenes']) {
    await expect(open(near)).rejects.toThrow(/lies at `bundledFile\('models', 'undiffuse-scenes'\)`/)
  }
  await expect(open('nowhere')).rejects.toThrow(
    /Pass the path of a folder\. Bundled models: `bundledFile\('models', 'undiffuse-scenes'\)` and `.*-flow'\)`\.$/,
  )
  expect((await bundledModels()).map(({ id }) => id)).toEqual(bundledNames)
  const models = await folderOf({ 'scenes/model_index.json': '{}', 'other/text.txt': '' })
  await expect(open(join(models, 'scene'))).rejects.toThrow(/Check the path\. Models beside it: `scenes`\./)
  const path = await folderOf({ 'v1-5.ckpt': '' })
  await expect(open(join(path, 'v1-5.ckpt'))).rejects.toThrow(/one file of weights.*from_single_file/)
})

test('a part without configuration is refused when it is asked for', async () => {
  const folder = await open(await folderOf({ 'vae/model.safetensors': '' }))
  await expect(folder.part('vae')).rejects.toThrow(
    /config.json and weights, or model.onnx, for .*got model.safetensors/,
  )
})
