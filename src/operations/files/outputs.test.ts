import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { nodeHostFiles } from '../../node/host.js'
import { prepareOutputs } from './outputs.js'

let folder = ''
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-outputs-'))
  await mkdir(at('pictures'))
  await writeFile(at('pictures/a.png'), 'a picture')
  await writeFile(at('key.json'), 'a key')
  await symlink(at('pictures'), at('linked'))
  await symlink(at('key.json'), at('same.json'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const refused = (outputs: object, inputs: object, message: RegExp) =>
  expect(prepareOutputs(nodeHostFiles, { ...outputs }, { ...inputs })).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringMatching(message),
  })

it('takes files of their own, new or not, and leaves them alone', async () => {
  await prepareOutputs(
    nodeHostFiles,
    { '--output': at('b.png'), sheet: undefined, '--save-mask': at('pictures/b.png') },
    { 'a picture': [at('pictures/a.png')], '--key': at('key.json'), '--mask': undefined },
  )
  expect(await readdir(at('pictures'))).toEqual(['a.png'])
})

it('refuses two outputs that are one file, however they are called', async () => {
  await refused(
    { '--save-noise': at('q'), '--save-latent': at('./q') },
    {},
    /`--save-latent`, got .* `--save-noise` too/,
  )
  await refused({ '--output': [at('pictures/b.png'), at('linked/b.png')] }, {}, /a file of its own for `--output`/)
})

it('refuses an output that is read: a key, a picture, through a link as well', async () => {
  await refused({ '--out': at('key.json') }, { '--key': [at('key.json')] }, /`--out`, got .*which is `--key` too/)
  await refused({ '--out': at('same.json') }, { '--key': [at('key.json')] }, /which is `--key` too/)
  await refused({ '--output': at('linked/a.png') }, { 'a picture': at('pictures/a.png') }, /which is `a picture` too/)
  expect(await readFile(at('key.json'), 'utf8')).toBe('a key')
})

it('makes the folders of outputs', async () => {
  await prepareOutputs(nodeHostFiles, { '--output': at('new/and/deep/b.png') })
  expect(await readdir(at('new/and/deep'))).toEqual([])
})

it('throws where a file cannot be written, before the command computes anything', async () => {
  const preparing = (path: string) => prepareOutputs(nodeHostFiles, { '--output': at(path) })
  await expect(preparing('key.json/b.png')).rejects.toThrow(/key\.json`, got .* not a folder/)
  await expect(preparing('key.json/deep/b.png')).rejects.toThrow(/not a folder/)
})
