/** `invert` finds noise and latent, says what they are exact given, and what it doubts. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import {
  type Given,
  model,
  prompt,
  sampling,
  start,
  tensorIn,
  text,
  toLastDigitsDb,
  under,
} from '../../test/hosts/operations.js'
import { rectifiedFlow } from '../diffusion/schedules.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { nmseDb } from '../math/nmse.js'
import { torchNoise } from '../math/noise.js'
import { map } from '../math/tensor.js'
import { generate } from '../verbs/generate.js'
import { reconstruct } from '../verbs/reconstruct.js'
import { generateOperation, invertOperation } from './index.js'

describe('invert', () => {
  it('finds the noise of a latent with what its file remembers, and says what it is exact given', async () => {
    const host = memoryHost(model)
    const given = { prompt, seed: 5, ...sampling, precision: '64', saveLatent: 'z.safetensors' }
    await start(generateOperation, host, given)
    const { result, files } = await start(invertOperation, host, {
      sources: ['z.safetensors'],
      precision: '64',
      report: 'report',
    })
    const noise = await tensorIn(host, 'z.noise.safetensors', 'noise')
    expect(nmseDb(noise, torchNoise(5, noise.shape))).toBeLessThan(toLastDigitsDb)
    expect(result).toMatchObject({ to: 'noise', prompt, guidance: 3, sources: [{ noise: { exact: 'given-latent' } }] })
    expect(JSON.parse(await text(host, 'report/z.noise.report.json'))).toEqual(JSON.parse(JSON.stringify(result)))
    expect([...host.written.keys()]).toEqual(expect.arrayContaining([...files]))
  })

  it('finds the latent of a picture alone, with a report and a sheet where they are asked for', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const given = { sources: ['a.png'], to: 'latent', decoder: 'encoder-only', report: 'out' }
    const { result, files } = await start(invertOperation, host, given)
    expect(files).toEqual(['a.safetensors', 'out/a.sheet.png', 'out/a.report.json'])
    expect(result).toMatchObject({ decoder: 'encoder-only', fit: 'pad', pictures: [{ picture: 'a.png' }] })
  })

  it('of a picture that no latent decodes to: the noise leads to the latent that was found, and it says so', async () => {
    const host = memoryHost(model)
    // Three 8-bit levels here and there, which the sixteen numbers of a latent cannot all follow.
    const { image } = await generate({ model, prompt, seed: 4, solver: ddim({ steps: 20 }) })
    await host.paint(
      'a.png',
      map(image, (value, i) => value + (i % 5 === 0 ? 3 / 127.5 : 0)),
    )
    const given = { sources: 'a.png', prompt, ...sampling, decoder: 'encoder-only', precision: '64' }
    const { result } = await start(invertOperation, host, given)
    expect(result).toMatchObject({ sources: [{ latent: { exact: 'no' }, noise: { exact: 'given-latent' } }] })
    const [noise, latent] = await Promise.all(['noise', 'latent'].map((name) => tensorIn(host, 'a.safetensors', name)))
    const again = await reconstruct(noise!, { model, prompt, solver: ddim({ steps: 20 }) })
    expect(nmseDb(again.latent, latent!)).toBeLessThan(toLastDigitsDb)
  })

  it('says where a picture was made otherwise than is assumed, and believes nobody else', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const saying = (texts: Readonly<Record<string, string>>) => ({
      ...host,
      pictures: { ...host.pictures, read: async (path: string) => ({ ...(await host.pictures.read(path)), texts }) },
    })
    const notesOf = async (texts: Readonly<Record<string, string>>) => {
      const given = { sources: 'a.png', prompt, ...sampling, decoder: 'encoder-only' }
      const { notes } = await start(invertOperation, saying(texts), given)
      return notes.map(({ text }) => text)
    }
    const { steps } = sampling
    const said = { Software: 'undiffuse', model: model.name, prompt, guidance: '3', solver: `ddim:steps=${steps}` }
    expect(await notesOf(said)).toEqual([])
    expect(await notesOf({ ...said, Software: 'another' })).toEqual([])
    const other = { ...said, guidance: '7.5', solver: `ddim:steps=${steps},spacing=lambda` }
    expect(await notesOf(other)).toEqual([
      expect.stringMatching(
        /^The file says guidance 7\.5, not 3; solver ddim:spacing=lambda,steps=20, not ddim:steps=20\./,
      ),
    ])
  })

  it('says of a latent too, before the work, where its file tells another recipe than is named', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png', saveLatent: 'z.safetensors' })
    const notesOf = async (more: Given) => {
      const notes: string[] = []
      const given = { sources: 'z.safetensors', inverter: 'naive', output: 'n.safetensors', ...more }
      for await (const { note } of start(invertOperation, host, given)) {
        if (note) notes.push(`${note.about}: ${note.text}`)
      }
      return notes
    }
    const remark = 'Otherwise than it was made, another noise is found.'
    expect(await notesOf({})).toEqual([])
    expect(await notesOf({ prompt, guidance: 3, ...sampling })).toEqual([])
    expect(await notesOf({ prompt: 'else', guidance: 7.5 })).toEqual([
      `z.safetensors: The file says prompt “${prompt}”, not “else”; guidance 3, not 7.5. ${remark}`,
    ])
    expect(await notesOf({ solver: 'ddim', steps: 10 })).toEqual([
      `z.safetensors: The file says solver ddim:steps=20, not ddim:steps=10. ${remark}`,
    ])
    const before: string[] = []
    for await (const { note, stage } of start(invertOperation, host, { sources: 'z.safetensors', prompt: 'else' })) {
      before.push(note ? 'note' : stage)
    }
    expect(before[0]).toBe('note')
  })

  it('says what a refinement costs before it takes it', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const given = { sources: 'a.png', prompt, ...sampling, refine: 'most-probable:rounds=1' }
    const notes: string[] = []
    for await (const { note } of start(invertOperation, host, given)) if (note) notes.push(note.text)
    expect(notes).toEqual([expect.stringMatching(/^`most-probable:rounds=1` takes at most \d+ evaluations a picture$/)])
  })

  it('refuses to invert a latent of another model, and tells other weights where the model is named', async () => {
    const made = under(memoryHost(model), 'another', 'these')
    await start(generateOperation, made, { prompt, ...sampling, output: 'a.png', saveLatent: 'z.safetensors' })
    const host = memoryHost(model)
    host.written.set('z.safetensors', made.written.get('z.safetensors')!)
    const given = { sources: 'z.safetensors', inverter: 'naive', output: 'n.safetensors' }
    await expect(start(invertOperation, host, given)).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/the model of `z\.safetensors`, `another`/),
    })
    expect(host.written.has('n.safetensors')).toBe(false)
    const notes: string[] = []
    const task = start(invertOperation, under(host, 'analytic', 'others'), { ...given, model: 'elsewhere' })
    for await (const { note } of task) if (note) notes.push(note.text)
    // What another model was sampled by may not go with this one: that is told first, not what the solver says of it.
    const flow = { ...under(host, 'analytic', 'others') }
    const open: typeof flow.models.open = async (asked) => {
      const held = await host.models.open(asked)
      return { ...held, model: { ...held.model, schedule: () => rectifiedFlow() } }
    }
    const onFlow = { ...flow, models: { ...flow.models, open } }
    const lambda = under(memoryHost(model), 'another', 'these')
    const solver = 'ddim:spacing=lambda,steps=2'
    await start(generateOperation, lambda, { prompt, solver, output: 'a.png', saveLatent: 'z.safetensors' })
    onFlow.written.set('z.safetensors', lambda.written.get('z.safetensors')!)
    const named = { ...given, model: 'elsewhere' }
    await expect(start(invertOperation, onFlow, named)).rejects.toMatchObject({
      subject: '`settings.model`',
      message: expect.stringMatching(/`another`.*Another model made it, by `ddim:spacing=lambda,steps=2`/),
    })
    await expect(start(invertOperation, onFlow, { ...named, solver })).rejects.toMatchObject({
      message: expect.stringMatching(/a schedule with noise and signal/),
    })
    expect(notes.join()).toMatch(
      /of other weights, of `another`: these, and these are others\. Another noise is found\./,
    )
  })
})
