import { type DiffusionModel, ddim, Task, type Tensor } from 'undiffuse'
import { expect, test } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { type CellKey, type Cells, noCells } from '../shared/cells.js'
import { benchInversion, equalDb, type InversionBenchOptions, type InversionRow, refusal } from './inversion.js'
import { type InversionCase, inversionTables, requestedPlan } from './plans.js'
import { inversionHeatMap, inversionPlot } from './plots.js'
import { inversionText } from './text.js'

/** The tolerance of `implicit`, 1e-5 of the noise, amplified by a few steps. */
const solvedDb = -80
/** float64 through 10 steps. */
const reversedDb = -200

const cases = [
  { solver: 'ddim', steps: 10, guidance: 1, inverter: 'naive', source: 'latent' },
  { solver: 'ddim', steps: 10, guidance: 1, inverter: 'implicit:iteration=anderson', source: 'latent' },
  { solver: 'ddim', steps: 10, guidance: 1, inverter: 'reversible', source: 'latent' },
  { solver: 'ddim', steps: 10, guidance: 1, inverter: 'implicit', source: 'picture', decoder: 'encoder-only' },
  { solver: 'bdia:gamma=0.9', steps: 10, guidance: 2, inverter: 'reversible', source: 'memory' },
  { solver: 'bdia:gamma=0.9', steps: 10, guidance: 2, inverter: 'reversible', source: 'latent' },
] as const satisfies readonly InversionCase[]

const options: InversionBenchOptions = {
  title: 'A table',
  cases,
  count: 3,
  chunk: 2,
  cells: noCells,
  precisionBits: 32,
  modelVersion: 'v',
}

const run = (model: DiffusionModel, changed: Partial<InversionBenchOptions> = {}) =>
  new Task(benchInversion(() => model, { ...options, ...changed }))

/** Cells in memory, as files hold them. */
function memoryCells(): Cells & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>()
  const name = (key: CellKey) => JSON.stringify(key)
  return {
    kept,
    find: async <T>(key: CellKey) => {
      const text = kept.get(name(key))
      return text === undefined ? undefined : (JSON.parse(text) as T)
    },
    keep: async (key, value) => {
      kept.set(name(key), JSON.stringify(value))
    },
  }
}

const noiseDb = ({ measures }: InversionRow) => measures!.noiseNmseDb

test('what solves the step finds the noise; what guesses does not; what cannot be undone says so', async () => {
  const { rows } = await run(analyticModel().model)
  const [guess, solved, refused, picture, given, recalled] = rows
  expect(noiseDb(guess!).mean).toBeGreaterThan(-40)
  expect(noiseDb(solved!).worst).toBeLessThan(solvedDb)
  expect(noiseDb(solved!).worst).toBeGreaterThanOrEqual(noiseDb(solved!).mean)
  expect(solved!.measures!.imageNmseDb!.worst).toBe(equalDb)
  expect(refused!.failure).toContain('implicit')
  expect(noiseDb(given!).worst).toBeLessThan(reversedDb)
  expect(noiseDb(recalled!).mean).toBeGreaterThan(-40)
  // Eight bits bound what can be known of the latent, and of the noise.
  expect(picture!.measures!.latentNmseDb!.mean).toBeLessThan(-30)
  expect(noiseDb(picture!).mean).toBeGreaterThan(solvedDb)
})

test('costs are those of the method: one evaluation a step where nothing is solved, guidance counted once', async () => {
  const { rows } = await run(analyticModel().model)
  const [guess, solved, , , given] = rows
  expect(guess!.measures).toMatchObject({ evaluationsPerStep: 1, networkEvaluations: 10 })
  expect(guess!.measures!.outcomes).toEqual({ converged: 0, exhausted: 30, diverged: 0 })
  expect(solved!.measures!.evaluationsPerStep).toBeGreaterThan(1)
  expect(solved!.measures!.outcomes.converged).toBe(30)
  expect(given!.measures!.networkEvaluations).toBe(2 * 10 * given!.measures!.evaluationsPerStep)
})

test('prompts share network runs, and find what they find alone', async () => {
  const [together, alone] = [analyticModel(), analyticModel()]
  const first = await run(together.model, { chunk: 3, cases: cases.slice(0, 2) })
  const second = await run(alone.model, { chunk: 1, cases: cases.slice(0, 2) })
  expect(first.rows.map(noiseDb)).toEqual(second.rows.map(noiseDb))
  expect(alone.asked().runs).toBe(alone.asked().estimates)
  expect(together.asked().runs).toBeLessThan(together.asked().estimates / 2)
})

test('an interrupted run goes on: finished cells are not measured again, unfinished ones are not there', async () => {
  const cells = memoryCells()
  const controller = new AbortController()
  const task = run(analyticModel().model, { cells, signal: controller.signal })
  const watch = async () => {
    for await (const { stage } of task) if (stage.endsWith('anderson')) controller.abort(new Error('enough'))
  }
  await expect(watch()).rejects.toThrow('enough')
  expect(cells.kept.size).toBe(1)

  const resumed = await run(analyticModel().model, { cells })
  const whole = await run(analyticModel().model)
  const numbers = ({ rows }: typeof whole) => rows.map(({ measures }) => ({ ...measures, secondsPerPicture: 0 }))
  expect(numbers(resumed)).toEqual(numbers(whole))

  const { model, asked } = analyticModel()
  expect((await run(model, { cells })).rows).toEqual(resumed.rows)
  expect(asked().runs).toBe(0)
  await run(model, { cells, modelVersion: 'retrained' })
  expect(asked().runs).toBeGreaterThan(0)
})

test('numbers that are not finite are told in their row, and end nothing', async () => {
  const { model } = analyticModel()
  let answers = 0
  /** Says nothing after so many answers. */
  const breaking = (most: number): DiffusionModel => {
    answers = 0
    const given = (x: Tensor) => (answers++ < most ? x : { ...x, data: x.data.fill(Number.NaN) })
    const ask: DiffusionModel['ask'] = async (kind, asks, signal) => {
      const found = await model.ask(kind, asks, signal)
      return kind === 'denoise' ? ((found as readonly Tensor[]).map(given) as never) : found
    }
    return { ...model, ask }
  }
  const one = { count: 1, cases: [cases[4], cases[4]] }
  const [unsampled] = (await run(breaking(5), one)).rows
  expect(unsampled!.failure).toContain('finite')
  const [lost] = (await run(breaking(12), one)).rows
  expect(lost!.failure).toContain('finite')
  // The picture is made, inverted, and not made again.
  await run(breaking(Number.POSITIVE_INFINITY), { ...one, cases: [cases[4]] })
  const [unmade] = (await run(breaking(answers - 5), one)).rows
  expect(unmade!.measures!.outcomes.converged).toBeGreaterThan(0)
  expect(unmade!.measures!.imageNmseDb).toBeUndefined()
})

test('`scheduler` is the solver of the model as opened for the steps of the case', async () => {
  const { model } = analyticModel()
  const asked: number[] = []
  const opened = (steps: number) => {
    asked.push(steps)
    return { ...model, schedulerSolver: ddim({ steps, spacing: 'lambda' }) }
  }
  const both = ['scheduler', 'ddim:spacing=lambda'].map((solver) => ({ ...cases[1], solver }))
  const { rows } = await new Task(benchInversion(opened, { ...options, cases: both }))
  expect(noiseDb(rows[0]!).each).toEqual(noiseDb(rows[1]!).each)
  expect(new Set(asked)).toEqual(new Set([10]))
})

test('tables name methods that exist; a request is crossed, and filtered where it names one side', async () => {
  const { model } = analyticModel()
  for (const { cases: all } of Object.values(inversionTables)) {
    for (const one of all) expect(refusal(one, model), JSON.stringify(one)).toBeUndefined()
  }
  const fits = (one: InversionCase) => refusal(one, model) === undefined
  const named = requestedPlan({ full: false, solvers: ['heun'], inverters: ['sweep'], steps: [10] }, fits)
  expect(named.cases).toHaveLength(3)
  const full = requestedPlan({ full: true, steps: [10], guidances: [1] }, fits).cases
  expect(full.every(fits)).toBe(true)
  expect(full.filter(({ solver, decoder }) => solver === 'ddim' && decoder === undefined).length).toBeGreaterThan(5)
})

test('words and charts show every row', async () => {
  const result = await run(analyticModel().model, { count: 1 })
  const text = inversionText(result)
  for (const word of ['naive', 'encoder-only', 'given', 'worst', 'equal', '10 exhausted']) expect(text).toContain(word)
  expect(await inversionHeatMap(result)).toContain('10 steps')
  expect(await inversionPlot(result)).toContain('Evaluations of the guided network')
})
