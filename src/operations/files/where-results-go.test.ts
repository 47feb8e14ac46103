/** Where operations write, and that they refuse a place before a model is opened. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../../test/hosts/memory.js'
import { model, prompt, sampling, start } from '../../../test/hosts/operations.js'
import { attackOperation, editOperation, generateOperation, invertOperation } from '../index.js'

describe('where results go', () => {
  const given = { prompt, ...sampling }

  it('a name without the ending of a file, and a folder that is there, get one picture as they get several', async () => {
    const host = memoryHost(model)
    const { files } = await start(generateOperation, host, { ...given, seed: 7, output: 'run.v2' })
    expect(files).toEqual(['run.v2/7.png'])
    const both = await start(generateOperation, host, { ...given, seed: 7, count: 2, output: 'run.v2' })
    expect(both.files).toEqual(['run.v2/7.png', 'run.v2/8.png'])
    const worn = await start(attackOperation, host, { pictures: 'run.v2/7.png', with: 'flip', output: 'worn' })
    expect(worn.files).toEqual(['worn/7.png'])
    host.written.set('odd.gif/7.png', host.written.get('run.v2/7.png')!)
    const there = await start(attackOperation, host, { pictures: 'run.v2/8.png', with: 'flip', output: 'odd.gif' })
    expect(there.files).toEqual(['odd.gif/8.png'])
    const noise = { sources: 'run.v2/7.png', ...given, decoder: 'encoder-only', output: 'noises' }
    expect((await start(invertOperation, host, noise)).files).toEqual(['noises/7.safetensors'])
  })

  it.each([
    [
      'clips of a model of pictures',
      generateOperation,
      { ...given, count: 2, output: 'x.gif' },
      /makes pictures, no clips: pass `x\.png`/,
    ],
    [
      'another picture',
      generateOperation,
      { ...given, output: 'x.jpg' },
      /of a clip in \.webp or \.gif or \.mp4, .* Pass `x\.png`/,
    ],
    [
      'pictures in a stream',
      generateOperation,
      { ...given, count: 2, output: '-' },
      /a folder .* for 2 pictures\. Name a folder\./,
    ],
    [
      'pictures in a file',
      attackOperation,
      { pictures: 'a.png', with: ['flip', 'blur'], output: 'x.png' },
      /a folder .* for 2 pictures\. .* as `x`/,
    ],
    [
      'one of another ending',
      attackOperation,
      { pictures: 'a.png', with: 'flip', output: 'x.jpg' },
      /\.png, or a folder, .* Pass `x\.png`/,
    ],
    [
      'one of another ending, and advises another name than the source',
      attackOperation,
      { pictures: 'a.png', with: 'flip', output: 'a.jpg' },
      /\.png, or a folder, .* Pass `a\.new\.png`/,
    ],
    ['no name', attackOperation, { pictures: 'a.png', with: 'flip', output: '' }, /a path for .* an empty text/],
  ] as const)('refuses %s, and says what to pass', async (_, operation, settings, message) => {
    const refused = async () => await start(operation as typeof generateOperation, memoryHost(model), settings)
    await expect(refused()).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) })
  })
})

describe('what can be said against outputs is said before a model is opened', () => {
  const opened = () => Promise.reject(new Error('It was opened.'))
  const memory = memoryHost(model)
  const host = { ...memory, models: { ...memory.models, open: opened, openAutoencoder: opened } }

  it.each([
    ['generate', generateOperation, { prompt, output: 'a.jpg' }],
    ['generate, several', generateOperation, { prompt, count: 2, output: 'a.txt.jpg', saveNoise: 'n.png' }],
    ['generate, a latent', generateOperation, { prompt, saveLatent: 'z.npz' }],
    ['generate, noise and size', generateOperation, { prompt, noise: 'n.safetensors', size: '64' }],
    ['invert', invertOperation, { sources: ['a.png'], output: 'a.png' }],
    ['invert, its sheet', invertOperation, { sources: ['a.png'], sheet: 'a.jpg' }],
    ['invert, and a profile', invertOperation, { sources: ['a.png'], output: 'b.png', profile: 'make' }],
    ['invert, its own source', invertOperation, { sources: ['z.safetensors'], output: 'z.safetensors' }],
    ['edit', editOperation, { picture: 'a.png', from: 'a', to: 'b', output: 'a.webp' }],
    ['edit, its mask', editOperation, { picture: 'a.png', from: 'a', to: 'b', saveMask: 'm' }],
  ] as const)('%s', async (_, asked, given) => {
    await expect(start(asked as typeof editOperation, host, given)).rejects.toMatchObject({ code: 'bad-option' })
  })
})
