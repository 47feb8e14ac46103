/** `compare`: one prompt or picture, several inverters on several solvers, one table. The methods are the library's. */
import { isUndiffuseError } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { usualGuidance } from '../model/guidance.js'
import { sidesOf } from '../model/layout.js'
import { type NoisePlace, noiseKeeper, noisePlace } from './comparing/noise-files.js'
import { type CompareSettings, fields, plansOf, type Start, startOf, usualSteps } from './comparing/pairs.js'
import { type ComparisonRow, chartOf, rowReport, sheetOf } from './comparing/reports.js'
import { type Comparison, compareAll, type Given, readGiven } from './comparing/walks.js'
import type { Settings } from './fields.js'
import { checkEnding, jsonText, prepareOutputs } from './files/outputs.js'
import { lastName, withoutEnding } from './files/paths.js'
import { orTensors, readTensorFile } from './files/tensor-files.js'
import type { FileContent, Host, Note, OperationModel } from './host.js'
import { notedOf, operation, type Running } from './operation.js'
import { bitsReport } from './recipes/networks.js'
import { notesOnTexts, planOf, type Recipe, recipeOf, withRemembered } from './recipes/recipe.js'
import { promptText } from './reports/labels.js'
import { costReport } from './reports/numbers.js'

interface CompareOutputs {
  /** The folder of the files of noise, or how all their names look. */
  readonly noise?: string
  readonly sheet?: string
  readonly plot?: string
  readonly report?: string
}

function outputsOf(
  { sheet, report }: CompareSettings,
  { file }: Start,
  place: NoisePlace | undefined,
  { files }: Host,
): CompareOutputs {
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const stem = file === undefined ? '' : `${withoutEnding(files.nameOf(file.path))}.`
  const besides = (ending: string) => (report === undefined ? undefined : files.join(report, `${stem}${ending}`))
  const paths = {
    noise: place?.told,
    sheet: sheet ?? besides('compare.png'),
    plot: besides('compare.svg'),
    report: besides('compare.json'),
  }
  return Object.fromEntries(Object.entries(paths).filter(([, path]) => path !== undefined))
}

/** With the prompt and the guidance that the file of a picture's noise tells, where nothing else is said. */
async function withNoise(settings: CompareSettings, files: Host['files']): Promise<CompareSettings> {
  if (settings.noise === undefined) return settings
  const { recipe } = await readTensorFile(files, settings.noise, 'noise')
  const { prompt, negative, guidance } = withRemembered(settings, recipe)
  return { ...settings, prompt, negative, guidance }
}

interface Asked {
  readonly settings: CompareSettings
  readonly start: Start
  readonly given: Given | undefined
}

/** A solver's text in other steps; a scheduler's has none. */
const inSteps = (solver: string, steps: number | undefined): string =>
  steps === undefined ? solver : solver.replace(/\bsteps=\d+/, `steps=${steps}`)

/** The solver of a recipe, where there is one of that name here: anybody may have written a picture's text. */
function knownSolver({ solver, steps }: Recipe): string | undefined {
  try {
    planOf({ solver, steps })
    return solver
  } catch (error) {
    if (isUndiffuseError(error)) return undefined
    throw error
  }
}

/**
 * With the prompt, the guidance and the solver that the file's own text tells, where nothing else is said; its notes say
 * what was taken. `steps` are those that are said.
 */
function withTexts({ settings, start, given, steps }: Asked & { readonly steps: number | undefined }): Asked {
  if (given?.texts === undefined) return { settings, start, given }
  const { negative, guidance } = settings
  const said = { prompt: start.prompt, negative, guidance }
  const recipe = recipeOf(given.texts)
  const told = withRemembered(said, recipe)
  const own = settings.solvers === undefined ? knownSolver(recipe) : undefined
  const solver = own && inSteps(own, steps)
  const taken = [
    ...(said.prompt === told.prompt ? [] : [`prompt “${told.prompt}”`]),
    ...(said.negative === told.negative ? [] : [`negative prompt “${told.negative}”`]),
    ...(said.guidance === told.guidance ? [] : [`guidance ${told.guidance}`]),
    ...(own === undefined ? [] : [`solver ${own}`]),
  ]
  if (taken.length === 0) return { settings, start, given }
  const how = solver !== undefined && {
    solvers: [{ text: solver, method: undefined }],
    steps: steps ?? recipe.steps ?? settings.steps,
    // A solver that names no spacing was walked on its own.
    grid: 'own' as const,
  }
  return {
    settings: { ...settings, negative: told.negative, guidance: told.guidance, ...how },
    start: { ...start, prompt: told.prompt },
    given: {
      ...given,
      notes: [...given.notes, `Taken from the file's own text: ${taken.join(', ')}.`],
      ...(solver !== own && { solverSetting: 'steps' as const }),
    },
  }
}

/** Reads or makes the picture, walks all pairs, and writes what is asked for. */
async function* run(asked: Settings<typeof fields>, host: Host, signal?: Signal): Running<ReturnType<typeof reportOf>> {
  const { files } = host
  const said = await withNoise({ ...asked, steps: asked.steps ?? usualSteps }, files)
  const source = await startOf(said, host)
  const { file } = source
  const place = said.output === undefined ? undefined : await noisePlace(said.output, files)
  const outputs = outputsOf(said, source, place, host)
  const inputs = { [`the ${file?.way}`]: file?.path, 'settings.noise': said.noise }
  // What there is to say against a solver is said before the model is opened.
  if (said.solvers) plansOf(said, source, false)
  const named = {
    'settings.output': place?.path('noise'),
    'settings.sheet': outputs.sheet,
    'the chart': outputs.plot,
    'settings.report': outputs.report,
  }
  await prepareOutputs(files, named, inputs)
  const held = await host.models.open(said)
  const begin = host.now()
  try {
    yield* notedOf(held)
    const { model } = held
    const reading = file && readGiven(file, said, model, host, signal)
    const read = await reading?.catch((error: unknown) => {
      throw orTensors(error)
    })
    const { settings, start, given } = withTexts({ settings: said, start: source, given: read, steps: asked.steps })
    const onTexts: Note[] = []
    for await (const told of notesOnTexts([start.prompt, settings.negative], model, signal)) {
      if (told.note) onTexts.push(told.note)
      yield told
    }
    const modelFiles = await held.identity()
    const keeper = place && noiseKeeper(settings, place.path, { model, modelFiles, files })
    const comparison = yield* compareAll(settings, start, { model, given, host }, keeper, signal)
    const seconds = host.now() - begin
    const rows = comparison.rows.map(rowReport)
    const of = `${promptText(start.prompt ?? null)}, guidance ${guidanceOf(settings, start, model)}`
    const subject = `${model.name}, ${of}`
    const chart = outputs.plot === undefined ? undefined : await chartOf(rows, subject, host)
    const { plot, ...others } = outputs
    const written = chart === undefined ? others : outputs
    const cost = costReport(seconds, await held.cost())
    const result = reportOf(settings, start, { model, comparison, onTexts, rows, cost, outputs: written })
    const title = file === undefined ? subject : `${model.name}, ${lastName(file.path)}, ${of}`
    const besides: (readonly [string, FileContent])[] = [
      ...(outputs.sheet
        ? [[outputs.sheet, await sheetOf(comparison, title.replace(/[“”]/g, '"'), host)] as const]
        : []),
      ...(plot && chart ? [[plot, chart] as const] : []),
      ...(outputs.report ? [[outputs.report, jsonText(result)] as const] : []),
    ]
    await files.write(besides)
    const notes = [...onTexts, ...comparison.notes]
    return { result, files: [...(keeper?.written ?? []), ...besides.map(([path]) => path)], notes }
  } finally {
    await held.close()
  }
}

const guidanceOf = ({ guidance }: CompareSettings, { prompt }: Start, model: OperationModel): number =>
  guidance ?? usualGuidance(model, prompt)

const fileReport = ({ file }: Start) => ({
  picture: file?.way === 'picture' ? file.path : null,
  latent: file?.way === 'latent' ? file.path : null,
})

interface Finished {
  readonly model: OperationModel
  readonly comparison: Comparison
  /** What the model does not understand of the prompt. */
  readonly onTexts: readonly Note[]
  readonly rows: readonly ComparisonRow[]
  readonly cost: ReturnType<typeof costReport>
  readonly outputs: CompareOutputs
}

function reportOf(
  settings: CompareSettings,
  start: Start,
  { model, comparison, onTexts, rows, cost, outputs }: Finished,
) {
  const { prompt } = start
  const { width, height } = sidesOf(model.layout, comparison.image.shape)
  return {
    model: model.name,
    ...fileReport(start),
    notes: [...onTexts, ...comparison.notes].map(({ text }) => text),
    prompt: prompt ?? null,
    negativePrompt: settings.negative ?? null,
    guidance: guidanceOf(settings, start, model),
    seed: start.file === undefined ? (settings.seed ?? 0) : null,
    decoder: settings.decoder.text,
    ...bitsReport(settings),
    widthPixels: width,
    heightPixels: height,
    rows,
    ...cost,
    outputs,
  }
}

export type ComparisonReport = ReturnType<typeof reportOf>

export const compareOperation = operation({
  id: 'compare',
  title: 'undo one picture by several inverters and solvers, in one table',
  fields,
  run,
})
