/** `compare` measures each inverter on each solver as `invert` would, and believes none of them. */
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
} from '../../test/hosts/operations.js'
import { encodeNpy, type NpyType, readNpy } from '../checkpoints/npy.js'
import { expected } from '../core/errors.js'
import type { Inverter, Solver } from '../diffusion/diffusion.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { nmseDb } from '../math/nmse.js'
import { torchNoise } from '../math/noise.js'
import type { Tensor } from '../math/tensor.js'
import { errorMap, round8 } from '../pictures/pixels.js'
import { readSettings, setting } from './fields.js'
import { looksWhite } from './files/white-noise.js'
import type { ContactSheetCell } from './host.js'
import { compareOperation, generateOperation, invertOperation, type Told } from './index.js'

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
      ['01-ddim-steps-20-naive', naive!],
      ['04-bdia-steps-20-automatic', row('bdia:', 'automatic')],
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
    expect(files).toContain('noises/01-ddim-steps-4-implicit.from-latent.safetensors')
    expect(files).toContain('noises/02-ddim-steps-4-implicit-restarts-1.from-latent.safetensors')
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
    expect(notes.map(({ text }) => text).join()).not.toContain('does not make this')
    await host.files.write([['other.npy', encodeNpy(torchNoise(5, model.layout.latentShape([3, 4, 4])))]])
    const other = await start(compareOperation, host, { ...told, noise: 'other.npy', prompt, inverters: ['naive'] })
    expect(other.notes).toContainEqual({
      about: 'other.npy',
      text: expect.stringMatching(/^`other\.npy` does not make this picture, .* \d+ % of the 8-bit values are equal/),
    })
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

  it('says where steps were not undone how pictures are made that can be inverted', async () => {
    const failing: Inverter = {
      name: 'failing',
      accepts: () => true,
      async *invert(clean, _, { grid }) {
        const states = grid.map((_, index) => ({ ...clean, index }))
        const lost = { residual: 0.5, outcome: 'exhausted', history: [], iterations: 1, evaluations: 1 } as const
        return { states, solutions: grid.slice(1).map(() => ({ value: clean.x, ...lost })) }
      },
    }
    const given = { source: prompt, solvers: 'ddim', steps: 4, inverters: [failing] }
    const { result } = await start(compareOperation, memoryHost(model), given)
    expect(result.rows[0]!.fromLatent!.remedy).toMatch(/made by Heun .* docs\/noise-inversion\.md#strong-guidance\.$/)
    const odd: Inverter = {
      ...failing,
      async *invert(...told) {
        const { states, solutions } = yield* failing.invert(...told)
        return { states, solutions: solutions.map((one) => ({ ...one, outcome: 'ok' as 'converged' })) }
      },
    }
    await expect(start(compareOperation, memoryHost(model), { ...given, inverters: [odd] })).rejects.toMatchObject({
      got: '`solutions[0].outcome` = `ok` (known: converged, exhausted, diverged)',
    })
  })

  it("takes solvers of one's own, each with its grid and its picture, and checks what they return", async () => {
    const [coarse, fine] = [12, 20].map((steps) => ({ ...ddim({ steps, spacing: 'lambda' }), name: 'mine' }))
    const given = { source: prompt, inverters: 'implicit', steps: 16 }
    const { result } = await start(compareOperation, memoryHost(model), {
      ...given,
      solvers: [coarse, { text: 'mine', method: fine }, 'ddim'],
    })
    expect(result.rows.map(({ solver, steps }) => [solver, steps])).toEqual([
      ['mine', 12],
      ['mine', 20],
      ['ddim:spacing=lambda,steps=16', 16],
    ])
    for (const { fromLatent } of result.rows) expect(fromLatent!.noiseNmseDb).toBeLessThan(-80)
    const wrong: readonly Partial<Solver>[] = [
      { step: async (state) => state },
      { grid: () => [] },
      { start: undefined as unknown as Solver['start'] },
    ]
    for (const one of wrong) {
      const started = start(compareOperation, memoryHost(model), { ...given, solvers: { ...coarse, ...one } })
      await expect(started).rejects.toMatchObject({ code: 'bad-option', subject: 'the solver `mine`' })
    }
  })

  it('draws the error of a row against the picture of its own solver', async () => {
    const host = memoryHost(model)
    const drawn: (readonly ContactSheetCell[])[] = []
    const pictures: typeof host.pictures = {
      ...host.pictures,
      sheet: async (rows, options) => {
        drawn.push(...rows)
        expect(options?.title).toBe(`analytic, "${prompt}", guidance ${model.guidance}`)
        return new Uint8Array()
      },
    }
    const given = { source: prompt, inverters: ['automatic'], solvers: ['ddim', 'bdia'], steps: 4, sheet: 's.png' }
    await start(compareOperation, { ...host, pictures }, given)
    const [begun, ddim, bdia] = drawn
    expect(begun!.map(({ label }) => label.split('\n')[0])).toEqual(['picture', 'picture', 'their noise'])
    expect(begun![1]!.image).not.toEqual(begun![0]!.image)
    for (const [i, row] of [ddim!, bdia!].entries()) {
      const gain = Number(/^its error × (\d+)\n/.exec(row[1]!.label)?.[1] ?? 1)
      expect(row[1]!.image).toEqual(errorMap(round8(row[0]!.image), begun![i]!.image, gain))
      // What differs is seen: the largest error takes at least half of the range.
      const largest = Math.max(...row[1]!.image.data) + 1
      if (!row[1]!.label.startsWith('no error')) expect(largest).toBeGreaterThan(1 - 1e-9)
    }
  })

  it('tells of every stage what is done, with the row that it is of', async () => {
    const given = { source: prompt, inverters: ['naive', 'automatic'], solvers: 'bdia', steps: 2 }
    const stages = new Set<string>()
    for await (const { stage, parts } of start(compareOperation, memoryHost(model), given)) if (parts) stages.add(stage)
    const solver = 'bdia:spacing=lambda,steps=2'
    expect(stages).toContain(solver)
    // As the table calls it, whatever it chooses.
    expect(stages).toContain(`automatic on ${solver}, from the latent`)
    expect([...stages].filter((stage) => /^(reversible|implicit|sweep)/.test(stage))).toEqual([])
    expect(stages).toContain(`encode, automatic on ${solver}, from the picture`)
  })

  it('expects of rows what was measured of them', async () => {
    const weightsOf = async (given: Given) => {
      for await (const { parts } of start(compareOperation, memoryHost(model), { source: prompt, ...given }))
        if (parts) return parts.weights!.map(Math.round)
      return []
    }
    // BDIA is not taken by implicit, whose row counts for nothing; automatic undoes it from the latent, and sweeps from the picture. The first row of a
    // solver makes its picture and finds its latent, which take as long on a short grid.
    const both = { inverters: ['naive', 'implicit'], solvers: ['ddim', 'bdia'], steps: 2 }
    expect(await weightsOf(both)).toEqual([128, 46, 128, 53])
    // Both ways back, and both there again. At 20 steps 14.5, 11.5, 19.2, 5.7 and 11.3 evaluations a step were measured.
    const slow = ['algorithm-1', 'implicit:iteration=picard', 'implicit:restarts=2', 'automatic', 'branching']
    const given = { inverters: ['naive', ...slow], solvers: 'ddim' }
    expect((await weightsOf({ ...given, steps: 20 })).slice(1)).toEqual([31, 25, 40, 13, 25])
    // At guidance 7.5 of 20 steps 35, 11.5 and 22 to 95 were measured of algorithm-1, implicit and branching.
    const hard = {
      ...given,
      inverters: ['naive', 'algorithm-1', 'implicit', 'branching'],
      guidance: 7.5,
      from: 'latent',
    }
    expect((await weightsOf({ ...hard, steps: 20 })).slice(1)).toEqual([37, 15, 71])
    // Of dpm-solver-2m 10 and 85 to 116 were measured of 20 steps, and at guidance 1 of 50 steps 6 and 12.
    const multistep = {
      inverters: ['naive', 'sweep', 'automatic', 'algorithm-2'],
      solvers: 'dpm-solver-2m',
      from: 'latent',
    }
    expect((await weightsOf({ ...multistep, steps: 20, guidance: 3 })).slice(1)).toEqual([13, 13, 103])
    expect((await weightsOf({ ...multistep, steps: 50, guidance: 1 })).slice(1)).toEqual([9, 9, 13])
    expect((await weightsOf({ ...multistep, steps: 20, guidance: 7.5 })).slice(1, 2)).toEqual([31])
    // At 50 steps 9.1, 5.5, 12.8, 3.6 and 5.2.
    expect((await weightsOf({ ...given, steps: 50 })).slice(1)).toEqual([20, 12, 25, 9, 12])
  })

  it('goes back from the latent alone where that is asked for, and asks nothing of a decoder inversion', async () => {
    const given = { source: prompt, inverters: ['naive', 'implicit'], solvers: 'ddim', steps: 4, seed: 5 }
    const both = await start(compareOperation, memoryHost(model), given)
    const { fields } = compareOperation
    const settings = readSettings(fields, { ...given, from: 'latent', output: 'noises' }, 'compare')
    const method = { ...settings.decoder.method, invert: () => expect.fail('It looked for a latent.') }
    const host = memoryHost(model)
    let weights: readonly number[] | undefined
    const running = compareOperation.run({ ...settings, decoder: { ...settings.decoder, method } }, host)
    let step = await running.next()
    for (; !step.done; step = await running.next()) weights = step.value.parts?.weights ?? weights
    const { result, files } = step.value
    for (const [i, row] of result.rows.entries()) {
      expect(row.fromPicture).toBeNull()
      expect(row.fromLatent).toMatchObject({ noiseNmseDb: both.result.rows[i]!.fromLatent!.noiseNmseDb })
    }
    expect(files.filter((path) => path.includes('from-'))).toHaveLength(2)
    // Made once, and each row back and there again.
    expect(weights!.map(Math.round)).toEqual([3, 21])
    const alone = await start(compareOperation, memoryHost(model), { ...given, from: 'picture' })
    expect(alone.result.rows.map(({ fromLatent }) => fromLatent)).toEqual([null, null])
    const wrong = start(compareOperation, memoryHost(model), {
      ...given,
      seed: undefined,
      source: 'a.png',
      from: 'latent',
    })
    await expect(wrong).rejects.toMatchObject({ code: 'bad-option', subject: setting('from') })
  })

  it('tells how much of a row is finished by its evaluations', async () => {
    const given = { source: prompt, inverters: ['naive', 'implicit'], solvers: 'ddim', steps: 4 }
    const done: number[] = []
    for await (const { parts } of start(compareOperation, memoryHost(model), given)) {
      if (!parts) continue
      const finished = parts.weights!.slice(0, parts.done).reduce((all, one) => all + one, 0)
      expect(parts.begun).toBeLessThan(parts.weights![parts.done]!)
      done.push(finished + parts.begun!)
    }
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(new Set(done).size).toBeGreaterThan(10)
  })

  it('tells refusals before the first row, with a solver that fits, and adds no row where another undoes the solver', async () => {
    const given = { source: prompt, inverters: ['naive', 'implicit', 'algorithm-2'], solvers: 'ddim', steps: 4 }
    const task = start(compareOperation, memoryHost(model), given)
    const before: string[] = []
    let works = false
    for await (const { note, parts } of task) {
      works ||= parts !== undefined
      if (note && !works) before.push(note.text)
    }
    const { result } = await task
    expect(before).toEqual([
      expect.stringMatching(
        /^algorithm-2 does not take ddim\S*: It is for DPM-Solver.* It takes `dpm-solver-\S*2m`\.$/,
      ),
    ])
    expect(result.notes).toEqual(before)
    expect(result.rows.map(({ inverter }) => inverter)).toEqual(given.inverters)
    const both = { ...given, inverters: ['naive', 'algorithm-2'] }
    const { result: added } = await start(compareOperation, memoryHost(model), both)
    expect(added.rows.map(({ inverter, standsIn }) => [inverter, standsIn])).toContainEqual(['automatic', true])
  })

  it('is unsupported where no inverter takes a solver, with the reason, and before a picture is made', async () => {
    const given = { source: prompt, inverters: 'implicit', solvers: 'ddim:end=zero', steps: 4, output: 'noises' }
    const host = memoryHost(model)
    const refused = await start(compareOperation, host, given).then(
      () => expect.fail('It was taken.'),
      (error: unknown) => error,
    )
    expect(refused).toMatchObject({
      code: 'unsupported',
      subject: setting('solvers'),
      got: expect.stringContaining('ddim:end=zero'),
      remedy: expect.stringContaining('sigma = 0'),
    })
    expect([...host.written.keys()]).toEqual([])
    // What the remedy says to pass is taken.
    const [, solvers] = /Pass `settings\.solvers (.*)`\.$/.exec((refused as { remedy: string }).remedy)!
    expect(solvers).toBe('ddim:spacing=lambda,steps=4')
    expect((await start(compareOperation, host, { ...given, solvers })).result.rows).toMatchObject([{ refusal: null }])
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
    const files = ['noise', '01-ddim-steps-4-naive.from-latent', '01-ddim-steps-4-naive.from-picture'].map(
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

  it('keeps in its report what the model does not understand of the prompt', async () => {
    const vocabulary = { words: { sizes: ['small', 'large'] }, examples: [] }
    const withWords = { ...model, vocabulary }
    const host = memoryHost(withWords)
    const given = { source: 'a zebra', inverters: 'naive', solvers: 'ddim', steps: 4, report: 'out' }
    await start(compareOperation, host, given)
    expect(JSON.parse(await text(host, 'out/compare.json')).notes).toEqual([expect.stringContaining('zebra')])
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
    expect(() => readSettings(compareOperation.fields, { ...given, solvers: 'dimm' }, 'compare')).toThrow(
      'got `dimm`. Did you mean `ddim`?',
    )
    for (const wrong of [{ output: 'n.png' }, { output: '-' }, { sheet: 'a.jpg' }]) {
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

  it('of the file of a latent it goes back from that, with what its own solver remembered and its own text', async () => {
    const host = memoryHost(model)
    const how = { prompt, seed: 5, precision: '64', saveNoise: 'n.safetensors' }
    const rowsOf = async (solver: string, more: Given = {}) => {
      const made = { ...how, solver, steps: 10, guidance: 3, saveLatent: 'z.safetensors', output: 'a.png' }
      await start(generateOperation, host, made)
      const asked = { source: 'z.safetensors', noise: 'n.safetensors', precision: '64', ...more }
      const { result } = await start(compareOperation, host, asked)
      expect(result).toMatchObject({ picture: null, latent: 'z.safetensors', seed: null, prompt, guidance: 3 })
      expect(result.rows.every(({ fromPicture }) => fromPicture === null)).toBe(true)
      return result.rows.flatMap(({ fromLatent, solver: on }) => (fromLatent ? [{ ...fromLatent, on }] : []))
    }
    const [plain, solved] = await rowsOf('ddim:spacing=lambda', { inverters: ['naive', 'implicit'] })
    expect(solved).toMatchObject({ on: 'ddim:spacing=lambda,steps=10', equalValuesShare: 1 })
    expect(solved!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
    expect(plain!.noiseNmseDb).toBeGreaterThan(solved!.noiseNmseDb!)
    // Without the memory in the file nothing walks back exactly.
    const [undone] = await rowsOf('bdia', { inverters: 'reversible' })
    expect(undone!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
    const [other] = await rowsOf('bdia', { inverters: 'implicit', solvers: 'ddim:spacing=lambda', steps: 10 })
    expect(other!.noiseNmseDb).toBeGreaterThan(-40)
  })

  it('refuses what does not go with the file of a latent', async () => {
    const host = memoryHost(model)
    await start(generateOperation, host, {
      prompt,
      ...sampling,
      count: 2,
      output: 'many/',
      saveLatent: 'z.safetensors',
    })
    const given = { source: 'z.safetensors', inverters: 'naive', solvers: 'ddim', steps: 4 }
    const refused = async (more: Given) => await expect(start(compareOperation, host, { ...given, ...more })).rejects
    await (await refused({})).toMatchObject({ code: 'bad-option', expected: 'one latent', got: '2' })
    await (await refused({ seed: 3 })).toMatchObject({ code: 'bad-option', got: '`settings.seed` with a latent' })
    await (await refused({ from: 'picture' })).toMatchObject({ got: '`picture` with the file of a latent' })
    await (await refused({ source: 'none.npy' })).toMatchObject({ code: 'unavailable' })
    // The name of a file that is not there is not a prompt, and a folder neither.
    await (await refused({ source: 'none.txt' })).toMatchObject({ code: 'unavailable', subject: '`none.txt`' })
    await (await refused({ source: 'many' })).toMatchObject({ got: 'the folder `many`' })
    // Neither picture nor latent: both are named.
    const read: typeof host.pictures.measure = async () => {
      throw expected('bad-image', 'a PNG picture', '`package.json`', 'text', 'Pass a picture file.')
    }
    const told = start(
      compareOperation,
      { ...host, pictures: { ...host.pictures, measure: read } },
      { ...given, source: 'package.json' },
    )
    await expect(told).rejects.toThrow(
      'Expected a PNG picture, or a .safetensors or .npy file, for `package.json`, got text. Pass one of these.',
    )
  })

  it('says of a latent that it is noise, by its numbers, and else in how many bits it is', async () => {
    const host = memoryHost(model)
    const shape = model.layout.latentShape(model.layout.picture)
    const white = [...Array(1000).keys()].map((seed) => torchNoise(seed, shape)).find(looksWhite)!
    const smooth = { ...white, data: white.data.toSorted().map((value) => value / 3) }
    const given = { inverters: 'naive', solvers: 'ddim', steps: 2 }
    const notesOn = async (latent: Tensor, dtype: NpyType) => {
      await host.files.write([['z.npy', encodeNpy(latent, dtype)]])
      return (await start(compareOperation, host, { ...given, source: 'z.npy' })).result.notes.join('\n')
    }
    expect(await notesOn(white, 'float32')).toContain(
      `\`z.npy\` looks like noise, and is taken for a latent. Make a picture from this noise first, and pass that with ${setting('noise', 'z.npy')}.`,
    )
    const rounded = await notesOn(smooth, 'float32')
    expect(rounded).not.toContain('looks like')
    expect(rounded).toContain('The latent in `z.npy` is rounded to 32 bits.')
    expect(rounded).toContain('in place of the latent')
    expect(await notesOn(smooth, 'float64')).not.toMatch(/rounded|looks like/)
    await host.files.write([['z.npy', encodeNpy(white)]])
    const { notes } = await start(invertOperation, host, { sources: 'z.npy', inverter: 'naive', steps: 2 })
    expect(notes.map(({ text }) => text)).toEqual([expect.stringContaining('looks like noise')])
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
    // Of a grid that ends at sigma = 0 nothing could be undone: the spacing alone means the same as nothing.
    for (const id of ['heun', 'euler', 'lms'])
      expect(await spacings({ solvers: `${id}:spacing=lambda` })).toEqual([
        [`${id}:spacing=lambda,spread=levels,end=cleanest,steps=4`, 'lambda'],
      ])
    const karras = start(compareOperation, memoryHost(model), { ...given, solvers: ['ddim', 'heun:spacing=karras'] })
    expect((await karras).result.notes).toEqual([
      expect.stringMatching(/It takes `heun:spacing=karras,steps=4,spread=levels,end=cleanest`\.$/),
    ])
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
      ['noises/01-ddim-steps-4-naive.from-latent.safetensors', 'n.safetensors'].map((path) =>
        tensorIn(host, path, 'noise'),
      ),
    )
    expect(here!.data).toEqual(there!.data)
  })

  it('a file for its output is what each of its files begins with, .npy too, as invert takes it', async () => {
    const host = memoryHost(model)
    const given = { source: prompt, inverters: 'naive', solvers: 'ddim', steps: 4, seed: 5 }
    const { result, files } = await start(compareOperation, host, { ...given, output: 'out/n.npy' })
    const row = '01-ddim-spacing-lambda-steps-4-naive'
    expect(files).toEqual(['out/n-noise.npy', `out/n-${row}.from-latent.npy`, `out/n-${row}.from-picture.npy`])
    expect(result.outputs.noise).toBe('out/n-*.npy')
    expect(result.rows[0]!.fromLatent!.noiseFile).toBe(files[1])
    const { data } = await readNpy(host.files, files[0]!)
    expect(data).toEqual(torchNoise(5, [1, ...model.layout.latentShape(model.layout.picture)]).data)
  })

  it('takes prompt and guidance of a picture from its own text where nothing is said, and says where its solver is another', async () => {
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
      const task = start(compareOperation, telling, given)
      const before: string[] = []
      let works = false
      for await (const { note, parts } of task) {
        works ||= parts !== undefined
        if (note && !works) before.push(note.text)
      }
      const { result, notes } = await task
      expect(before).toEqual(result.notes)
      expect(notes).toEqual(result.notes.map((text) => ({ about: 'a.png', text })))
      return result.notes
    }
    const unknown = expect.stringContaining('Nobody knows its noise')
    const takenGuidance = "Taken from the file's own text: guidance 3."
    expect(await notesOf({ prompt })).toEqual(['It was turned.', takenGuidance, unknown])
    expect(await notesOf({ prompt, guidance: 3 })).toEqual(['It was turned.', unknown])
    // A name that this library does not have is told, not obeyed.
    recipe.solver = 'mine:steps=3'
    const foreign = await notesOf({ prompt, guidance: 3, solvers: undefined, steps: 2 })
    expect(foreign).toContainEqual(expect.stringMatching(/^The file says solver mine:steps=3, not ddim/))
    recipe.solver = 'ddim:steps=20'
    const takenSolver = "Taken from the file's own text: solver ddim:steps=20."
    expect(await notesOf({ prompt, guidance: 3, solvers: undefined })).toEqual(['It was turned.', takenSolver, unknown])
    expect(await notesOf({ prompt, guidance: 3, solvers: undefined, steps: 4 })).toEqual([
      'It was turned.',
      takenSolver,
      expect.stringMatching(/^The file says solver ddim:steps=20, not ddim:steps=4\..* say `settings\.steps`\.$/),
      unknown,
    ])
    const remark = 'Otherwise than it was made, another noise is found.'
    expect(await notesOf({ steps: 10 })).toEqual([
      'It was turned.',
      "Taken from the file's own text: prompt “anything”, guidance 3.",
      `The file says solver ddim:steps=20, not bdia:steps=10 or ddim:steps=10. ${remark} To go back as it was made, say ${setting('solvers')}.`,
      unknown,
    ])
    const given = { source: 'a.png', inverters: 'naive', solvers: 'ddim', steps: 4 }
    const own = await start(compareOperation, telling, given)
    expect(own.result).toMatchObject({ prompt, guidance: 3 })
    const other = await start(compareOperation, telling, { ...given, prompt: 'else', guidance: 2 })
    expect(other.result).toMatchObject({ prompt: 'else', guidance: 2 })
    const single = { sources: 'a.png', inverter: 'naive', decoder: 'encoder-only', solver: 'ddim', steps: 10 }
    const { notes } = await start(invertOperation, telling, single)
    expect(notes[1]!.text).toMatch(
      /^The file says prompt .* guidance 3, not 1; solver ddim:steps=20, not ddim:steps=10\..* To go back as it was made, say `settings.prompt`, `settings.guidance`, `settings.solver`\.$/,
    )
  })
})
