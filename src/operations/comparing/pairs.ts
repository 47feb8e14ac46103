/** What `compare` is told, and the pairs of a solver and an inverter that follow from it. */
import { inverters, solvers } from '../../catalog.js'
import { parse, withOption } from '../../core/define.js'
import { expected, isUndiffuseError } from '../../core/errors.js'
import { checkMembers } from '../../core/members.js'
import type { Inverter, Solver } from '../../diffusion/diffusion.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { gridFor, stepped } from '../../diffusion/solver-check.js'
import { type Tensor, zeros } from '../../math/tensor.js'
import { latentShapeAt } from '../../verbs/generate.js'
import { methodField, type Named, type Settings, setting } from '../fields.js'
import { reportField, sheetField } from '../files/outputs.js'
import { isFileName, lastName } from '../files/paths.js'
import { isTensorFile } from '../files/tensor-files.js'
import { type Host, type Note, type OperationModel, standardStream } from '../host.js'
import type { Leg } from '../inverting/legs.js'
import { decoderFields, networkFields, seedField, sizeField } from '../recipes/networks.js'
import {
  endingAboveZero,
  fieldsOfSolver,
  isFlow,
  namedSolver,
  type Plan,
  planOf,
  promptField,
  recipeFields,
  samplingOf,
  schedulerSolver,
} from '../recipes/recipe.js'
import { type Ways, walksOf } from './expected-costs.js'

/** Levels whose steps can be undone: the grid of solvers that name none, or this spacing alone. */
const evenGrid = { spacing: 'lambda', spread: 'levels', end: 'cleanest' } as const
export const usualSteps = 50
const usualSolvers = ['ddim', 'bdia']
/** A latent alone has no memory of BDIA's. */
const usualOfLatents = ['ddim']
/** Flows have one grid, their own, and those who trained them know it. */
const usualOfFlows = schedulerSolver
const usualInverters = ['naive', 'implicit:iteration=picard', automatic.definition.id]

const { guidance, negative } = recipeFields
export const fields = {
  source: {
    type: 'string',
    description: 'a prompt, or the file of a picture or of a latent',
    subject: true,
    required: true,
    word: 'prompt|picture|latent',
  },
  inverters: methodField(inverters, {
    description: 'how to undo the solvers',
    many: true,
    default: usualInverters,
  }),
  solvers: methodField(solvers, {
    // Its grid and its steps are those of all: it is made of its text once they are known.
    read: (text: string): Solver | undefined => {
      namedSolver({ solver: text })
      return undefined
    },
    description: `what to undo, or \`scheduler\` (default: ${usualSolvers.join(' ')}; of flows ${usualOfFlows})`,
    many: true,
  }),
  grid: {
    type: 'choice',
    choices: ['lambda', 'own'],
    default: 'lambda',
    description: 'levels of solvers that name no spacing',
    word: 'levels',
  },
  steps: {
    type: 'integer',
    minimum: 1,
    description: `of each solver (default: ${usualSteps}, or the file's)`,
  },
  from: {
    type: 'choice',
    choices: ['both', 'latent', 'picture'],
    default: 'both',
    description: 'what to go back from',
    word: 'start',
  },
  guidance,
  negative,
  prompt: { ...promptField, description: 'what the file shows (default: as it says)' },
  noise: {
    type: 'file',
    description: 'what the file was made from, if known',
  },
  seed: { ...seedField, description: 'of the noise of a prompt (default: 0)' },
  size: { ...sizeField, rare: true },
  ...networkFields,
  ...decoderFields,
  output: { type: 'file', description: 'a folder for all noise, or how .npy files begin' },
  sheet: { ...sheetField, rare: true },
  report: reportField,
} as const

export type CompareSettings = Settings<typeof fields> & { readonly steps: number }

/** A solver with its steps and grid, and an inverter. */
export interface Pair {
  readonly solver: string
  readonly plan: Plan
  readonly inverter: Named<Inverter>
}

export type Legs = Partial<Readonly<Record<Leg['given'], Leg>>>

/** What one pair did; a refusal where the inverter does not take the solver. */
export interface Compared {
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

/** What is compared: a picture whose noise is known, or the file of a picture or of a latent. */
export interface Start {
  readonly prompt: string | undefined
  readonly file?: { readonly path: string; readonly way: Leg['given'] }
}

/** From what rows go back: a picture file does not know its latent, and a latent has no 8-bit picture. */
export const waysOf = ({ from }: Pick<CompareSettings, 'from'>, { file }: Start): Ways =>
  file !== undefined ? [file.way] : from === 'both' ? ['latent', 'picture'] : [from]

export async function startOf(settings: CompareSettings, { files }: Host): Promise<Start> {
  const { source, prompt, seed, size, noise, from } = settings
  if (source !== '' && (await files.isFolder(source))) {
    const remedy = 'Pass one of its files, or a prompt of more words.'
    throw expected('bad-option', fields.source.description, '`compare`', `the folder \`${lastName(source)}\``, remedy)
  }
  const looksLikeFile = isFileName(source) && !source.includes(' ')
  const way = isTensorFile(source)
    ? 'latent'
    : source === standardStream || looksLikeFile || (await files.size(source)) !== undefined
      ? 'picture'
      : undefined
  if (way !== undefined && from !== 'both' && from !== way) {
    const why = way === 'picture' ? 'Its latent is not known.' : 'Its picture would be made of it.'
    const remedy = `${why} Leave ${setting('from')} out, or pass the prompt that made it.`
    throw expected('bad-option', `\`${way}\``, setting('from'), `\`${from}\` with the file of a ${way}`, remedy)
  }
  const [odd] = way
    ? ([seed !== undefined && 'seed', size !== undefined && 'size'] as const).filter((name) => name !== false)
    : ([prompt !== undefined && 'prompt', noise !== undefined && 'noise'] as const).filter((name) => name !== false)
  if (odd !== undefined) {
    const got = `${setting(odd)} with a ${way ?? 'prompt'}`
    throw expected('bad-option', 'a file or a prompt', '`compare`', got, 'Leave one of them out.')
  }
  return way ? { prompt, file: { path: source, way } } : { prompt: source }
}

/** The solver's text with the grid and the steps of all; a scheduler has its own grid. */
function onGrid(text: string, { grid, steps }: Pick<CompareSettings, 'grid' | 'steps'>): string {
  const known = fieldsOfSolver(text)
  if (!known) return text
  const says = (name: string) => new RegExp(`\\b${name}\\s*=`).test(text)
  const isEven = !says('spacing') || spacingOf(text) === evenGrid.spacing
  const added = grid === 'lambda' && isEven ? Object.entries(evenGrid) : []
  const even = added
    .filter(([name, value]) => name in known && known[name]!.default !== value && !says(name))
    .reduce((all, [name, value]) => withOption(all, `${name}=${value}`), text)
  return says('steps') ? even : withOption(even, `steps=${steps}`)
}

/** How a solver's levels are spaced: as its text says, else as is usual for it. Null of a scheduler and of grids that have no choice. */
export function spacingOf(text: string): string | null {
  const usual = fieldsOfSolver(text)?.spacing?.default
  return /\bspacing\s*=\s*(\w+)/.exec(text)?.[1] ?? (usual === undefined ? null : `${usual}`)
}

/** The solvers that are named, or the usual ones: a plan for each. Throws `bad-option` for an unknown one. */
export function plansOf(
  settings: CompareSettings,
  { prompt, file }: Start,
  flows: boolean,
): readonly (readonly [string, Plan])[] {
  const { guidance, negative } = settings
  const usual = (flows ? [usualOfFlows] : file?.way === 'latent' ? usualOfLatents : usualSolvers).map((text) => ({
    text,
    method: undefined,
  }))
  return (settings.solvers ?? usual).map(({ text, method }) => {
    // One of one's own has its grid and its steps.
    if (method) return [text, { recipe: { prompt, guidance, negative, solver: text }, solver: method }] as const
    const solver = onGrid(text.trim(), { grid: flows ? 'own' : settings.grid, steps: settings.steps })
    // A solver's text has its steps; the scheduler's are those that the model is opened with.
    const steps = solver.includes('steps=') ? undefined : settings.steps
    return [solver, planOf({ prompt, guidance, negative, solver, steps })] as const
  })
}

/** Whether an inverter undoes a solver: `naive` walks back without solving anything. */
const undoes = ({ refusal, pair }: Compared): boolean =>
  refusal === undefined && pair.inverter.method.name !== naive.definition.id

/** Every inverter on every solver, and `automatic` on solvers that some of them do not take, and none undoes. */
export function pairsOf(settings: CompareSettings, start: Start, model: OperationModel): readonly Compared[] {
  return plansOf(settings, start, isFlow(model)).flatMap(([solver, plan]): readonly Compared[] => {
    const { solver: method, guidance } = samplingOf(plan, model)
    const grid = method.grid(model.schedule(latentShapeAt(model, settings.size)))
    const compared = (inverter: Named<Inverter>): Compared => {
      const answer = inverter.method.accepts(method, grid)
      const steps = grid.length - 1
      const weight = answer === true ? walksOf(inverter, method, { steps, guidance, ways: waysOf(settings, start) }) : 0
      return { pair: { solver, plan, inverter }, steps, weight, ...(answer !== true && { refusal: answer }) }
    }
    const pairs = settings.inverters.map(compared)
    const names = settings.inverters.map(({ text }) => text)
    const areTaken = pairs.every(({ refusal }) => refusal === undefined)
    if (areTaken || pairs.some(undoes) || names.includes(automatic.definition.id)) return pairs
    const inverter = { text: automatic.definition.id, method: parse(inverters, automatic.definition.id) }
    return [...pairs, { ...compared(inverter), standsIn: true }]
  })
}

/** Whether an inverter takes a solver of this text. */
function takes({ method }: Named<Inverter>, text: string, { size }: CompareSettings, model: OperationModel): boolean {
  try {
    const { solver } = samplingOf(planOf({ solver: text }), model)
    return method.accepts(solver, solver.grid(model.schedule(latentShapeAt(model, size)))) === true
  } catch (error) {
    // Solvers refuse schedules that they are not made for, and grids of equal levels.
    if (isUndiffuseError(error)) return false
    throw error
  }
}

/** A refused solver on a grid that ends above sigma = 0, where the inverter takes it so. */
function endedFor({ solver, inverter }: Pair, settings: CompareSettings, model: OperationModel): string | undefined {
  if (!fieldsOfSolver(solver) && !solver.startsWith(schedulerSolver)) return undefined
  const ended = endingAboveZero(solver)
  return takes(inverter, ended, settings, model) ? ended : undefined
}

/** A solver of the library that an inverter takes on the grid of all; undefined where there is none. */
function solverFor(inverter: Named<Inverter>, settings: CompareSettings, model: OperationModel): string | undefined {
  const grid = isFlow(model) ? 'own' : settings.grid
  return solvers
    .map(({ definition }) => definition.id)
    .find((id) => takes(inverter, onGrid(id, { grid, steps: settings.steps }), settings, model))
}

/** Of each inverter that was asked for and does not take a solver the reason, and a solver that it takes where it has none. */
export function refusalNotes(
  pairs: readonly Compared[],
  settings: CompareSettings,
  model: OperationModel,
): readonly Note[] {
  return pairs.flatMap(({ pair, refusal, standsIn }) => {
    const { inverter, solver } = pair
    if (refusal === undefined || standsIn) return []
    const hasOne = pairs.some((other) => other.pair.inverter === inverter && other.refusal === undefined)
    const other = endedFor(pair, settings, model) ?? (hasOne ? undefined : solverFor(inverter, settings, model))
    const remedy = other === undefined ? '' : ` It takes \`${other}\`.`
    return [{ about: inverter.text, text: `${inverter.text} does not take ${solver}: ${refusal}${remedy}` }]
  })
}

/**
 * Solvers may be anybody's: throws `bad-option` for one with an invalid grid or an invalid first step. The denoiser of that step
 * answers with what it is asked, so no network runs.
 */
export async function checkSolvers(
  { solvers: given, inverters: asked, size }: CompareSettings,
  model: OperationModel,
): Promise<void> {
  for (const { text, method } of asked)
    checkMembers(method, ['accepts', 'invert'], `the inverter \`${text}\``, 'Return what an `Inverter` does.')
  const shape = latentShapeAt(model, size)
  const schedule = model.schedule(shape)
  for (const { text, method } of given ?? []) {
    if (!method) continue
    checkMembers(method, ['grid', 'start', 'step'], `the solver \`${text}\``, 'Return what a `Solver` does.')
    const grid = gridFor(method, schedule)
    await stepped(method, method.start(zeros(shape)), { grid, schedule, denoise: async (x) => x })
  }
}

/** Throws `unsupported` where no inverter takes any solver, with their reasons. */
export function checkTaken(pairs: readonly Compared[], settings: CompareSettings, model: OperationModel): void {
  if (pairs.some(({ refusal }) => refusal === undefined)) return
  const reasons = [...new Set(pairs.map(({ refusal }) => refusal))]
  const solverTexts = [...new Set(pairs.map(({ pair }) => `\`${pair.solver}\``))]
  const what = 'a solver that one of the inverters takes'
  const ended = [...new Set(pairs.map(({ pair }) => endedFor(pair, settings, model)))].filter(
    (text) => text !== undefined,
  )
  const remedy = ended.length === 0 ? [] : [`Pass ${setting('solvers', ended.join(' '))}.`]
  throw expected('unsupported', what, setting('solvers'), solverTexts.join(', '), [...reasons, ...remedy].join(' '))
}
