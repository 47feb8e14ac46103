/** Files of noise and latents as operations write and read them: of NumPy, and of clips. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../../test/hosts/memory.js'
import { type Given, model, prompt, sampling, start, tensorIn, toLastDigitsDb } from '../../../test/hosts/operations.js'
import { analyticModel } from '../../../test/laws/analytic-model.js'
import { encodeNpy, readNpy } from '../../checkpoints/npy.js'
import { encodeSafetensors, readSafetensorsHeader } from '../../checkpoints/safetensors.js'
import { safetensor } from '../../checkpoints/tensors.js'
import { nmseDb } from '../../math/nmse.js'
import { torchNoise } from '../../math/noise.js'
import { generateOperation, invertOperation, roundTripOperation } from '../index.js'

it('what is neither a picture nor a file of tensors is told all that may be read', async () => {
  const host = memoryHost(model)
  host.written.set('text.txt', new TextEncoder().encode('text'))
  const given = { prompt, ...sampling }
  await expect(start(generateOperation, host, { ...given, noise: 'text.txt' })).rejects.toMatchObject({
    code: 'bad-model',
    expected: 'a .safetensors or .npy file with a noise',
  })
  await expect(start(invertOperation, host, { ...given, sources: 'text.txt' })).rejects.toMatchObject({
    code: 'bad-image',
    expected: expect.stringMatching(/, or a \.safetensors or \.npy file,$/),
  })
})

it('a file that is not there is unavailable, with the remedy of a path, not of a model', async () => {
  const missing = { code: 'unavailable', got: 'no such file', remedy: 'Check the path.' }
  for (const path of ['no.safetensors', 'no.npy', 'no.txt']) {
    const started = start(generateOperation, memoryHost(model), { prompt, noise: path })
    await expect(started).rejects.toMatchObject(missing)
    if (path === 'no.txt') continue
    await expect(start(invertOperation, memoryHost(model), { sources: path })).rejects.toMatchObject(missing)
  }
})

describe('a .safetensors file that is written in code', () => {
  const noise = torchNoise(3, model.layout.latentShape(model.layout.picture))
  const recipe = { prompt, negativePrompt: 'dark', guidance: '2.5', solver: 'ddim', steps: '4' }
  const metadata = { axes: 'channels,height,width', ...recipe, model: model.name, modelFiles: '0123456789abcdef' }
  const made = { prompt, negativePrompt: 'dark', guidance: 2.5, solver: 'ddim:steps=4', steps: 4 }

  it('tells `generate` and `invert` by the keys of docs/python.md how it was made', async () => {
    const page = await readFile('docs/python.md', 'utf8')
    const table = page.slice(page.indexOf('| key of the metadata')).split('\n\n')[0]!
    const keys = table.split('\n').flatMap((line) => line.split('|')[1]!.match(/(?<=`)\w+(?=`)/g) ?? [])
    // This model takes no true guidance, which is of those that are told their guidance.
    expect(keys.toSorted()).toEqual([...Object.keys(metadata), 'trueGuidance'].toSorted())
    const host = memoryHost(model)
    const write = (path: string, name: string) =>
      host.files.write([[path, encodeSafetensors({ [name]: safetensor(noise) }, metadata)]])
    await write('n.safetensors', 'noise')
    await write('z.safetensors', 'latent')
    const { result, notes } = await start(generateOperation, host, { noise: 'n.safetensors', output: 'a.png' })
    expect(result).toMatchObject(made)
    expect(notes).toEqual([])
    const inverted = await start(invertOperation, host, { sources: 'z.safetensors' })
    expect(inverted.result).toMatchObject({ ...made, inverter: 'automatic' })
  })

  it.each([
    [{ prompt }, ['It tells no guidance and no solver. Taken: guidance 3 and solver scheduler:steps=50.']],
    [{ prompt, guidance: '2' }, ['It tells no solver. Taken: solver scheduler:steps=50.']],
    [{ prompt, guidance: '2', solver: 'ddim:steps=4' }, []],
  ])('of %j: `generate` says what it takes in place of what is not told', async (told, notes) => {
    const host = memoryHost({ ...model, guidance: 3 })
    await host.files.write([['n.safetensors', encodeSafetensors({ noise: safetensor(noise) }, told)]])
    const said: string[] = []
    for await (const { note } of start(generateOperation, host, { noise: 'n.safetensors', output: 'a.png' })) {
      if (note) said.push(note.text)
    }
    expect(said).toEqual(notes)
  })
})

describe('files of NumPy', () => {
  it('hold the noise alone, and are read as what is asked for', async () => {
    const host = memoryHost(model)
    const recipe = { prompt, ...sampling }
    await start(generateOperation, host, { ...recipe, seed: 3, precision: '64', output: 'a.png', saveNoise: 'n.npy' })
    const noise = await readNpy(host.files, 'n.npy')
    const latentShape = noise.shape.slice(1)
    expect(noise).toEqual({ shape: [1, ...latentShape], data: torchNoise(3, latentShape).data })
    await start(generateOperation, host, { ...recipe, noise: 'n.npy', output: 'again.png', precision: '64' })
    const { image } = await host.pictures.read('again.png')
    expect(image).toEqual((await host.pictures.read('a.png')).image)
    await host.files.write([['z.npy', encodeNpy(noise)]])
    const { files } = await start(invertOperation, host, { ...recipe, sources: ['z.npy'], output: 'found.npy' })
    expect(files).toEqual(['found.npy'])
    expect((await readNpy(host.files, 'found.npy')).shape).toEqual(noise.shape)
  })

  it('a latent as .npy is inverted as it is; what its solver remembered is left out, and that is said', async () => {
    const host = memoryHost(model)
    const made = { prompt, steps: 4, precision: '64', output: 'a.png' }
    const notesOf = async (more: Given) => {
      const notes: string[] = []
      const task = start(generateOperation, host, { ...made, ...more })
      for await (const { note } of task) if (note) notes.push(note.text)
      return notes
    }
    const [whole, alone] = [{ saveLatent: 'z.safetensors' }, { saveLatent: 'z.npy' }]
    expect(await notesOf({ solver: 'bdia', ...whole })).toEqual([])
    expect(await notesOf({ solver: 'bdia', ...alone })).toEqual([
      expect.stringMatching(/^`z\.npy` holds the latent alone.* \.safetensors /),
    ])
    const latent = await readNpy(host.files, 'z.npy')
    expect(latent.data).toEqual((await tensorIn(host, 'z.safetensors', 'latent')).data)
    expect(await notesOf({ solver: 'ddim', ...alone })).toEqual([])
    const asked = { sources: ['z.npy'], prompt, solver: 'ddim', steps: 4, precision: '64', inverter: 'naive' }
    await expect(start(invertOperation, host, asked)).resolves.toMatchObject({ files: ['z.noise.safetensors'] })
  })

  it.each([
    ['another ending of a latent', { saveLatent: 'z.npz' }, /a name that ends in \.safetensors or \.npy/],
    ['another ending', { saveNoise: 'n.npz' }, /a name that ends in \.safetensors or \.npy/],
  ])('do not take %s', async (_, outputs, message) => {
    const attempt = start(generateOperation, memoryHost(model), { prompt, ...outputs })
    await expect(attempt).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) })
  })
})

describe('files of clips', () => {
  /** Channels × frames × height × width. */
  const shape = [2, 3, 2, 4]
  const { model: ofClips } = analyticModel({ shape })
  const given = { prompt, seed: 5, solver: 'ddim', steps: 20, precision: '64' }
  const saving = { saveLatent: 'z.safetensors', saveNoise: 'n.safetensors' }

  it('a clip is saved with its axes, read, inverted and made again', async () => {
    const host = memoryHost(ofClips)
    await start(generateOperation, host, { ...given, ...saving, output: 'first.webp' })
    const { result } = await start(invertOperation, host, {
      sources: ['z.safetensors'],
      precision: '64',
      report: 'report',
    })
    expect(result).toMatchObject({ latentShape: shape, sources: [{ noise: { exact: 'given-latent' } }] })
    const again = { noise: 'z.noise.safetensors', saveLatent: 'again.safetensors', precision: '64' }
    await start(generateOperation, host, { ...again, output: 'again.webp' })
    const headers = await Promise.all(
      ['z', 'n', 'z.noise', 'again'].map((name) => readSafetensorsHeader(host.files, `${name}.safetensors`)),
    )
    expect(headers.map(({ metadata }) => metadata.axes)).toEqual(
      headers.map(() => 'pictures,channels,frames,height,width'),
    )
    const [latent, back] = await Promise.all(
      ['z', 'again'].map((name) => tensorIn(host, `${name}.safetensors`, 'latent')),
    )
    expect(latent!.shape).toEqual(shape)
    expect(nmseDb(back!, latent!)).toBeLessThan(toLastDigitsDb)
    const noise = await tensorIn(host, 'z.noise.safetensors', 'noise')
    expect(nmseDb(noise, torchNoise(5, shape))).toBeLessThan(toLastDigitsDb)
    expect(host.written.get('again.webp')).toEqual(host.written.get('first.webp'))
  })

  it('several clips are several', async () => {
    const host = memoryHost(ofClips)
    await start(generateOperation, host, { ...given, ...saving, count: 2 })
    const { result } = await start(invertOperation, host, {
      sources: ['z.safetensors'],
      precision: '64',
      report: 'report',
    })
    expect(result).toMatchObject({ sources: [{ source: 'z.safetensors 1' }, { source: 'z.safetensors 2' }] })
  })

  it('a clip goes there and back', async () => {
    const host = memoryHost(ofClips)
    const { seed, solver, steps } = given
    const { result } = await start(roundTripOperation, host, { prompt, seed, solver, steps })
    const [givenLatent] = result.legs
    expect(givenLatent).toMatchObject({ given: 'latent', again: { equalValuesShare: 1 } })
    expect(givenLatent!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
  })

  /** A file of another program: one clip, its axes told or not. */
  const foreign = (axes?: string) =>
    encodeSafetensors({ noise: safetensor(torchNoise(5, shape), 'float64') }, axes === undefined ? {} : { axes })

  it.each([
    ['bad-shape', 'a clip without names of axes is not several pictures', undefined, ofClips, /got no names of axes/],
    [
      'bad-shape',
      'a clip is not several pictures',
      'channels,frames,height,width',
      model,
      /the axes channels, height, /,
    ],
    ['bad-shape', 'axes in another order', 'frames,channels,height,width', ofClips, /channels, frames.*got frames, /],
    ['bad-shape', 'more axes than are named', 'channels,height,width', ofClips, /channels × height × width.*2×3×2×4/],
    ['bad-option', 'an axis that nobody knows', 'channels,depth,height,width', ofClips, /got `channels,depth/],
    ['bad-option', 'an axis that is named twice', 'channels,height,height,width', ofClips, /each once/],
  ])('%s: %s', async (code, _, axes, of, said) => {
    const host = memoryHost(of)
    await host.files.write([['f.safetensors', foreign(axes)]])
    const attempt = start(generateOperation, host, { prompt, noise: 'f.safetensors' })
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(said) })
    expect({ open: host.openModels(), files: host.written.size }).toEqual({ open: 0, files: 1 })
  })

  it('a file with the axes of the model is read, of one clip and without `pictures`', async () => {
    const host = memoryHost(ofClips)
    await host.files.write([['f.safetensors', foreign('channels,frames,height,width')]])
    await start(generateOperation, host, { ...given, output: 'first.webp' })
    const { seed: _, ...others } = given
    await start(generateOperation, host, { ...others, noise: 'f.safetensors', output: 'again.webp' })
    expect(host.written.get('again.webp')).toEqual(host.written.get('first.webp'))
  })
})
