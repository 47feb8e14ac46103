/** `generate` writes what the verb makes, and what a file tells goes behind what is said. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { type Given, model, prompt, sampling, start } from '../../test/hosts/operations.js'
import { readTensors } from '../checkpoints/tensors.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { torchNoise } from '../math/noise.js'
import { round8 } from '../pictures/pixels.js'
import { generate } from '../verbs/generate.js'
import { readKey } from '../watermark/key.js'
import { generateOperation, keygenOperation } from './index.js'

async function noisesOf(host: ReturnType<typeof memoryHost>, path: string, count: number) {
  const { shape, data } = (await readTensors(host.files, path)).get('noise')!
  const each = data.length / count
  return Array.from({ length: count }, (_, i) => ({
    shape: shape.slice(1),
    data: data.slice(i * each, (i + 1) * each),
  }))
}

describe('generate', () => {
  it('writes what the verb makes of each seed, with noise and latent, and says which files', async () => {
    const host = memoryHost(model)
    const given = { prompt, seed: '7', count: 2, ...sampling, precision: '64', output: 'a.png' }
    const more = { sheet: 'sheet.png', saveNoise: 'n.safetensors' }
    const { result, files } = await start(generateOperation, host, { ...given, ...more })
    expect(files).toEqual(['a-7.png', 'a-8.png', 'sheet.png', 'n.safetensors'])
    expect([...host.written.keys()].sort()).toEqual([...files].sort())
    const made = await generate({ model, prompt, seed: 8, solver: ddim({ steps: 20 }) })
    const { image } = await host.pictures.read('a-8.png')
    expect(image.data).toEqual(round8(made.image).data)
    expect((await readTensors(host.files, 'n.safetensors')).get('noise')!.data.slice(16)).toEqual(
      torchNoise(8, made.noise.shape).data,
    )
    expect(result).toMatchObject({ model: 'analytic', steps: 20, guidance: 3, pictures: [{ seed: 7 }, { seed: 8 }] })
    expect(result).toMatchObject({ precisionBits: 64, weightBits: null })
  })

  it('takes from a file what is not said, and makes the same picture again', async () => {
    const host = memoryHost(model)
    const given = { prompt, seed: 3, ...sampling, guidance: 1.5, precision: '64', saveNoise: 'n.safetensors' }
    await start(generateOperation, host, { ...given, output: 'first.png' })
    await start(generateOperation, host, { noise: 'n.safetensors', output: 'again.png' })
    expect(host.written.get('again.png')).toEqual(host.written.get('first.png'))
    const { result } = await start(generateOperation, host, { noise: 'n.safetensors', steps: 5, output: 'other.png' })
    expect(result).toMatchObject({ prompt, guidance: 1.5, steps: 5 })
  })

  it('refuses a noise of another model than the default one, and takes it where the model is named', async () => {
    const made = memoryHost({ ...model, name: 'another' })
    await start(generateOperation, made, { prompt, ...sampling, output: 'a.png', saveNoise: 'n.safetensors' })
    const host = memoryHost(model)
    host.written.set('n.safetensors', made.written.get('n.safetensors')!)
    const given = { noise: 'n.safetensors', output: 'again.png' }
    await expect(start(generateOperation, host, given)).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/the model of `n\.safetensors`, `another`/),
    })
    expect(host.written.has('again.png')).toBe(false)
    await start(generateOperation, host, { ...given, model: 'elsewhere' })
    expect(host.written.has('again.png')).toBe(true)
  })
})

it('generate: an empty prompt makes a picture at guidance 1, and none is refused', async () => {
  for (const empty of ['', ' ']) {
    const { result } = await start(generateOperation, memoryHost(model), { prompt: empty, ...sampling })
    expect(result).toMatchObject({ prompt: empty, guidance: 1 })
  }
  expect(model.guidance).not.toBe(1)
  await expect(start(generateOperation, memoryHost(model), sampling)).rejects.toMatchObject({ code: 'bad-option' })
})

describe('generate --message', () => {
  const marking = { prompt, ...sampling, watermark: 'key.json', output: 'many/' }
  async function made(given: Given, key = 'gaussian-shading:bits=16') {
    const host = memoryHost(model)
    await start(keygenOperation, host, { scheme: key, output: 'key.json' })
    const task = start(generateOperation, host, { ...marking, ...given })
    const notes: string[] = []
    for await (const { note } of task) if (note) notes.push(note.text)
    const { result } = await task
    return { host, result, betrays: notes.filter((text) => text.includes('may betray')) }
  }

  it('random: each picture has its own, which is in it and told', async () => {
    const { host, result, betrays } = await made({ count: 3, message: 'random', saveNoise: 'n.safetensors' })
    const messages = result.pictures.map(({ message }) => message)
    expect(new Set(messages).size).toBe(3)
    const key = readKey(await host.files.text('key.json'), 'key.json')
    const noises = await noisesOf(host, 'n.safetensors', 3)
    expect(noises.map((noise) => key.mark().read(noise).message)).toEqual(messages)
    expect(result.watermark).toMatchObject({ message: null })
    expect(betrays).toEqual([])
  })

  it('random: one of three bits is as long as its key says, and of one picture the message of all', async () => {
    const { result } = await made({ message: 'random' }, 'gaussian-shading:bits=3')
    expect(result.watermark!.message).toMatch(/^[02468ace]$/)
    expect(result.pictures).toMatchObject([{ message: result.watermark!.message }])
  })

  it('takes digits in either case, and tells them in lower case', async () => {
    const { host, result } = await made({ message: '0xC0DE', saveNoise: 'n.safetensors' })
    const key = readKey(await host.files.text('key.json'), 'key.json')
    const [noise] = await noisesOf(host, 'n.safetensors', 1)
    expect([result.watermark!.message, key.mark().read(noise!).message]).toEqual(['c0de', 'c0de'])
  })

  it('is told to betray the mark wherever several pictures share one', async () => {
    const ownMessage = expect.stringContaining('`settings.message random` gives each')
    expect((await made({ count: 2, message: 'c0de' })).betrays).toEqual([ownMessage])
    expect((await made({ count: 2 })).betrays).toEqual([ownMessage])
    expect((await made({})).betrays).toEqual([
      expect.stringMatching(
        /carries `0000`\. .*Pass another in `settings\.message`; `settings\.message random` draws one/,
      ),
    ])
    expect((await made({ message: 'c0de' })).betrays).toEqual([])
    const { betrays } = await made({ count: 3, message: 'random' }, 'gaussian-shading:bits=1')
    expect(betrays).toEqual([expect.stringContaining('Of 1 bit there are too few')])
  })
})
