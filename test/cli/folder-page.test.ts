/** docs/folders.md is what the readers say: `npm run docs` writes it. */
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { folderPage, folderReference, page } from '../../scripts/folder-page.mjs'
import { configOf } from '../../src/checkpoints/config.js'
import { networkClasses } from '../../src/models/classes/index.js'
import { families } from '../../src/models/families/index.js'
import { networkReference } from '../../src/models/network-reference.js'
import { clipTextConfig } from '../../src/nn/clip-text.js'

const text = await readFile(page, 'utf8')

it('says what the readers say', async () => {
  const reference = await folderReference((path: string) => import(`../../src/${path}`))
  expect(text, 'Run `npm run docs`.').toBe(folderPage(reference))
})

it('names every family and every class of networks', () => {
  for (const { title, pipelineClasses } of families)
    for (const name of [title, ...pipelineClasses]) expect(text).toContain(name)
  for (const name of networkClasses.flatMap(({ classNames }) => classNames)) expect(text).toContain(name)
})

it('finds what a reader obeys, refuses and leaves alone, by letting it read', () => {
  const clip = networkReference().find(({ name }) => name.startsWith('CLIPTextModel'))!
  const activation = clip.obeyed.find(({ name }) => name === 'hidden_act')!
  expect(activation.values).toBe('quick_gelu or gelu')
  expect(clip.harmless.dropout).toMatch(/training/)
  for (const { name } of clip.obeyed) expect(clip.harmless[name]).toBeUndefined()
  // What is on neither list is refused.
  expect(() => clipTextConfig(configOf('config.json', { rope_theta: 1e4 }))).toThrow(/`rope_theta`: 10000/)
  const unet = networkReference().find(({ name }) => name === 'UNet2DConditionModel')!
  expect(unet.fixed).toContainEqual(expect.objectContaining({ name: 'act_fn', values: 'silu' }))
  expect(unet.fixed).toContainEqual(expect.objectContaining({ name: 'class_embed_type', values: 'null' }))
})
