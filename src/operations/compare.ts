/** `compare`: one prompt or picture, several inverters on several solvers, one table. The methods are the library's. */
import type { DecoderInverter, LatentSolution } from '../autoencoder/autoencoder.js'
import { inverters, solvers } from '../catalog.js'
import { parse, withOption } from '../core/define.js'
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { relay } from '../core/relay.js'
import type { Inverter, Solver } from '../diffusion/diffusion.js'
import { algorithm1 } from '../diffusion/inverters/algorithm-1.js'
import { algorithm2 } from '../diffusion/inverters/algorithm-2.js'
import { automatic } from '../diffusion/inverters/automatic.js'
import { naive } from '../diffusion/inverters/naive.js'
import { reversible } from '../diffusion/inverters/reversible.js'
import { nmseDb } from '../math/nmse.js'
import { formatShape, sameShape, type Tensor } from '../math/tensor.js'
import { usualGuidance } from '../model/guidance.js'
import { sidesOf } from '../model/layout.js'
import { errorMap, round8 } from '../pictures/pixels.js'
import { generate, latentShapeAt } from '../verbs/generate.js'
import type { Sampled } from '../verbs/sampling.js'
import { methodField, type Named, type Settings, setting } from './fields.js'
import {
  checkEnding,
  checkFolder,
  isFolderPath,
  jsonText,
  prepareOutputs,
  reportField,
  resultPath,
  sheetField,
} from './files/outputs.js'
import { asFileName, endingOf, isPictureFile, lastName, withoutEnding } from './files/paths.js'
import { checkPicture, fitPicture, measurePicture, readPicture } from './files/pictures.js'
import {
  checkAxes,
  checkFileModel,
  fileTypeOf,
  readTensorFile,
  tensorEndings,
  tensorFile,
} from './files/tensor-files.js'
import {
  type ContactSheetCell,
  type FileContent,
  type Host,
  type OperationModel,
  type PlotSeries,
  standardStream,
} from './host.js'
import { cleanEnd, type Leg, leg, type Walk } from './inverting/legs.js'
import { notedOf, operation, type Parts, partOf, type Running, type Told } from './operation.js'
import { bitsReport, decoderFields, networkFields, seedField, sizeField } from './recipes/networks.js'
import {
  completed,
  isFlow,
  notesOnTexts,
  otherOrigin,
  type Plan,
  planOf,
  promptField,
  recipeFields,
  samplingOf,
  schedulerSolver,
  withRemembered,
} from './recipes/recipe.js'
import { errorGain, noiseCell, shown } from './reports/cells.js'
import { errorDecibels, percent, promptText } from './reports/labels.js'
import { costReport, rootsNumbers, solvedNumbers } from './reports/numbers.js'

/** Levels whose steps can be undone: the grid of solvers that name none. */
const evenGrid = { spacing: 'lambda', spread: 'levels', end: 'cleanest' } as const
const usualSteps = 50
const usualSolvers = ['ddim', 'bdia']
/** Flows have one grid, their own, and those who trained them know it. */
const usualOfFlows = schedulerSolver
const usualInverters = ['naive', 'implicit:iteration=picard', automatic.definition.id]

const { guidance, negative } = recipeFields
const fields = {
  source: {
    type: 'string',
    description: 'a picture file, or a prompt for a picture that is made first',
    subject: true,
    required: true,
    word: 'picture|prompt',
  },
  inverters: methodField(inverters, {
    description: 'how to undo the solvers',
    many: true,
    default: usualInverters,
  }),
  solvers: {
    type: 'string',
    methods: solvers,
    word: 'method:options',
    description: `what to undo, or \`scheduler\` (default: ${usualSolvers.join(' ')}; of flows ${usualOfFlows})`,
    many: true,
  },
  grid: {
    type: 'choice',
    choices: ['lambda', 'own'],
    default: 'lambda',
    description: 'levels of solvers that name no spacing',
    word: 'levels',
  },
  steps: { type: 'integer', minimum: 1, default: usualSteps, description: 'of each solver' },
  guidance,
  negative,
  prompt: { ...promptField, description: 'what a picture file shows (default: unknown)' },
  noise: {
    type: 'file',
    description: 'what a picture file was made from, where that is known',
    rare: true,
  },
  seed: { ...seedField, description: 'of the noise of a prompt (default: 0)' },
  size: { ...sizeField, rare: true },
  ...networkFields,
  ...decoderFields,
  output: { type: 'file', description: 'for the noise of every row: a folder, or how .npy files begin' },
  sheet: sheetField,
  report: reportField,
} as const

type CompareSettings = Settings<typeof fields>

/** A solver with its steps and grid, and an inverter. */
interface Pair {
  readonly solver: string
  readonly plan: Plan
  readonly inverter: Named<Inverter>
}

type Legs = Partial<Readonly<Record<Leg['given'], Leg>>>

/** What one pair did; a refusal where the inverter does not take the solver. */
interface Compared {
  readonly pair: Pair
  readonly refusal?: string
  /** Nobody asked for this inverter: it stands in for those that do not take the solver. */
  readonly standsIn?: true
  readonly steps?: number
  /** What it is expected to cost, in walks over the grid. */
  readonly weight: number
  readonly legs?: Legs
  /** What its ways back began from, in 8 bits. */
  readonly image?: Tensor
  /** Where the noise of each way was written. */
  readonly noiseFiles?: Partial<Readonly<Record<Leg['given'], string>>>
}

/** What is compared: a picture whose noise is known, or a file. */
interface Start {
  readonly prompt: string | undefined
  readonly picture?: string
}

async function startOf({ source, prompt, seed, size, noise }: CompareSettings, { files }: Host): Promise<Start> {
  const looksLikeFile = isPictureFile(source) && !source.includes(' ')
  const isPicture = source === standardStream || looksLikeFile || (await files.size(source)) !== undefined
  const [odd] = isPicture
    ? ([seed !== undefined && 'seed', size !== undefined && 'size'] as const).filter((name) => name !== false)
    : ([prompt !== undefined && 'prompt', noise !== undefined && 'noise'] as const).filter((name) => name !== false)
  if (odd !== undefined) {
    const got = `${setting(odd)} with a ${isPicture ? 'picture' : 'prompt'}`
    throw expected('bad-option', 'a picture or a prompt', '`compare`', got, 'Leave one of them out.')
  }
  return isPicture ? { prompt, picture: source } : { prompt: source }
}

/** What a solver may be told; undefined of a scheduler. */
function fieldsOf(text: string) {
  const [id = ''] = text.split(':')
  return solvers.find(({ definition }) => definition.id === id.trim())?.definition.fields
}

/** The solver's text with the grid and the steps of all; a scheduler has its own grid. */
function onGrid(text: string, { grid, steps }: Pick<CompareSettings, 'grid' | 'steps'>): string {
  const known = fieldsOf(text)
  if (!known) return text
  const added = grid === 'lambda' && !text.includes('spacing=') ? Object.entries(evenGrid) : []
  const even = added
    .filter(([name, value]) => name in known && known[name]!.default !== value && !text.includes(`${name}=`))
    .reduce((all, [name, value]) => withOption(all, `${name}=${value}`), text)
  return even.includes('steps=') ? even : withOption(even, `steps=${steps}`)
}

/** How a solver's levels are spaced: as its text says, else as is usual for it. Null of a scheduler and of grids that have no choice. */
function spacingOf(text: string): string | null {
  const usual = fieldsOf(text)?.spacing?.default
  return /\bspacing\s*=\s*(\w+)/.exec(text)?.[1] ?? (usual === undefined ? null : `${usual}`)
}

/** The solvers that are named, or the usual ones: a plan for each. Throws `bad-option` for one that there is not. */
function plansOf(settings: CompareSettings, { prompt }: Start, flows: boolean): readonly (readonly [string, Plan])[] {
  const { guidance, negative } = settings
  const texts = settings.solvers ?? (flows ? [usualOfFlows] : usualSolvers)
  return texts.map((text) => {
    const solver = onGrid(text.trim(), { grid: flows ? 'own' : settings.grid, steps: settings.steps })
    // A solver's text has its steps; the scheduler's are those that the model is opened with.
    const steps = solver.includes('steps=') ? undefined : settings.steps
    return [solver, planOf({ prompt, guidance, negative, solver, steps })] as const
  })
}

/** How many walks over the grid a picture's making with finding its latent costs, roughly. */
const making = 6
/** Solving all steps: the shorter they are, the fewer evaluations each takes. */
const solving = (steps: number): number => Math.min(12, 4 + 80 / steps)
/** Sweeps of BDIA's whole trajectory, whose memory a picture does not hold: about 2,000 evaluations of 20 guided steps. */
const sweeping = 50
/** The released algorithms: about 4,650 evaluations of 20 guided steps. */
const releasing = 116
/** Their steps back are walked like those there. */
const walking: readonly string[] = [naive.definition.id, reversible.definition.id]
const released: readonly string[] = [algorithm1.definition.id, algorithm2.definition.id]

/** What a pair costs: from the latent and from the picture, back and there again. */
function walksOf({ name }: Inverter, { unstep }: Solver, steps: number, { picture }: Start): number {
  const undoing = released.includes(name) ? releasing : unstep ? sweeping : solving(steps)
  const fromPicture = walking.includes(name) ? 1 : undoing
  // The latent comes with the memory that such a solver is undone with.
  const fromLatent = unstep && name === automatic.definition.id ? 1 : fromPicture
  return picture === undefined ? fromLatent + fromPicture + 2 : fromPicture + 1
}

/** Every inverter on every solver, and `automatic` on solvers that some of them do not take. */
function pairsOf(settings: CompareSettings, start: Start, model: OperationModel): readonly Compared[] {
  return plansOf(settings, start, isFlow(model)).flatMap(([solver, plan]): readonly Compared[] => {
    const { solver: method } = samplingOf(plan, model)
    const grid = method.grid(model.schedule(latentShapeAt(model, settings.size)))
    const compared = (inverter: Named<Inverter>): Compared => {
      const answer = inverter.method.accepts(method, grid)
      const steps = grid.length - 1
      const weight = answer === true ? walksOf(inverter.method, method, steps, start) : 0
      return { pair: { solver, plan, inverter }, steps, weight, ...(answer !== true && { refusal: answer }) }
    }
    const pairs = settings.inverters.map(compared)
    const names = settings.inverters.map(({ text }) => text)
    const areTaken = pairs.every(({ refusal }) => refusal === undefined)
    if (areTaken || names.includes(automatic.definition.id)) return pairs
    const inverter = { text: automatic.definition.id, method: parse(inverters, automatic.definition.id) }
    return [...pairs, { ...compared(inverter), standsIn: true }]
  })
}

/** Throws `unsupported` where no inverter takes any solver, with their reasons. */
function checkTaken(pairs: readonly Compared[]): void {
  if (pairs.some(({ refusal }) => refusal === undefined)) return
  const reasons = [...new Set(pairs.map(({ refusal }) => refusal))]
  const solverTexts = [...new Set(pairs.map(({ pair }) => `\`${pair.solver}\``))]
  const what = 'a solver that one of the inverters takes'
  throw expected('unsupported', what, setting('solvers'), solverTexts.join(', '), reasons.join(' '))
}

interface Comparison {
  readonly image: Tensor
  /** What reading the picture changed, and where it says that it was made otherwise. */
  readonly notes: readonly string[]
  /** Absent of a picture file. */
  readonly noise?: Tensor
  readonly rows: readonly Compared[]
}

/** Walks every pair there and back. The picture of a prompt is made once for each solver. */
async function* compareAll(
  settings: CompareSettings,
  start: Start,
  model: OperationModel,
  host: Host,
  keeper: NoiseKeeper | undefined,
  signal: Signal | undefined,
): Steps<Comparison, Told> {
  const pairs = pairsOf(settings, start, model)
  checkTaken(pairs)
  const { seed = 0, size } = settings
  const decoder = remembering(settings.decoder.method)
  const read = start.picture === undefined ? undefined : await fittedPicture(start.picture, settings, model, host)
  const given = read?.image
  const plans = pairs.map(({ pair }) => pair.plan)
  const known =
    settings.noise === undefined ? undefined : await knownNoise(settings.noise, given!, settings, model, host)
  const notes = read ? [...read.notes, ...otherOrigin(read.texts, plans, model), ...(known ? [] : [unknownNoise])] : []
  const rows: Compared[] = []
  const isFirst = ({ pair: { solver } }: Compared, i: number) =>
    i === pairs.findIndex(({ pair, refusal }) => refusal === undefined && (given || pair.solver === solver))
  const weights = pairs.map((row, i) => row.weight + (isFirst(row, i) ? making : 0))
  let made: (Made & { readonly solver: string }) | undefined
  let first: Made | undefined
  for (const [i, row] of pairs.entries()) {
    const parts = { done: i, total: pairs.length, one: 'row', weights }
    const { solver, plan, inverter } = row.pair
    if (row.refusal !== undefined) {
      rows.push(row)
      continue
    }
    const sampling = samplingOf(plan, model)
    const walk = { inverter: inverter.method, decoder, host, model, sampling, signal }
    if (given) {
      const picture = yield* named(
        leg(walk, 'picture', { image: given }, { image: given, ...(known && { noise: known }) }),
        row,
        parts,
      )
      const walked = { ...row, legs: { picture }, image: given }
      rows.push(keeper ? yield* keeper.keep(walked, i) : walked)
      continue
    }
    if (made?.solver !== solver) {
      const options = { ...sampling, prompt: start.prompt ?? '', model, seed, size, signal }
      const sampled = yield* named(partOf(generate(options)), row, parts)
      made = { solver, sampled, image: round8(sampled.image) }
      if (!first && keeper) yield* keeper.keepKnown(sampled.noise, pairs)
      first ??= made
    }
    const walked = { ...row, legs: yield* bothLegs(walk, made, row, parts), image: made.image }
    rows.push(keeper ? yield* keeper.keep(walked, i) : walked)
  }
  const noise = first?.sampled.noise ?? known
  return { image: first?.image ?? given!, ...(noise && { noise }), notes, rows }
}

interface Made {
  readonly sampled: Sampled
  readonly image: Tensor
}

async function* bothLegs(walk: Walk, { sampled: made, image }: Made, row: Compared, parts: Parts): Steps<Legs, Told> {
  const latent = yield* named(leg(walk, 'latent', cleanEnd(made), made), row, parts)
  const picture = yield* named(leg(walk, 'picture', { image }, { ...made, image }), row, parts)
  return { latent, picture }
}

/** The latent of a picture is found once, whatever is done with it then. */
function remembering(decoder: DecoderInverter): DecoderInverter {
  const found = new Map<Tensor, LatentSolution>()
  return {
    ...decoder,
    async *invert(image, ...rest) {
      const solution = found.get(image) ?? (yield* decoder.invert(image, ...rest))
      found.set(image, solution)
      return solution
    },
  }
}

/** Steps under the names of the methods that they are of. */
const named = <T>(work: Steps<T, Told>, { pair }: Compared, parts: Parts): Steps<T, Told> =>
  relay(work, (progress) => ({ ...progress, stage: `${pair.inverter.text} on ${pair.solver}`, parts }))

/** Of a picture file. */
const unknownNoise = `Nobody knows its noise, so no error of the noise is told, and no chart drawn. Pass ${setting('noise')} where it was kept, or the prompt and ${setting('seed')} in place of the picture.`

/** The noise of a picture, from a file that holds one. Throws where it is of another model or size. */
async function knownNoise(
  path: string,
  image: Tensor,
  settings: CompareSettings,
  model: OperationModel,
  { files }: Host,
): Promise<Tensor> {
  const file = await readTensorFile(files, path, 'noise')
  checkFileModel(file, path, settings, model)
  checkAxes(file, model.layout, path)
  const [noise] = file.tensors as readonly [Tensor]
  const shape = model.layout.latentShape(image.shape)
  if (file.tensors.length === 1 && sameShape(noise.shape, shape)) return noise
  const got = file.tensors.length === 1 ? formatShape(noise.shape) : `${file.tensors.length} noises`
  const what = `one noise of ${formatShape(shape)}`
  throw expected('bad-shape', what, `\`${lastName(path)}\``, got, 'Pass the noise of this picture alone.')
}

async function fittedPicture(path: string, { fit }: CompareSettings, model: OperationModel, host: Host) {
  checkPicture(await measurePicture(path, host), model, fit, { encode: 1, decode: 1, denoise: 1 })
  const picture = await readPicture(path, host)
  return { ...picture, image: round8(fitPicture(picture, model.layout, fit).image) }
}

/** Equal tensors have an error of −∞ dB, which no axis has. */
const leastDb = -320
/** What an inverter says of itself is believed where its noise makes the latent again, to this. */
const claimedDb = -40

function legReport(one: Leg | undefined, steps: number, noiseFile: string | undefined) {
  if (!one) return null
  const { inversion, again, seconds, noiseNmseDb, latentNmseDb } = one
  const { denoises, pullbacks } = inversion.evaluations
  const latentAgainNmseDb = Math.max(leastDb, nmseDb(again.latent, inversion.latent))
  return {
    evaluations: denoises + pullbacks,
    evaluationsPerStep: (denoises + pullbacks) / steps,
    seconds: seconds.inversion - seconds.decoder,
    noiseNmseDb: noiseNmseDb ?? null,
    latentNmseDb: latentNmseDb ?? null,
    exact: latentAgainNmseDb <= claimedDb ? inversion.noiseExact : ('no' as const),
    latentAgainNmseDb,
    outcome: inversion.outcome,
    remedy: inversion.remedy ?? null,
    ...solvedNumbers(inversion),
    roots: rootsNumbers(inversion),
    equalValuesShare: again.match.equalValues ?? 0,
    psnrDb: again.match.psnrDb ?? 0,
    noiseFile: noiseFile ?? null,
  }
}

function rowReport({ pair, refusal, standsIn, steps = 0, legs, noiseFiles }: Compared) {
  return {
    solver: pair.solver,
    spacing: spacingOf(pair.solver),
    inverter: pair.inverter.text,
    steps,
    refusal: refusal ?? null,
    standsIn: standsIn ?? false,
    fromLatent: legReport(legs?.latent, steps, noiseFiles?.latent),
    fromPicture: legReport(legs?.picture, steps, noiseFiles?.picture),
  }
}

export type ComparisonRow = ReturnType<typeof rowReport>

/** What came back given the latent or the picture, where that differs from the solver's picture, and how far the noise is. */
function cellsOf({ pair, legs, image }: Compared): readonly ContactSheetCell[] {
  return (['latent', 'picture'] as const).flatMap((given) => {
    const one = legs?.[given]
    if (!one || !image) return []
    const share = percent(one.again.match.equalValues ?? 0)
    const error = one.noiseNmseDb === undefined ? 'unknown' : errorDecibels(one.noiseNmseDb)
    const name = `${pair.inverter.text}\n${pair.solver}`
    return [
      { image: one.again.image, label: `${name}\ngiven the ${given}: ${share} of values equal` },
      { image: errorMap(one.again.image, image, errorGain), label: `its error × ${errorGain}\nnoise error ${error}` },
    ]
  })
}

/** The picture of each solver, at most as many as there is room for beside the noise; then the rows. */
function sheetOf({ noise, rows }: Comparison, title: string, host: Host): Promise<Uint8Array> {
  const walked = rows.filter(({ legs }) => legs !== undefined)
  const begun = walked.filter(({ image }, i) => image && image !== walked[i - 1]?.image).slice(0, mostPictures)
  const first = [
    ...begun.map(({ image, pair }) => ({ image: image!, label: noise ? `picture\n${pair.solver}` : 'picture' })),
    ...(noise ? [noiseCell(noise, begun.length > 1 ? 'their noise' : 'its noise')] : []),
  ]
  return host.pictures.sheet([first, ...shown(walked).map(cellsOf)], { title, cellSize: 256 })
}

const mostPictures = 3

/** Error against cost, a series for each solver and what was given; undefined where no noise is known. */
async function chartOf(
  rows: readonly ComparisonRow[],
  subject: string,
  { pictures }: Host,
): Promise<string | undefined> {
  const solvers = [...new Set(rows.map(({ solver }) => solver))]
  const isOne = solvers.length === 1
  const series = solvers.flatMap((solver) =>
    (['fromLatent', 'fromPicture'] as const).map((from): PlotSeries => {
      const points = rows.flatMap((row) => {
        const one = row.solver === solver ? row[from] : null
        if (one === null || one.noiseNmseDb === null || one.evaluations === 0) return []
        return [{ x: one.evaluations, y: Math.max(leastDb, one.noiseNmseDb), label: row.inverter }]
      })
      const given = `given the ${from === 'fromLatent' ? 'latent' : 'picture'}`
      return { name: isOne ? given : `${given}: ${solver}`, points }
    }),
  )
  if (series.every(({ points }) => points.length === 0)) return undefined
  return await pictures.chart({
    title: 'Error of the noise against cost',
    subtitle: isOne ? `${subject}, ${solvers[0]}` : subject,
    x: { title: 'Evaluations of the network', log: true },
    y: { title: 'Error of the noise in dB: lower is better' },
    series,
  })
}

interface CompareOutputs {
  /** The folder of the files of noise, or how all their names look. */
  readonly noise?: string
  readonly sheet?: string
  readonly plot?: string
  readonly report?: string
}

function outputsOf(
  { sheet, report }: CompareSettings,
  { picture }: Start,
  place: NoisePlace | undefined,
  { files }: Host,
): CompareOutputs {
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const stem = picture === undefined ? '' : `${withoutEnding(files.nameOf(picture))}.`
  const besides = (ending: string) => (report === undefined ? undefined : files.join(report, `${stem}${ending}`))
  const paths = {
    noise: place?.told,
    sheet: sheet ?? besides('compare.png'),
    plot: besides('compare.svg'),
    report: besides('compare.json'),
  }
  return Object.fromEntries(Object.entries(paths).filter(([, path]) => path !== undefined))
}

const [tensorEnding] = tensorEndings

/** Where files of noise go. */
interface NoisePlace {
  /** As reports name all of them. */
  readonly told: string
  /** That of what one holds. */
  path(stem: string): string
}

/** A folder, or `a-1-ddim-naive.npy` and others for `a.npy`. Throws `bad-option` for other names. */
async function noisePlace(output: string, files: Host['files']): Promise<NoisePlace> {
  if (await isFolderPath(output, files)) {
    return { told: output, path: (stem) => files.join(output, `${stem}${tensorEnding}`) }
  }
  if (output === standardStream) await checkFolder(output, 'the noise of every row', files)
  await resultPath(output, 'noise', tensorEndings, files)
  const path = (stem: string) => `${withoutEnding(output)}-${stem}${endingOf(output)}`
  return { told: path('*'), path }
}

/** Names of files have an end; the row's number tells two that begin alike apart. */
const mostOfName = 80
const nameOf = (specification: string): string => asFileName(specification).slice(0, mostOfName)

/** Writes noise while rows are walked: an interruption loses only the row in hand. */
interface NoiseKeeper {
  readonly written: readonly string[]
  /** The noise of each way of a row, which then names its files. */
  keep(row: Compared, index: number): Steps<Compared, Told>
  /** The noise of the picture, where it is known. */
  keepKnown(noise: Tensor, rows: readonly Compared[]): Steps<void, Told>
}

/** Each file says how it was made. */
function noiseKeeper(
  settings: CompareSettings,
  pathOf: (stem: string) => string,
  { model, modelFiles, files }: { model: OperationModel; modelFiles: string; files: Host['files'] },
): NoiseKeeper {
  const { layout, name } = model
  const shared = { layout, dtype: fileTypeOf(settings.precision) }
  const written: string[] = []
  async function* write(found: readonly (readonly [string, FileContent])[]): Steps<void, Told> {
    await files.write(found)
    written.push(...found.map(([path]) => path))
    yield { stage: 'noise', done: 0, keeps: [...written] }
  }
  return {
    written,
    async *keep(row, index) {
      const { solver, plan, inverter } = row.pair
      const recipe = completed(plan, model)
      const found = Object.values(row.legs ?? {}).map(({ given, inversion }) => {
        const path = pathOf(`${index + 1}-${nameOf(solver)}-${nameOf(inverter.text)}.from-${given}`)
        const { noise, latent, noiseExact, outcome } = inversion
        const metadata = { model: name, modelFiles, inverter: inverter.text, noiseExact, outcome }
        const content = tensorFile(path, { noise: [noise], latent: [latent] }, { ...shared, recipe, metadata })
        return { given, path, content }
      })
      yield* write(found.map(({ path, content }) => [path, content] as const))
      return { ...row, noiseFiles: Object.fromEntries(found.map(({ given, path }) => [given, path])) }
    },
    async *keepKnown(noise, rows) {
      const path = pathOf('noise')
      const metadata = { model: name, modelFiles, seed: `${settings.seed ?? 0}` }
      // Of several solvers that begin with it the first, whose picture is first on the sheet.
      const recipe = completed(rows[0]!.pair.plan, model)
      yield* write([[path, tensorFile(path, { noise: [noise] }, { ...shared, recipe, metadata })]])
    },
  }
}

/** With the prompt and the guidance that the file of a picture's noise tells, where nothing else is said. */
async function withNoise(settings: CompareSettings, files: Host['files']): Promise<CompareSettings> {
  if (settings.noise === undefined) return settings
  const { recipe } = await readTensorFile(files, settings.noise, 'noise')
  const { prompt, negative, guidance } = withRemembered(settings, recipe)
  return { ...settings, prompt, negative, guidance }
}

/** Reads or makes the picture, walks all pairs, and writes what is asked for. */
async function* run(given: CompareSettings, host: Host, signal?: Signal): Running<ReturnType<typeof reportOf>> {
  const { files } = host
  const settings = await withNoise(given, files)
  const start = await startOf(settings, host)
  const place = settings.output === undefined ? undefined : await noisePlace(settings.output, files)
  const outputs = outputsOf(settings, start, place, host)
  const inputs = { 'the picture': start.picture, 'settings.noise': settings.noise }
  // What there is to say against a solver is said before the model is opened.
  if (settings.solvers) plansOf(settings, start, false)
  const asked = {
    'settings.output': place?.path('noise'),
    'settings.sheet': outputs.sheet,
    'the chart': outputs.plot,
    'settings.report': outputs.report,
  }
  await prepareOutputs(files, asked, inputs)
  const held = await host.models.open(settings)
  try {
    yield* notedOf(held)
    const { model } = held
    const begin = host.now()
    yield* notesOnTexts([start.prompt, settings.negative], model, signal)
    const modelFiles = await held.identity()
    const keeper = place && noiseKeeper(settings, place.path, { model, modelFiles, files })
    const comparison = yield* compareAll(settings, start, model, host, keeper, signal)
    const seconds = host.now() - begin
    const rows = comparison.rows.map(rowReport)
    const subject = `${model.name}, ${promptText(start.prompt ?? null)}, guidance ${guidanceOf(settings, start, model)}`
    const chart = outputs.plot === undefined ? undefined : await chartOf(rows, subject, host)
    const { plot, ...others } = outputs
    const written = chart === undefined ? others : outputs
    const cost = costReport(seconds, await held.cost())
    const result = reportOf(settings, start, { model, comparison, rows, cost, outputs: written })
    const title = `${model.name}: ${start.picture === undefined ? start.prompt?.trim() || promptText(null) : lastName(start.picture)}`
    const besides: (readonly [string, FileContent])[] = [
      ...(outputs.sheet ? [[outputs.sheet, await sheetOf(comparison, title, host)] as const] : []),
      ...(plot && chart ? [[plot, chart] as const] : []),
      ...(outputs.report ? [[outputs.report, jsonText(result)] as const] : []),
    ]
    await files.write(besides)
    const notes = comparison.notes.map((text) => ({ about: start.picture!, text }))
    return { result, files: [...(keeper?.written ?? []), ...besides.map(([path]) => path)], notes }
  } finally {
    await held.close()
  }
}

const guidanceOf = ({ guidance }: CompareSettings, { prompt }: Start, model: OperationModel): number =>
  guidance ?? usualGuidance(model, prompt)

interface Finished {
  readonly model: OperationModel
  readonly comparison: Comparison
  readonly rows: readonly ComparisonRow[]
  readonly cost: ReturnType<typeof costReport>
  readonly outputs: CompareOutputs
}

function reportOf(settings: CompareSettings, start: Start, { model, comparison, rows, cost, outputs }: Finished) {
  const { prompt } = start
  const { width, height } = sidesOf(model.layout, comparison.image.shape)
  return {
    model: model.name,
    picture: start.picture ?? null,
    notes: comparison.notes,
    prompt: prompt ?? null,
    negativePrompt: settings.negative ?? null,
    guidance: guidanceOf(settings, start, model),
    seed: start.picture === undefined ? (settings.seed ?? 0) : null,
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
