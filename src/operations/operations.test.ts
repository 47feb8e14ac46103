/**
 * Operations on a host without a machine and a model in closed form: what they write is what verbs compute, what they were
 * told first goes before what files remember, and whatever ends them, nothing stays open.
 */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { analyticModel, editableModel, editedPrompts } from '../../test/laws/analytic-model.js'
import { encodeNpy, readNpy } from '../checkpoints/npy.js'
import { encodeSafetensors, readSafetensorsHeader } from '../checkpoints/safetensors.js'
import { readTensors, safetensor } from '../checkpoints/tensors.js'
import { Task } from '../core/task.js'
import type { Inverter } from '../diffusion/diffusion.js'
import { rectifiedFlow } from '../diffusion/schedules.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { edit } from '../edit/edit.js'
import { nmseDb } from '../math/nmse.js'
import { torchNoise } from '../math/noise.js'
import { map, type Tensor, tensor, zeros } from '../math/tensor.js'
import { errorMap, resize, round8 } from '../pictures/pixels.js'
import { generate } from '../verbs/generate.js'
import { reconstruct } from '../verbs/reconstruct.js'
import { readKey } from '../watermark/key.js'
import type { OperationFields } from './fields.js'
import { readSettings, setting } from './fields.js'
import type { ContactSheetCell } from './host.js'
import {
  attackOperation,
  calibrateOperation,
  compareOperation,
  type DetectionLine,
  detectOperation,
  editOperation,
  generateOperation,
  identifyOperation,
  invertOperation,
  keygenOperation,
  type LatentInversionReport,
  type NoiseInversionReport,
  type Operation,
  roundTripOperation,
  type Settings,
  type Told,
} from './index.js'
import type { Finished } from './operation.js'
import { errorGain } from './reports/cells.js'

const { model } = analyticModel()
const prompt = 'anything'
/** Of the analytic world: steps that implicit inversion undoes to the last digits. */
const sampling = { solver: 'ddim', steps: 20 }
/** Ten digits of a file in 64 bits; float32 files keep seven. */
const toLastDigitsDb = -100

type Given = Readonly<Record<string, unknown>>

/** Starts an operation on a host, as an application does. */
const start = <F extends OperationFields, R>(
  operation: Operation<F, R>,
  host: ReturnType<typeof memoryHost>,
  given: Given,
  signal?: AbortSignal,
) =>
  new Task<Finished<R>, Told>(
    operation.run(readSettings(operation.fields, given, operation.id) as Settings<F>, host, signal),
    signal,
  )

async function tensorIn(host: ReturnType<typeof memoryHost>, path: string, name: string): Promise<Tensor> {
  const { shape, data } = (await readTensors(host.files, path)).get(name)!
  return { shape: shape.slice(1), data }
}

/** The host with a model of another name or other weights. */
const under = (host: ReturnType<typeof memoryHost>, name: string, identity: string): typeof host => ({
  ...host,
  models: {
    ...host.models,
    async open(settings) {
      const held = await host.models.open(settings)
      return { ...held, model: { ...held.model, name }, identity: async () => identity }
    },
  },
})

const text = (host: ReturnType<typeof memoryHost>, path: string) => host.files.text(path)

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
    ['no name', attackOperation, { pictures: 'a.png', with: 'flip', output: '' }, /a path for .* an empty text/],
  ] as const)('refuses %s, and says what to pass', async (_, operation, settings, message) => {
    const refused = async () => await start(operation as typeof generateOperation, memoryHost(model), settings)
    await expect(refused()).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) })
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

  it.each([
    ['a latent with its memory', { saveLatent: 'z.npy' }, /a name that ends in \.safetensors/],
    ['another ending', { saveNoise: 'n.npz' }, /a name that ends in \.safetensors or \.npy/],
  ])('do not take %s', async (_, outputs, message) => {
    const attempt = start(generateOperation, memoryHost(model), { prompt, ...outputs })
    await expect(attempt).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(message) })
  })
})

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

  it('says what a refinement costs before it takes it', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const given = { sources: 'a.png', prompt, ...sampling, refine: 'most-probable:rounds=1' }
    const notes: string[] = []
    for await (const { note } of start(invertOperation, host, given)) if (note) notes.push(note.text)
    expect(notes).toEqual([expect.stringMatching(/^`most-probable:rounds=1` takes at most \d+ evaluations a picture$/)])
  })
})

it('roundtrip: given the latent the noise and every 8-bit value come back', async () => {
  const host = memoryHost(model)
  const { result, files } = await start(roundTripOperation, host, { prompt, seed: 2, ...sampling, report: 'out' })
  const [givenLatent, givenPicture] = result.legs
  expect(givenLatent).toMatchObject({ given: 'latent', again: { equalValuesShare: 1 } })
  expect(givenLatent!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
  expect(givenPicture!.noiseNmseDb).toBeGreaterThan(givenLatent!.noiseNmseDb!)
  expect(files).toContain('out/roundtrip.report.json')
})

describe('compare', () => {
  it('each inverter on each solver, with the error that invert has, and files where they are asked for', async () => {
    const host = memoryHost(model)
    const given = {
      source: prompt,
      inverters: ['naive', 'implicit'],
      solvers: ['ddim', 'bdia'],
      grid: 'own',
      steps: 20,
    }
    const more = { seed: 5, precision: '64', output: 'noises', report: 'out' }
    const { result, files } = await start(compareOperation, host, { ...given, ...more })
    const row = (solver: string, inverter: string) =>
      result.rows.find((one) => one.solver.startsWith(solver) && one.inverter === inverter)!
    const [naive, implicit] = ['naive', 'implicit'].map((inverter) => row('ddim:', inverter))
    expect(implicit!.fromLatent!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
    expect(naive!.fromLatent!.noiseNmseDb).toBeGreaterThan(implicit!.fromLatent!.noiseNmseDb!)
    expect(naive!.fromLatent).toMatchObject({ evaluations: 40, evaluationsPerStep: 2 })
    expect(implicit!.fromLatent!.equalValuesShare).toBe(1)
    expect([implicit, naive].map((one) => one!.fromLatent!.convergedSteps)).toEqual([20, 0])
    // The same noise from the file of the latent, by the operation that people would use.
    const made = { prompt, seed: 5, solver: 'ddim', steps: 20, precision: '64', saveLatent: 'z.safetensors' }
    await start(generateOperation, host, made)
    await start(invertOperation, host, { sources: ['z.safetensors'], precision: '64', inverter: 'naive' })
    const noise = await tensorIn(host, 'z.noise.safetensors', 'noise')
    expect(nmseDb(noise, torchNoise(5, noise.shape))).toBeCloseTo(naive!.fromLatent!.noiseNmseDb!, 6)
    // Nothing but its own inverse takes BDIA exactly; it stands in for what was refused.
    expect(row('bdia:', 'implicit').refusal).toMatch(/reversible/)
    expect(row('bdia:', 'automatic').fromLatent!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
    expect(result.rows.map(({ inverter, standsIn }) => [inverter, standsIn])).toEqual([
      ['naive', false],
      ['implicit', false],
      ['naive', false],
      ['implicit', false],
      ['automatic', true],
    ])
    // The noise of each row is the one that its error was measured of.
    const known = await tensorIn(host, 'noises/noise.safetensors', 'noise')
    expect(known.data).toEqual(torchNoise(5, known.shape).data)
    for (const [stem, { fromLatent }] of [
      ['1-ddim-steps=20-naive', naive!],
      ['5-bdia-steps=20-automatic', row('bdia:', 'automatic')],
    ] as const) {
      const found = await tensorIn(host, `noises/${stem}.from-latent.safetensors`, 'noise')
      expect(nmseDb(found, known)).toBeCloseTo(fromLatent!.noiseNmseDb!, 6)
    }
    expect(files.filter((path) => path.startsWith('noises/'))).toHaveLength(9)
    expect(files.filter((path) => !path.startsWith('noises/'))).toEqual([
      'out/compare.png',
      'out/compare.svg',
      'out/compare.json',
    ])
    expect(JSON.parse(await text(host, 'out/compare.json'))).toEqual(JSON.parse(JSON.stringify(result)))
  })

  it('files of inverters that differ by their options alone are told apart by their names', async () => {
    const inverters = ['implicit', 'implicit:restarts=1']
    const given = { source: prompt, inverters, solvers: 'ddim', grid: 'own', steps: 4, output: 'noises' }
    const { result, files } = await start(compareOperation, memoryHost(model), given)
    expect(files).toContain('noises/1-ddim-steps=4-implicit.from-latent.safetensors')
    expect(files).toContain('noises/2-ddim-steps=4-implicit-restarts=1.from-latent.safetensors')
    expect(result.rows[1]!.fromLatent!.roots).toBe('unique as far as tried')
  })

  it('tells of both ways how many steps were solved, and that a sweep does not look for roots', async () => {
    const given = { source: prompt, inverters: ['naive', 'sweep'], solvers: 'ddim', grid: 'own', steps: 4 }
    const { result } = await start(compareOperation, memoryHost(model), given)
    const [naive, sweep] = result.rows
    for (const from of ['fromLatent', 'fromPicture'] as const) {
      expect(naive![from]).toMatchObject({ convergedSteps: 0, largestResidual: Number.POSITIVE_INFINITY, roots: null })
      expect(sweep![from]).toMatchObject({ convergedSteps: 4, roots: 'not checked' })
      expect(sweep![from]!.largestResidual).toBeLessThan(1e-4)
    }
  })

  it('of a picture whose noise is known, tells the error and draws the chart', async () => {
    const host = memoryHost(model)
    const made = { prompt, ...sampling, precision: '64', seed: 4 }
    await start(generateOperation, host, { ...made, output: 'a.png', saveNoise: 'n.safetensors' })
    // Prompt and guidance are those that the file of the noise tells.
    const given = { source: 'a.png', inverters: ['naive', 'implicit'], solvers: 'ddim', report: 'out' }
    const told = { ...given, noise: 'n.safetensors', steps: sampling.steps, precision: '64' }
    const { result, files, notes } = await start(compareOperation, host, told)
    const [naive, implicit] = result.rows.map(({ fromPicture }) => fromPicture!.noiseNmseDb!)
    expect(implicit).toBeLessThan(naive!)
    expect(result).toMatchObject({ prompt, guidance: model.guidance })
    expect(files).toContain('out/a.compare.svg')
    expect(notes.map(({ text }) => text).join()).not.toContain('Nobody knows its noise')
    const unknown = await start(compareOperation, host, { ...told, noise: undefined })
    expect(unknown.files).not.toContain('out/a.compare.svg')
    expect(unknown.notes.map(({ text }) => text).join()).toContain('Nobody knows its noise')
    const wrong = { ...told, noise: 'small.npy' }
    await host.files.write([['small.npy', encodeNpy(torchNoise(1, [1, 2, 2]))]])
    await expect(start(compareOperation, host, wrong)).rejects.toMatchObject({ code: 'bad-shape' })
    const withPrompt = start(compareOperation, host, { ...told, source: prompt })
    await expect(withPrompt).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('believes no inverter that calls its noise exact: the latent that it makes is measured', async () => {
    const host = memoryHost(model)
    const lying: Inverter = {
      name: 'lying',
      accepts: () => true,
      async *invert(clean, _, { grid }) {
        const states = grid.map((_, index) => ({ ...clean, index }))
        const solved = { residual: 0, outcome: 'converged', history: [], iterations: 1, evaluations: 1 } as const
        return { states, solutions: grid.slice(1).map(() => ({ value: clean.x, ...solved })) }
      },
    }
    const given = { source: prompt, solvers: 'ddim', steps: 4 }
    await expect((async () => start(compareOperation, host, { ...given, inverters: [7] }))()).rejects.toMatchObject({
      code: 'bad-option',
    })
    const { result } = await start(compareOperation, host, { ...given, inverters: [lying] })
    expect(result.rows[0]!.inverter).toBe('lying')
    expect(result.rows[0]!.fromLatent).toMatchObject({ convergedSteps: 4, exact: 'no' })
    expect(result.rows[0]!.fromLatent!.latentAgainNmseDb).toBeGreaterThan(-20)
  })

  it('draws the error of a row against the picture of its own solver', async () => {
    const host = memoryHost(model)
    const drawn: (readonly ContactSheetCell[])[] = []
    const pictures: typeof host.pictures = {
      ...host.pictures,
      sheet: async (rows) => {
        drawn.push(...rows)
        return new Uint8Array()
      },
    }
    const given = { source: prompt, inverters: ['automatic'], solvers: ['ddim', 'bdia'], steps: 4, sheet: 's.png' }
    await start(compareOperation, { ...host, pictures }, given)
    const [begun, ddim, bdia] = drawn
    expect(begun!.map(({ label }) => label.split('\n')[0])).toEqual(['picture', 'picture', 'their noise'])
    expect(begun![1]!.image).not.toEqual(begun![0]!.image)
    for (const [i, row] of [ddim!, bdia!].entries()) {
      expect(row[1]!.image).toEqual(errorMap(row[0]!.image, begun![i]!.image, errorGain))
    }
  })

  it('expects rows that solve steps to cost more than those that walk back', async () => {
    const given = { source: prompt, inverters: ['naive', 'implicit'], solvers: ['ddim', 'bdia'], steps: 2 }
    let told: Told['parts']
    for await (const { parts } of start(compareOperation, memoryHost(model), given)) told = parts ?? told
    expect(told).toMatchObject({ total: 5, one: 'row' })
    // BDIA is not taken by implicit; automatic undoes it from the latent, and sweeps from the picture. The first row of a
    // solver makes its picture and finds its latent, which take as long on a short grid.
    expect(told!.weights).toEqual([155, 26, 155, 0, 53])
    for await (const { parts } of start(compareOperation, memoryHost(model), {
      ...given,
      inverters: ['algorithm-1', 'automatic'],
      solvers: 'ddim',
    })) {
      told = parts ?? told
    }
    expect(told!.weights![0]).toBeGreaterThan(8 * told!.weights![1]!)
    const slower = { ...given, inverters: ['implicit', 'implicit:iteration=picard'], solvers: 'ddim', steps: 40 }
    for await (const { parts } of start(compareOperation, memoryHost(model), slower)) told = parts ?? told
    expect(told!.weights!.map(Math.round)).toEqual([18, 14])
  })

  it('is unsupported where no inverter takes a solver, with the reason, and before a picture is made', async () => {
    const given = { source: prompt, inverters: 'implicit', solvers: 'ddim:end=zero', steps: 4, output: 'noises' }
    const host = memoryHost(model)
    await expect(start(compareOperation, host, given)).rejects.toMatchObject({
      code: 'unsupported',
      subject: setting('solvers'),
      got: expect.stringContaining('ddim:end=zero'),
      remedy: expect.stringContaining('sigma = 0'),
    })
    expect([...host.written.keys()]).toEqual([])
  })

  it('keeps the noise of rows that are done if it is interrupted, whole, and says which', async () => {
    const host = memoryHost(model)
    const controller = new AbortController()
    const given = { source: prompt, inverters: ['naive', 'implicit'], solvers: 'ddim', grid: 'own', steps: 4 }
    const begun = start(compareOperation, host, { ...given, output: 'noises', report: 'out' }, controller.signal)
    let kept: Told['keeps']
    const ended = (async () => {
      for await (const { keeps, parts } of begun) {
        if (keeps !== undefined) kept = keeps
        if (parts?.done === 1) controller.abort(new Error('enough'))
      }
    })()
    await expect(ended).rejects.toThrow('enough')
    const files = ['noise', '1-ddim-steps=4-naive.from-latent', '1-ddim-steps=4-naive.from-picture'].map(
      (stem) => `noises/${stem}.safetensors`,
    )
    expect(kept).toEqual(files)
    expect([...host.written.keys()].toSorted()).toEqual(files.toSorted())
    expect((await tensorIn(host, files[1]!, 'noise')).data.length).toBeGreaterThan(0)
  })

  it('one solver: the noise of the picture makes it again, and every row names its files', async () => {
    const host = memoryHost(model)
    const given = { source: prompt, seed: 5, inverters: 'naive', solvers: 'ddim', grid: 'own', steps: 4 }
    const { result } = await start(compareOperation, host, { ...given, precision: '64', output: 'noises' })
    const { fromLatent, fromPicture } = result.rows[0]!
    for (const leg of [fromLatent, fromPicture]) expect([...host.written.keys()]).toContain(leg!.noiseFile)
    const making = { precision: '64', output: 'again.png' }
    await start(generateOperation, host, { ...making, noise: 'noises/noise.safetensors' })
    await start(generateOperation, host, { ...making, prompt, seed: 5, solver: 'ddim', steps: 4, output: 'made.png' })
    const [again, made] = [await host.pictures.read('again.png'), await host.pictures.read('made.png')]
    expect(again.image.data).toEqual(made.image.data)
    const unkept = await start(compareOperation, host, given)
    expect(unkept.result.rows[0]!.fromLatent!.noiseFile).toBeNull()
  })

  it('titles its chart with the model, the prompt and the guidance', async () => {
    const host = memoryHost(model)
    const solvers = 'ddim:spacing=lambda'
    const given = { source: prompt, inverters: 'naive', solvers, steps: 4, guidance: 2.5, report: 'out' }
    await start(compareOperation, host, given)
    const { title, subtitle } = JSON.parse(await text(host, 'out/compare.svg'))
    expect(title).toBe('Error of the noise against cost')
    expect(subtitle).toBe(`analytic, “${prompt}”, guidance 2.5, ddim:spacing=lambda,steps=4`)
  })

  it('takes the scheduler of the model for a solver, and refuses what there is not before a model is opened', async () => {
    const host = memoryHost(model)
    const given = { source: prompt, inverters: 'naive', steps: 5 }
    const { result } = await start(compareOperation, host, { ...given, solvers: 'scheduler' })
    expect(result.rows).toMatchObject([{ solver: 'scheduler', steps: 50, refusal: null }])
    const closed = { ...host, models: { ...host.models, open: () => Promise.reject(new Error('It was opened.')) } }
    for (const wrong of [{ solvers: 'dimm' }, { output: 'n.png' }, { output: '-' }, { sheet: 'a.jpg' }]) {
      const started = start(compareOperation, closed, { ...given, ...wrong })
      await expect(started).rejects.toMatchObject({ code: 'bad-option' })
    }
  })

  it('of a picture file only the pixels are known; nothing is written unless it is asked for', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const before = [...host.written.keys()]
    const given = { source: 'a.png', prompt, inverters: ['implicit'], solvers: ['ddim'], steps: 10 }
    const { result, files } = await start(compareOperation, host, given)
    expect({ files, written: [...host.written.keys()] }).toEqual({ files: [], written: before })
    expect(result.rows).toMatchObject([
      {
        solver: 'ddim:spacing=lambda,steps=10',
        spacing: 'lambda',
        fromLatent: null,
        fromPicture: { noiseNmseDb: null },
      },
    ])
    expect(result.rows[0]!.fromPicture!.equalValuesShare).toBeGreaterThan(0)
    await expect(start(compareOperation, host, { ...given, seed: 3 })).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('solvers that name no spacing have levels that can be undone, or by `grid` those that every command means', async () => {
    const given = { source: prompt, inverters: 'naive', steps: 4, precision: '64' }
    const spacings = async (more: Given) => {
      const { result } = await start(compareOperation, memoryHost(model), { ...given, ...more })
      return result.rows.filter(({ standsIn }) => !standsIn).map(({ solver, spacing }) => [solver, spacing])
    }
    const own = [['ddim:steps=4', 'linspace']]
    const even = [['ddim:spacing=lambda,steps=4', 'lambda']]
    expect(await spacings({ solvers: 'ddim' })).toEqual(even)
    expect(await spacings({ solvers: 'ddim', grid: 'own' })).toEqual(own)
    expect(await spacings({ solvers: 'ddim', grid: 'lambda' })).toEqual(even)
    expect(await spacings({ solvers: 'ddim:spacing=lambda', grid: 'own' })).toEqual(even)
    expect(await spacings({ solvers: 'ddim:spacing=linspace' })).toEqual([
      ['ddim:spacing=linspace,steps=4', 'linspace'],
    ])
    expect(await spacings({})).toEqual([...even, ['bdia:spacing=lambda,steps=4', 'lambda']])
    expect(await spacings({ grid: 'own' })).toEqual([...own, ['bdia:steps=4', 'linspace']])
    // The noise of its own grid here is the noise of `ddim` there.
    const host = memoryHost(model)
    await start(compareOperation, host, { ...given, solvers: 'ddim', grid: 'own', output: 'noises' })
    await start(generateOperation, host, {
      prompt,
      solver: 'ddim',
      steps: 4,
      precision: '64',
      saveLatent: 'z.safetensors',
    })
    await start(invertOperation, host, {
      sources: 'z.safetensors',
      inverter: 'naive',
      precision: '64',
      output: 'n.safetensors',
    })
    const [here, there] = await Promise.all(
      ['noises/1-ddim-steps=4-naive.from-latent.safetensors', 'n.safetensors'].map((path) =>
        tensorIn(host, path, 'noise'),
      ),
    )
    expect(here!.data).toEqual(there!.data)
  })

  it('a file for its output is what each of its files begins with, .npy too, as invert takes it', async () => {
    const host = memoryHost(model)
    const given = { source: prompt, inverters: 'naive', solvers: 'ddim', steps: 4, seed: 5 }
    const { result, files } = await start(compareOperation, host, { ...given, output: 'out/n.npy' })
    const row = '1-ddim-spacing=lambda,steps=4-naive'
    expect(files).toEqual(['out/n-noise.npy', `out/n-${row}.from-latent.npy`, `out/n-${row}.from-picture.npy`])
    expect(result.outputs.noise).toBe('out/n-*.npy')
    expect(result.rows[0]!.fromLatent!.noiseFile).toBe(files[1])
    const { data } = await readNpy(host.files, files[0]!)
    expect(data).toEqual(torchNoise(5, [1, ...model.layout.latentShape(model.layout.picture)]).data)
  })

  it('says where a picture tells another recipe than is compared, as invert does, and believes nothing of it', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, { prompt, ...sampling, output: 'a.png' })
    const recipe = { Software: 'undiffuse', model: 'analytic', prompt, guidance: '3', solver: 'ddim:steps=20' }
    const read: typeof host.pictures.read = async (path) => ({
      ...(await host.pictures.read(path)),
      notes: ['It was turned.'],
      texts: recipe,
    })
    const telling = { ...host, pictures: { ...host.pictures, read } }
    const notesOf = async (more: Given) => {
      const given = { source: 'a.png', inverters: 'naive', solvers: ['bdia', 'ddim'], grid: 'own', steps: 20, ...more }
      const { result, notes } = await start(compareOperation, telling, given)
      expect(notes).toEqual(result.notes.map((text) => ({ about: 'a.png', text })))
      return result.notes
    }
    const unknown = expect.stringContaining('Nobody knows its noise')
    expect(await notesOf({ prompt })).toEqual(['It was turned.', unknown])
    const remark = 'Otherwise than it was made, another noise is found.'
    expect(await notesOf({ steps: 10 })).toEqual([
      'It was turned.',
      `The file says prompt “anything”, not none; guidance 3, not 1; solver ddim:steps=20, not bdia:steps=10 or ddim:steps=10. ${remark}`,
      unknown,
    ])
    const single = { sources: 'a.png', inverter: 'naive', decoder: 'encoder-only', solver: 'ddim', steps: 10 }
    const { notes } = await start(invertOperation, telling, single)
    expect(notes[1]!.text).toMatch(
      /^The file says prompt .* guidance 3, not 1; solver ddim:steps=20, not ddim:steps=10\./,
    )
  })
})

describe('what can be said against outputs is said before a model is opened', () => {
  const opened = () => Promise.reject(new Error('It was opened.'))
  const memory = memoryHost(model)
  const host = { ...memory, models: { ...memory.models, open: opened, openAutoencoder: opened } }

  it.each([
    ['generate', generateOperation, { prompt, output: 'a.jpg' }],
    ['generate, several', generateOperation, { prompt, count: 2, output: 'a.txt.jpg', saveNoise: 'n.png' }],
    ['generate, a latent', generateOperation, { prompt, saveLatent: 'z.npy' }],
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

it('a file that is not there has the remedy of a path, not of a model alone', async () => {
  for (const noise of ['no.safetensors', 'no.npy']) {
    const started = start(generateOperation, memoryHost(model), { prompt, noise })
    await expect(started).rejects.toMatchObject({ remedy: expect.stringMatching(/^Check the path\. /) })
  }
})

it('attack: what is reported is how far the written picture is', async () => {
  const host = memoryHost(model)
  await host.paint(
    'a.png',
    map(zeros([3, 4, 4]), (_, i) => (i % 5) / 5 - 0.5),
  )
  const { result } = await start(attackOperation, host, { pictures: 'a.png', with: ['brightness:factor=0.5', 'none'] })
  const [dark, same] = result.results
  const [before, after] = await Promise.all(['a.png', dark!.output].map((path) => host.pictures.read(path)))
  const squares = before!.image.data.map((value, i) => ((value - after!.image.data[i]!) / 2) ** 2)
  const meanSquare = squares.reduce((sum, value) => sum + value, 0) / squares.length
  expect(dark!.psnrDb).toBeCloseTo(-10 * Math.log10(meanSquare), 6)
  expect(same!.psnrDb).toBe(Number.POSITIVE_INFINITY)
})

it('edit: outside a mask the lock writes the source, bit for bit', async () => {
  const host = memoryHost(editableModel())
  const [from, to] = editedPrompts
  const { image } = await generate({ model: editableModel(), prompt: from, seed: 1 })
  await host.paint('a.png', image)
  await host.paint(
    'mask.png',
    map(zeros([1, 4, 4]), (_, i) => (i % 4 < 2 ? 1 : -1)),
  )
  const given = { picture: 'a.png', from, to, mask: 'mask.png', lockBackground: true, feather: 0, steps: 10 }
  const method = 'naive:dilation=0'
  const { result } = await start(editOperation, host, { ...given, method, decoder: 'encoder-only' })
  const [source, edited] = await Promise.all(['a.png', 'edited.png'].map((path) => host.pictures.read(path)))
  const outside = ({ data }: Tensor) => data.filter((_, i) => i % 4 >= 2)
  expect(outside(edited!.image)).toEqual(outside(source!.image))
  expect(edited!.image.data).not.toEqual(source!.image.data)
  expect(result).toMatchObject({ background: { largestLevels: 0 }, mask: { shareOfPixels: 0.5 } })
})

it('edit: a transparent picture keeps its opacity everywhere, and its hidden colours outside the mask', async () => {
  const host = memoryHost(editableModel())
  const [from, to] = editedPrompts
  const { image } = await generate({ model: editableModel(), prompt: from, seed: 1 })
  // Each row has another opacity, from none to all.
  const opacity = Float64Array.from({ length: 16 }, (_, i) => (2 * Math.floor(i / 4)) / 3 - 1)
  await host.paint('a.png', { shape: [4, 4, 4], data: Float64Array.from([...image.data, ...opacity]) })
  await host.paint(
    'mask.png',
    map(zeros([1, 4, 4]), (_, i) => (i % 4 < 2 ? 1 : -1)),
  )
  const given = { picture: 'a.png', from, to, mask: 'mask.png', feather: 0, steps: 10, decoder: 'encoder-only' }
  const { result } = await start(editOperation, host, { ...given, method: 'naive:dilation=0' })
  const kept = { background: 'kept' } as const
  const [source, edited] = await Promise.all(['a.png', 'edited.png'].map((path) => host.pictures.read(path, kept)))
  const outside = ({ data }: Tensor) => data.filter((_, i) => i % 4 >= 2)
  expect(edited!.image.shape).toEqual([4, 4, 4])
  expect(outside(edited!.image)).toEqual(outside(source!.image))
  expect(edited!.image.data.slice(48)).toEqual(source!.image.data.slice(48))
  expect(edited!.image.data).not.toEqual(source!.image.data)
  expect(result).toMatchObject({ background: { largestLevels: 0 } })
})

describe('edit', () => {
  const [from, to] = editedPrompts
  const given = { picture: 'a.png', from, to, mask: 'mask.png', steps: 4, method: 'naive', decoder: 'encoder-only' }
  const withMask = async (levels: (i: number) => number, plain = editableModel()) => {
    const host = memoryHost(plain)
    await host.paint('a.png', zeros([3, 4, 4]))
    await host.paint(
      'mask.png',
      map(zeros([1, 4, 4]), (_, i) => levels(i)),
    )
    return host
  }

  it('says how a grey mask is read, and nothing of a black and white one', async () => {
    const grey = await withMask((i) => (i % 4 < 2 ? 0.4 : -0.4))
    const { result } = await start(editOperation, grey, given)
    const said = '100 % of it are grey: 128 or more of 255 counts as white, the rest as black.'
    expect(result.mask!.notes).toContain(said)
    const plain = await start(editOperation, await withMask((i) => (i % 4 < 2 ? 1 : -1)), given)
    expect(plain.result.mask!.notes.filter((note) => note.includes('grey'))).toEqual([])
  })

  it.each([
    [
      'prompts of the same words',
      { from: 'A ball.', to: 'a  ball', mask: undefined, method: 'exact-blending' },
      'bad-option',
    ],
    ['the same prompt twice, mask or not', { to: from }, 'bad-option'],
    ['a mask that is not there', { mask: 'other.png' }, 'unavailable'],
    ['a mask of another size', { mask: 'large.png' }, 'bad-shape'],
    ['a black mask', { mask: 'black.png' }, 'bad-option'],
    ['a white mask with a lock', { mask: 'white.png', lockBackground: true }, 'bad-option'],
    ['a bound beyond 8 bits', { backgroundBound: 256 }, 'bad-option'],
    ['a seam of any width', { feather: 1025 }, 'bad-option'],
  ])('refuses %s before a model is opened', async (_, said, code) => {
    const host = await withMask(() => 1)
    await host.paint('large.png', zeros([1, 8, 8]))
    await host.paint('black.png', tensor([1, 4, 4], new Float64Array(16).fill(-1)))
    await host.paint('white.png', tensor([1, 4, 4], new Float64Array(16).fill(1)))
    let opened = 0
    const open = async () => Promise.reject(new Error(`opened ${++opened} times`))
    const closed = { ...host, models: { ...host.models, open } }
    const run = async () => await start(editOperation, closed, { ...given, ...said })
    await expect(run()).rejects.toMatchObject({ code })
    expect(opened).toBe(0)
  })

  it('says what is odd about a mask once it is known, before the edit is walked, and does not repeat it', async () => {
    const { mask: _, ...unmasked } = given
    // Attention all over the picture, as of a changed background.
    const everywhere = editableModel([1, 1, 1, 1, 1, 1, 1, 0])
    const method = 'exact-blending:mask=attention'
    const task = start(editOperation, await withMask(() => 1, everywhere), { ...unmasked, method })
    const stages: string[] = []
    for await (const { stage, note } of task) stages.push(note?.text ?? stage)
    const { result, notes } = await task
    const [said] = result.mask!.notes
    expect(said).toMatch(/^It covers the whole picture/)
    expect(stages.indexOf(said!)).toBe(stages.indexOf('mask') + 1)
    expect(stages.lastIndexOf('ddim')).toBeGreaterThan(stages.indexOf(said!))
    expect(notes.filter(({ text }) => text === said)).toHaveLength(1)
    expect(result.notes).not.toContain(said)
    const locked = start(editOperation, await withMask(() => 1, everywhere), {
      ...unmasked,
      method,
      lockBackground: true,
    })
    const walked: string[] = []
    const failed = (async () => {
      for await (const { stage } of locked) walked.push(stage)
      await locked
    })()
    await expect(failed).rejects.toMatchObject({ code: 'bad-option', got: 'one that covers all, as it was found' })
    expect(walked.at(-1)).toBe('mask')
  })

  it('a mask that grows over everything is told apart from one that was drawn so, and refused where a lock is asked for', async () => {
    const half = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const grown = { ...given, method: 'naive:dilation=4' }
    const { result } = await start(editOperation, half, grown)
    expect(result.mask).toMatchObject({ covers: 'everything', drawnShareOfPixels: 0.5, shareOfPixels: 1 })
    expect(result.mask!.notes.join()).toMatch(/nothing of the source is kept.*smaller `dilation`/)
    const drawn = await start(editOperation, await withMask(() => 1), given)
    expect(drawn.result.mask).toMatchObject({ covers: 'everything', drawnShareOfPixels: 1 })
    const before = half.written.get('edited.png')
    await expect(start(editOperation, half, { ...grown, lockBackground: true })).rejects.toMatchObject({
      code: 'bad-option',
      got: 'one that covers all, once it is grown',
    })
    expect(half.written.get('edited.png')).toBe(before)
  })

  /** Of `dB` or so: what is decoded is brighter than what was encoded. */
  function poorlyShown(dB: number) {
    const plain = editableModel()
    const brighter = 2 * 10 ** (-dB / 20)
    const ask: typeof plain.ask = async (kind, asks, signal) => {
      const answers = await plain.ask(kind, asks, signal)
      return kind === 'decode'
        ? (answers.map((one) => map(one as Tensor, (value) => value + brighter)) as unknown as typeof answers)
        : answers
    }
    return { ...plain, ask }
  }

  it('says how well the model knows the picture, before and after its latent is found, and names a remedy', async () => {
    const judged = async (dB: number, said: object = {}) => {
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), poorlyShown(dB))
      const task = start(editOperation, host, { ...given, ...said })
      const stages: string[] = []
      for await (const { stage, note } of task) stages.push(note?.text ?? stage)
      const { result, notes } = await task
      const own = result.notes.filter((text) => text.includes('dB'))
      expect(notes.filter(({ text }) => text.includes('dB')).map(({ text }) => text)).toEqual(own)
      return { stages, own }
    }
    const { stages, own } = await judged(25)
    expect(own).toEqual([
      expect.stringMatching(/^The model shows it at 2\d.*does not know.*`settings\.model`.*your-own-model/),
    ])
    const at = stages.indexOf(own[0]!)
    expect(stages.slice(0, at)).toEqual(expect.arrayContaining(['encode', 'encoder-only']))
    expect(stages.slice(0, at)).not.toContain('naive')
    expect(stages.slice(at)).toContain('naive')
    const searched = await judged(25, { decoder: 'gradient-free:iterations=2' })
    expect(searched.own).toEqual([
      expect.stringMatching(/^The model's encoder alone shows it at 2\d.*The search for the latent will tell/),
      expect.stringMatching(/^Its latent shows it at .*can show it after all/),
    ])
    const [early, late] = searched.own.map((text) => searched.stages.indexOf(text))
    const search = searched.stages.findLastIndex((stage) => stage.startsWith('gradient-free '))
    expect(early! < search && search < late!).toBe(true)
    expect((await judged(30)).own).toEqual([expect.stringMatching(/may not know such pictures\. Look closely/)])
    expect((await judged(40)).own).toEqual([])
  })

  it('says before a network runs that a picture is far larger than those of the model', async () => {
    const plain = editableModel()
    const trained = { ...plain, layout: { ...plain.layout, picture: [3, 64, 64], latentShape: () => [3, 4, 4] } }
    const { mask: _, ...unmasked } = given
    const noted = async (side: number, asked: unknown = editOperation, said: object = unmasked) => {
      const host = memoryHost(trained)
      await host.paint('a.png', zeros([3, side, side / 2]))
      const task = start(asked as typeof editOperation, host, said as never)
      const seen: string[] = []
      for await (const { stage, note } of task) {
        if (stage === 'encode') break
        if (note) seen.push(note.text)
        if (seen.length > 0) break
      }
      return seen
    }
    const large = [
      'The model was made for 64×64. This picture has 8 times as many pixels, and time and memory grow with them. Reduce it first: 80×156 is quick.',
    ]
    expect(await noted(252)).toEqual(large)
    for (const to of ['latent', 'noise']) {
      expect(await noted(252, invertOperation, { sources: ['a.png'], to, output: 'z.safetensors' })).toEqual(large)
    }
    expect(await noted(80)).toEqual([])
  })

  it('tells what is not written: bits, metadata; and that a mask is of the picture as it is shown', async () => {
    const host = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const { read, measure } = host.pictures
    const file = {
      notes: ['Read with the precision of 16 bits a channel.'],
      bits: 16,
      metadata: ['EXIF', 'XMP'],
    } as const
    const credits = { Author: 'Ann', Copyright: 'Ann 2024' }
    const of = (pictures: Partial<typeof host.pictures>) => ({ ...host, pictures: { ...host.pictures, ...pictures } })
    const deep = of({ read: async (...asked) => ({ ...(await read(...asked)), ...(asked[0] === 'a.png' && file) }) })
    const { result } = await start(editOperation, deep, given)
    expect(result.notes).toEqual([
      ...file.notes,
      'It is written with 8 of its 16 bits a channel.',
      'Its metadata (EXIF, XMP) are not carried over.',
    ])
    let texts: Readonly<Record<string, string>> | undefined
    const owned = of({
      read: async (...asked) => ({ ...(await read(...asked)), ...(asked[0] === 'a.png' && { ...file, credits }) }),
      encode: async (image, said) => {
        texts = said
        return await host.pictures.encode(image)
      },
    })
    const kept = await start(editOperation, owned, { ...given, recipe: false })
    expect(texts).toEqual(credits)
    expect(kept.result.notes).toContain('Its metadata (EXIF, XMP) are not carried over, but for author and copyright.')
    await host.paint('mask.png', zeros([1, 8, 4]))
    await expect(start(editOperation, host, given)).rejects.toMatchObject({
      remedy: 'Draw it over the picture itself.',
    })
    const turned = of({
      measure: async (path) => ({ ...(await measure(path)), ...(path === 'a.png' && { turned: true }) }),
    })
    await expect(start(editOperation, turned, given)).rejects.toMatchObject({
      remedy: expect.stringContaining('turned upright'),
    })
  })

  it('what a mask that covers all needs depends on the picture and on what changes', async () => {
    const vocabulary = {
      words: { places: ['left', 'right'], textures: ['dots', 'checks'], shapes: ['ball', 'star'] },
      examples: [],
    }
    const wide = async (dB: number, words: { readonly from: string; readonly to: string }) => {
      const host = await withMask(() => 1, { ...poorlyShown(dB), vocabulary } as ReturnType<typeof editableModel>)
      const { mask: _, ...unmasked } = given
      const method = 'exact-blending:mask=difference,dilation=4'
      const { result } = await start(editOperation, host, { ...unmasked, ...words, method })
      return result.mask!.notes.join()
    }
    const [moved, textured] = [
      { from: `${from} left`, to: `${from} right` },
      { from: `${from} dots`, to: `${from} checks` },
    ]
    expect(await wide(40, moved)).toMatch(
      /Draw the old and the new place of the thing, and pass it as `settings\.mask`\.$/,
    )
    expect(await wide(40, textured)).toMatch(/For another texture pass `settings\.method bdia-round-trip`/)
    expect(await wide(25, textured)).toMatch(/For a picture that this model did not make, try `guideFrom=source`\.$/)
    expect(await wide(40, { from, to })).toMatch(/the old and the new place of a thing that moves, and pass/)
  })

  it('an empty source prompt is noted', async () => {
    const host = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const { result } = await start(editOperation, host, { ...given, from: ' ' })
    expect(result.notes).toContainEqual(expect.stringMatching(/^`settings\.from` is empty/))
  })

  it('names the option of a mask without white', async () => {
    const host = await withMask(() => -1)
    const refused = start(editOperation, host, given)
    await expect(refused).rejects.toMatchObject({ code: 'bad-option', subject: '`settings.mask`' })
  })

  it('refuses a model of clips, by the verb and by the operation', async () => {
    const plain = editableModel()
    const clips = { ...plain, layout: { ...plain.layout, axes: ['channels', 'frames', 'height', 'width'] as const } }
    const refused = { code: 'unsupported', expected: 'a model of pictures' }
    await expect(edit({ image: zeros([3, 4, 4]) }, { model: clips, from, to })).rejects.toMatchObject(refused)
    const host = await withMask(() => 1, clips)
    await expect(start(editOperation, host, given)).rejects.toMatchObject(refused)
  })
})

describe('words that a small model never saw', () => {
  const vocabulary = { words: { all: ['anything', 'a', 'dark', 'light'] }, examples: ['anything'] }
  const notesOf = async (task: Task<unknown, Told>) => {
    const notes: Told['note'][] = []
    for await (const { note } of task) if (note) notes.push(note)
    await task
    return notes
  }
  const strange = (words: string) => ({
    about: 'analytic',
    text: `${words}: not among this model's 4 words.`,
    hint: 'list-words',
  })
  const small = { ...model, vocabulary }
  /** A red ball that is to become a red star, by a model of these words. */
  async function edited(vocabulary: typeof small.vocabulary) {
    const [from, to] = editedPrompts
    const host = memoryHost({ ...editableModel(), vocabulary } as typeof small)
    await host.paint('a.png', (await generate({ model: editableModel(), prompt: from, seed: 1 })).image)
    return { host, given: { picture: 'a.png', from, to, method: 'naive', decoder: 'encoder-only', steps: 4 } }
  }

  it('generate, invert and roundtrip name them before they start', async () => {
    const host = memoryHost(small)
    const given = { prompt: 'A cat, anything, cat', negative: 'a dog', ...sampling, saveLatent: 'z.safetensors' }
    expect(await notesOf(start(generateOperation, host, given))).toEqual([strange('cat, dog')])
    // The latent's file remembers the prompt.
    expect(await notesOf(start(invertOperation, host, { sources: ['z.safetensors'] }))).toContainEqual(
      strange('cat, dog'),
    )
    const there = { prompt: 'anything else', ...sampling }
    expect(await notesOf(start(roundTripOperation, host, there))).toContainEqual(strange('else'))
  })

  it('edit names those of both prompts', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'ball', 'red'] }, examples: [] })
    expect(await notesOf(start(editOperation, host, given))).toContainEqual({
      ...strange('star'),
      text: "star: not among this model's 3 words.",
    })
  })

  it('a word near a known one is asked for; short words are near to nothing', async () => {
    const host = memoryHost(small)
    const told = (prompt: string) => start(generateOperation, host, { prompt, ...sampling })
    expect(await notesOf(told('a drak at'))).toEqual([
      { ...strange('drak, at'), text: "drak, at: not among this model's 4 words. Did you mean `dark`?" },
    ])
  })

  it.each(['edit', 'generate'])('%s names them before anything else is told', async (asked) => {
    const { host, given } = await edited({ words: { all: ['a', 'ball', 'red'] }, examples: [] })
    const made = { prompt: 'a red star', ...sampling, output: 'star.png' }
    const task = asked === 'edit' ? start(editOperation, host, given) : start(generateOperation, host, made)
    const { value } = await task[Symbol.asyncIterator]().next()
    expect(value?.note).toMatchObject({ text: "star: not among this model's 3 words." })
    await task
  })

  it('edit keeps what was told of words in its report', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'ball', 'red'] }, examples: [] })
    const { result } = await start(editOperation, host, given)
    expect(result.notes).toContain("star: not among this model's 3 words.")
  })

  it('edit is refused where all that changes is strange, before a network runs', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'red'] }, examples: [] })
    const refused = {
      code: 'bad-option',
      subject: '`analytic`',
      got: '`ball`, `star`',
      hint: 'list-words',
    }
    await expect(start(editOperation, host, given)).rejects.toMatchObject(refused)
    expect(host.written.has('edited.png')).toBe(false)
  })

  it('nothing is said where all are known, or where nobody knows the words', async () => {
    const given = { prompt: 'anything light', ...sampling }
    expect(await notesOf(start(generateOperation, memoryHost(small), given))).toEqual([])
    expect(await notesOf(start(generateOperation, memoryHost(model), { ...given, prompt: 'a cat' }))).toEqual([])
  })
})

/** Sixteen signs are few: p-values of marks are at least 2⁻¹⁶. */
const fpr = 1e-3
const scheme = 'gaussian-shading:bits=1'

describe('watermarks', () => {
  /** A key of the host's chance, pictures with its mark and without, and how they are read. */
  async function marked() {
    const host = memoryHost(model)
    await start(keygenOperation, host, { scheme, output: 'key.json' })
    const given = { prompt, ...sampling, guidance: 1, precision: '64' }
    await start(generateOperation, host, {
      ...given,
      watermark: 'key.json',
      message: '8',
      output: 'many/marked.png',
      saveNoise: 'marked.safetensors',
    })
    await start(generateOperation, host, { ...given, seed: 9, output: 'many/plain.png' })
    host.written.set('many/broken.png', new Uint8Array(3))
    const inverting = { prompt, ...sampling, guidance: 1, decoder: 'encoder-only', key: 'key.json', fpr }
    return { host, inverting }
  }

  it('a key is what the host drew, and the report does not tell it', async () => {
    const { host } = await marked()
    const { secret } = JSON.parse(await text(host, 'key.json'))
    const { result } = await start(keygenOperation, host, { scheme, output: 'other.json' })
    expect(readKey(await text(host, 'other.json'), 'other').id).toBe(result.id)
    expect(JSON.stringify(result)).not.toContain(JSON.parse(await text(host, 'other.json')).secret)
    expect(JSON.parse(await text(host, 'other.json')).secret).not.toBe(secret)
    const again = start(keygenOperation, host, { scheme, output: 'key.json' })
    await expect(again).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(/settings\.force/) })
  })

  it('generate says that a mark without a message carries 0, and that pictures tell prompt and seed', async () => {
    const { host } = await marked()
    const given = { prompt, ...sampling, watermark: 'key.json', output: 'x.png' }
    const notesOf = async (more: Given) => {
      const notes: string[] = []
      const task = start(generateOperation, host, { ...given, ...more })
      for await (const { note } of task) if (note) notes.push(note.text)
      await task
      return notes
    }
    const recipe = expect.stringMatching(/tell prompt and seed.*`settings\.recipe false` leaves them out/)
    expect(await notesOf({})).toEqual([expect.stringMatching(/carries the message 0.*`settings\.message`/), recipe])
    expect(await notesOf({ message: '0' })).toEqual([recipe])
    expect(await notesOf({ message: '0', recipe: false })).toEqual([])
  })

  it('detect tells a message where there is a mark, or where one was expected', async () => {
    const { host, inverting } = await marked()
    const findingOf = async (more: Given) => {
      const { result } = await start(detectOperation, host, { ...inverting, ...more })
      return (result.results![0] as DetectionLine).findings[0]!
    }
    expect(await findingOf({ sources: 'many/marked.png' })).toMatchObject({ verdict: 'marked', message: '8' })
    expect(await findingOf({ sources: 'many/plain.png' })).not.toHaveProperty('message')
    expect(await findingOf({ sources: 'many/plain.png', message: '8' })).toHaveProperty('message')
  })

  it('detect says where keys go, and that a calibration is missing', async () => {
    const { host, inverting } = await marked()
    await start(keygenOperation, host, { scheme, output: 'old.json' })
    const { result } = await start(detectOperation, host, { ...inverting, sources: ['many/plain.png', 'old.json'] })
    const wanted = { code: 'bad-image', message: expect.stringMatching(/got a key\. Pass it in `settings\.key`/) }
    expect(result.results).toContainEqual(expect.objectContaining({ error: expect.objectContaining(wanted) }))
    const missing = start(detectOperation, host, {
      ...inverting,
      sources: 'many/plain.png',
      calibration: 'no.safetensors',
    })
    await expect(missing).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no such file/) })
  })

  it('detect finds the mark, and goes on with what an interrupted run kept', async () => {
    const { host, inverting } = await marked()
    const told: unknown[] = []
    const task = start(detectOperation, host, { sources: ['many'], ...inverting })
    for await (const { line } of task) if (line) told.push(line)
    const { result } = await task
    expect(result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1 })
    expect(told).toEqual(result.results)

    const controller = new AbortController()
    const given = { sources: ['many'], ...inverting, chunk: 1, output: 'lines.jsonl' }
    const begun = start(detectOperation, host, given, controller.signal)
    const kept: (string | readonly string[] | null)[] = []
    const ended = (async () => {
      for await (const { keeps, parts } of begun) {
        if (keeps !== undefined) kept.push(keeps)
        if (parts?.done === 2) controller.abort(new Error('enough'))
      }
    })()
    await expect(ended).rejects.toThrow('enough')
    expect({ kept, open: host.openModels(), locks: host.locks.size }).toEqual({
      kept: ['lines.jsonl.part'],
      open: 0,
      locks: 0,
    })
    const found = await start(detectOperation, host, { ...given, resume: true })
    expect(found.result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1 })
    expect(found.files).toEqual(['lines.jsonl'])
    expect(host.written.has('lines.jsonl.part')).toBe(false)
    expect((await text(host, 'lines.jsonl')).trimEnd().split('\n')).toHaveLength(4)
  })

  it('detect and calibrate bring a picture of another size to the one that is read, where that is asked for', async () => {
    const { host, inverting } = await marked()
    const { image } = await host.pictures.read('many/marked.png')
    const [height, width] = image.shape.slice(1) as [number, number]
    await host.paint('wide/a.png', resize(image, 2 * height, 3 * width))
    for (const fit of ['resize', 'crop'] as const) {
      const { result } = await start(detectOperation, host, { sources: ['wide'], ...inverting, fit })
      expect(result).toMatchObject({ pictures: 1, failed: 0 })
      const { key: _, fpr: __, ...recovering } = inverting
      const asked = { pictures: ['wide'], ...recovering, fit, output: `${fit}.safetensors` }
      expect((await start(calibrateOperation, host, asked)).result).toMatchObject({ pictures: 1, failed: 0 })
    }
    await expect(start(detectOperation, host, { sources: 'wide/a.png', ...inverting })).rejects.toMatchObject({
      code: 'bad-shape',
    })
  })

  it('detect and identify try numbers of steps where nobody knows them, and say that they did', async () => {
    const { host, inverting } = await marked()
    const { steps, ...unknown } = inverting
    const given = { ...unknown, solver: 'ddim', sources: ['many/marked.png'], trySteps: ['4', '20', '4'] }
    const { result } = await start(detectOperation, host, given)
    const [line] = result.results as readonly DetectionLine[]
    expect(line).toMatchObject({
      candidates: 2,
      verdict: 'marked',
      findings: [{ readWith: expect.stringMatching(/ steps$/) }],
    })
    expect(line!.findings[0]!.familyPValue).toBeCloseTo(2 * line!.findings[0]!.pValue, 12)
    const who = await start(identifyOperation, host, given)
    expect(who.result).toMatchObject({ results: [{ candidates: 2, verdict: 'marked' }] })
    expect(host.openModels()).toBe(0)
    const both = start(detectOperation, host, { ...given, steps })
    await expect(both).rejects.toThrow(/`settings.trySteps` alone for `settings.steps`, got both/)
  })

  it('a scan says how many false alarms to expect, and what failed is none of its pictures', async () => {
    const { host, inverting } = await marked()
    const { result } = await start(detectOperation, host, { sources: ['many'], ...inverting })
    expect(result.expectedFalseAlarmsAtMost).toBeCloseTo(2 * fpr, 12)
    const who = await start(identifyOperation, host, { ...inverting, sources: 'marked.safetensors' })
    expect(who.result.expectedFalseAlarmsAtMost).toBe(fpr)
  })

  it('a line twice in a file of results counts once, and one without a verdict of ours is refused', async () => {
    const { host, inverting } = await marked()
    const given = { sources: ['many'], ...inverting, output: 'lines.jsonl' }
    await start(detectOperation, host, given)
    const lines = (await text(host, 'lines.jsonl')).trimEnd().split('\n')
    const write = (all: readonly string[]) =>
      host.written.set('lines.jsonl', new TextEncoder().encode(`${all.join('\n')}\n`))
    write([...lines, lines[1]!, lines[2]!])
    const again = await start(detectOperation, host, { ...given, resume: true })
    expect(again.result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1, earlier: { lines: 3 } })
    write(lines.map((line) => line.replace('"verdict":"marked"', '"verdict":"perhaps"')))
    await expect(start(detectOperation, host, { ...given, resume: true })).rejects.toThrow(/a verdict.*"perhaps"/)
    host.written.delete('lines.jsonl.part')
    write(lines.map((line) => line.replace('"verdict":"marked"', '"verdict_":1')))
    await expect(start(detectOperation, host, { ...given, resume: true })).rejects.toThrow(/a verdict.*got nothing/)
    expect({ open: host.openModels(), locks: host.locks.size }).toEqual({ open: 0, locks: 0 })
  })

  it('keygen draws keys until one keeps its rate: in pictures that it inverts once, or in a calibration', async () => {
    const { host, inverting } = await marked()
    const { key, fpr: _, ...given } = inverting
    const made = await start(keygenOperation, host, { scheme, unmarked: ['many'], output: 'chosen.json' })
    expect(made.result).toMatchObject({ chosen: { pictures: 2 }, modelFiles: '0123456789abcdef' })
    expect(made.result.keyRates!.every(({ found }) => found === 0)).toBe(true)
    expect(made.notes.map(({ about }) => about)).toEqual(['many/broken.png'])
    const asked = { pictures: ['many/plain.png'], ...given, generated: 3, key: [key, 'chosen.json'] }
    const { result } = await start(calibrateOperation, host, asked)
    expect(result.keyRates.map(({ rates }) => rates.length)).toEqual([3, 3])
    const another = { scheme, unmarked: ['calibration.safetensors'], output: 'another.json' }
    const drawn = await start(keygenOperation, host, another)
    expect(drawn.result.chosen!.pictures).toBe(4)
    const judged = await start(detectOperation, host, {
      sources: 'many/plain.png',
      key: 'another.json',
      calibration: 'calibration.safetensors',
      fpr: 0.2,
      prompt,
    })
    // The rates that it was chosen by, and the one that is asked for.
    const { rates } = judged.result.calibration!.keyRates[0]!
    expect(rates.slice(0, 3)).toEqual(drawn.result.keyRates)
    expect(rates[3]).toMatchObject({ nominalRate: 0.2 })
    expect(host.openModels()).toBe(0)
  })

  it('a key is for its weights: a copy under another name reads it, and others of the name are said', async () => {
    const { host, inverting } = await marked()
    const notesOf = async (name: string, identity: string) => {
      const notes: string[] = []
      const task = start(detectOperation, under(host, name, identity), { sources: 'many/marked.png', ...inverting })
      for await (const { note } of task) if (note) notes.push(note.text)
      return { notes, verdict: (await task).result.marked }
    }
    expect(await notesOf('a-copy', '0123456789abcdef')).toEqual({ notes: [], verdict: 1 })
    const { notes } = await notesOf('analytic', 'fedcba9876543210')
    expect(notes).toEqual([expect.stringMatching(/other weights of `analytic`: 0123456789abcdef.*fedcba9876543210/)])
    await expect(notesOf('another', 'fedcba9876543210')).rejects.toThrow(/a key of `another`/)

    // A noise file names its weights.
    const of = async (name: string, identity: string, output: string) => {
      const given = { prompt, ...sampling, saveNoise: output, output: 'x.png', watermark: 'key.json', message: '8' }
      await start(generateOperation, under(host, name, identity), given)
      const notes: string[] = []
      const task = start(detectOperation, host, { sources: output, key: 'key.json', fpr })
      for await (const { note } of task) if (note) notes.push(note.text)
      return [(await task).result.marked, notes.length]
    }
    expect(await of('a-copy', '0123456789abcdef', 'copied.safetensors')).toEqual([1, 0])
    expect(await of('analytic', 'fedcba9876543210', 'other.safetensors')).toEqual([1, 1])
  })

  it('identify reads noise files without a model, and tells the message', async () => {
    const { host, inverting } = await marked()
    const { result } = await start(identifyOperation, host, { ...inverting, sources: 'marked.safetensors' })
    expect(result).toMatchObject({ model: null, marked: 1, results: [{ by: 'message', verdict: 'marked' }] })
  })

  it('calibrate keeps the noise that detect would find, and how well it is found', async () => {
    const { host, inverting } = await marked()
    const { key: _, fpr: __, ...given } = inverting
    const { result } = await start(calibrateOperation, host, { pictures: ['many'], ...given, generated: 2 })
    expect(result).toMatchObject({ pictures: 4, generated: 2, failed: 1, smallestPValue: 1 / 5 })
    // The decoder of the analytic world loses the 8-bit rounding alone.
    expect(result.correlation).toBeGreaterThan(0.9)
    const judged = await start(detectOperation, host, {
      sources: 'many/plain.png',
      key: 'key.json',
      fpr,
      calibration: 'calibration.safetensors',
      prompt,
    })
    expect(judged.result.settings).toMatchObject({ decoder: 'encoder-only', solver: 'ddim:steps=20' })
  })
})

it('times by the clock of the host what it reports', async () => {
  // Every look at the clock is a millisecond.
  const host = memoryHost(model)
  const { result } = await start(generateOperation, host, { prompt, ...sampling, count: 2, output: 'a.png' })
  const each = result.pictures.map(({ seconds }) => seconds)
  expect(Math.min(...each)).toBeGreaterThan(0)
  expect(each[0]! + each[1]!).toBeLessThan(result.seconds)
  const given = { sources: ['a-0.png', 'a-1.png'], decoder: 'encoder-only' }
  const found = await start(invertOperation, host, { ...given, ...sampling, prompt, floor: 2 })
  for (const { seconds, latent, floor } of (found.result as NoiseInversionReport).sources) {
    expect(latent!.seconds).toBeGreaterThan(0)
    expect(seconds).toBeGreaterThan(latent!.seconds)
    expect(seconds + floor!.seconds).toBeLessThan(found.result.seconds)
  }
  const latents = await start(invertOperation, host, { ...given, to: 'latent' })
  for (const { seconds } of (latents.result as LatentInversionReport).pictures) expect(seconds).toBeGreaterThan(0)
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

describe('whatever ends an operation', () => {
  it('a failure closes the model and writes nothing', async () => {
    const failing = memoryHost({ ...model, ask: () => Promise.reject(new Error('the device is gone')) })
    await expect(start(generateOperation, failing, { prompt })).rejects.toThrow('the device is gone')
    expect({ open: failing.openModels(), files: failing.written.size }).toEqual({ open: 0, files: 0 })
  })

  it('an abort closes the model and writes nothing', async () => {
    const host = memoryHost(model)
    const controller = new AbortController()
    const task = start(generateOperation, host, { prompt, steps: 20 }, controller.signal)
    const reading = (async () => {
      for await (const { done } of task) if (done === 3) controller.abort(new Error('enough'))
    })()
    await expect(reading).rejects.toThrow('enough')
    expect({ open: host.openModels(), files: host.written.size }).toEqual({ open: 0, files: 0 })
  })

  it('what cannot be written fails before the model is asked', async () => {
    const { model: counted, asked } = analyticModel()
    const host = memoryHost(counted)
    const task = start(generateOperation, host, { prompt, output: 'nowhere/a.png' })
    await expect(task).rejects.toMatchObject({ code: 'unavailable' })
    expect(asked().runs).toBe(0)
  })
})
