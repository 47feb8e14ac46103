/** How a picture is made or was made: what settings say of it, and files remember, so that nobody says it twice. */
import { solvers } from '../../catalog.js'
import { parse, withOption } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import type { Solver } from '../../diffusion/diffusion.js'
import { inBfloat16 } from '../../diffusion/rounded.js'
import { endingWithNoise, whyNotUndone } from '../../diffusion/undoing.js'
import { usualGuidance } from '../../model/guidance.js'
import { nearWord, strangeWords } from '../../model/vocabulary.js'
import { latentShapeAt } from '../../verbs/generate.js'
import { setting } from '../fields.js'
import type { OperationModel } from '../host.js'
import { noted, type Told } from '../operation.js'

export interface Recipe {
  readonly prompt?: string | undefined
  readonly negative?: string | undefined
  readonly guidance?: number | undefined
  /** Of the mix of two evaluations, for models whose `guidance` is another thing. */
  readonly trueGuidance?: number | undefined
  /** A method and its options, or `scheduler`: what the model's scheduler names. Absent is the model's own. */
  readonly solver?: string | undefined
  readonly steps?: number | undefined
}

/** The solver of the model's scheduler, on the grid that the model was published with. */
export const schedulerSolver = 'scheduler'
/** The same on a grid that can be undone: without a step to sigma = 0. */
const undoableScheduler = `${schedulerSolver}:end=cleanest`
/** The same with states that are rounded to bfloat16, as diffusers keeps them where the network computes so. */
const roundedScheduler = `${schedulerSolver}:state=bfloat16`
const ofModel: readonly (string | undefined)[] = [schedulerSolver, undoableScheduler, roundedScheduler]
/** Of solvers that are not told. */
const defaultSteps = 50

export const promptField = {
  type: 'string',
  description: 'what the picture shows (default: nothing is known)',
  word: 'text',
} as const

/** What every operation is told that samples or inverts. */
export const recipeFields = {
  negative: { rare: true, type: 'string', description: 'what guidance leads away from', word: 'text' },
  guidance: {
    type: 'number',
    description: "1 follows the prompt alone (default: the model's with a prompt, 1 without)",
    word: 'weight',
  },
  trueGuidance: {
    rare: true,
    type: 'number',
    description: 'of models that are told their guidance, or need none: mixes two evaluations as well (default: 1)',
    word: 'weight',
  },
  solver: {
    type: 'string',
    description:
      "how to sample, or `scheduler` for what the model's scheduler_config.json says (default: the model's own)",
    word: 'method:options',
    methods: solvers,
  },
  steps: { type: 'integer', minimum: 1, description: "of the solver (default: a named solver's own, else 50)" },
} as const

/** What pictures tell of themselves, unless it is turned off. */
export const pictureRecipeField = {
  rare: true,
  type: 'boolean',
  default: true,
  description: 'write model, prompt, seed and solver into the picture file',
  off: 'leave model, prompt, seed and solver out of the picture file',
} as const

export interface PictureOrigin {
  readonly model: string
  /** Of the weights' contents. */
  readonly identity: string
  readonly recipe: Recipe
  readonly seed?: number | undefined
  /** What else there is to tell: never a key or a message. */
  readonly more?: Readonly<Record<string, string>>
}

/** What a picture file tells of how it was made. */
export const pictureTexts = ({ model, identity, recipe, seed, more }: PictureOrigin): Record<string, string> => ({
  Software: 'undiffuse',
  model,
  modelIdentity: identity,
  ...recipeMetadata(recipe),
  ...(seed !== undefined && { seed: `${seed}` }),
  ...more,
})

/** As a file's metadata holds it. */
export const recipeMetadata = ({
  prompt,
  negative,
  guidance,
  trueGuidance,
  solver,
  steps,
}: Recipe): Record<string, string> => ({
  ...(prompt !== undefined && { prompt }),
  ...(negative !== undefined && { negativePrompt: negative }),
  ...(guidance !== undefined && { guidance: `${guidance}` }),
  ...(trueGuidance !== undefined && { trueGuidance: `${trueGuidance}` }),
  ...(solver !== undefined && { solver }),
  ...(steps !== undefined && { steps: `${steps}` }),
})

/**
 * What a file says. An invalid number is left out, since anybody may have written the file. One that tells steps and no solver was
 * made with the scheduler's: other solvers are always named.
 */
export function recipeOf(metadata: Readonly<Record<string, string>>): Recipe {
  const { prompt, negativePrompt, solver } = metadata
  const number = (name: string) => (metadata[name] === undefined ? undefined : Number(metadata[name]))
  const [guidance, trueGuidance, steps] = [number('guidance'), number('trueGuidance'), number('steps')]
  return {
    ...(prompt !== undefined && { prompt }),
    ...(negativePrompt !== undefined && { negative: negativePrompt }),
    ...(guidance !== undefined && Number.isFinite(guidance) && { guidance }),
    ...(trueGuidance !== undefined && Number.isFinite(trueGuidance) && { trueGuidance }),
    ...(solver !== undefined && { solver }),
    ...(steps !== undefined && Number.isSafeInteger(steps) && { solver: solver ?? schedulerSolver, steps }),
  }
}

/** What is said, and where nothing is said what is remembered. A solver and its steps go together. */
export function withRemembered(said: Recipe, remembered: Recipe): Recipe {
  const how = said.solver === undefined && said.steps === undefined ? remembered : said
  return {
    prompt: said.prompt ?? remembered.prompt,
    negative: said.negative ?? remembered.negative,
    guidance: said.guidance ?? remembered.guidance,
    trueGuidance: said.trueGuidance ?? remembered.trueGuidance,
    solver: how.solver,
    steps: how.steps,
  }
}

/** `ddim` and 20 → `ddim:steps=20`; steps that are there already are refused by `parse`, as an option given twice. */
function specificationOf({ solver, steps }: Recipe): string | undefined {
  if (solver === undefined || steps === undefined) return solver
  return withOption(solver, `steps=${steps}`)
}

/** The solver that a recipe names; undefined where the model says it. Throws `bad-option` before anything is opened. */
export function namedSolver(recipe: Recipe): Solver | undefined {
  if (ofModel.includes(recipe.solver)) return undefined
  const specification = specificationOf(recipe)
  return specification === undefined ? undefined : parse(solvers, specification)
}

/** A recipe whose solver was read. */
export interface Plan {
  readonly recipe: Recipe
  /** Undefined where the model says it. */
  readonly solver: Solver | undefined
}

/** Throws `bad-option` for a solver that there is not, before anything is opened. */
export const planOf = ({ prompt, negative, guidance, trueGuidance, solver, steps }: Recipe): Plan => {
  const recipe = { prompt, negative, guidance, trueGuidance, solver, steps }
  return { recipe, solver: namedSolver(recipe) }
}

/** With what a verb is called. */
export interface Sampling {
  readonly prompt: string | undefined
  readonly negativePrompt: string | undefined
  readonly guidance: number
  readonly trueGuidance: number | undefined
  readonly solver: Solver
}

export function samplingOf({ recipe, solver }: Plan, model: OperationModel): Sampling {
  const { prompt, negative, guidance = usualGuidance(model, prompt), trueGuidance } = recipe
  return { prompt, negativePrompt: negative, guidance, trueGuidance, solver: solver ?? ownSolver(recipe, model) }
}

function ownSolver({ solver }: Recipe, { schedulerSolver: ofScheduler, solver: own }: OperationModel): Solver {
  if (solver === undoableScheduler) return endingWithNoise(ofScheduler)
  if (solver === roundedScheduler) return inBfloat16(ofScheduler)
  return solver === schedulerSolver ? ofScheduler : own
}

/** Whether a model is a rectified flow, whose noisiest level has no signal: solvers of other schedules refuse it. */
export const isFlow = (model: OperationModel): boolean => model.schedule(latentShapeAt(model)).name === 'rectified-flow'

/** What the text of a solver may say; undefined of a scheduler and of unknown names. */
export function fieldsOfSolver(text: string) {
  const [id = ''] = text.split(':')
  return solvers.find(({ definition }) => definition.id === id.trim())?.definition.fields
}

/** Levels that differ down to the cleanest that was trained. */
const undoableEnd = { spread: 'levels', end: 'cleanest' } as const

/** A solver's text on a grid that ends above sigma = 0: `heun:spread=levels,end=cleanest` of `heun`. */
export function endingAboveZero(text: string): string {
  const fields = fieldsOfSolver(text)
  const [id = '', options = ''] = text.split(/:(.*)/s)
  if (!fields) return undoableScheduler
  const kept = options.split(',').filter((option) => option !== '' && !/^\s*(spread|end)\s*=/.test(option))
  const added = Object.entries(undoableEnd).filter(([name, value]) => name in fields && fields[name]!.default !== value)
  const all = [...kept, ...added.map(([name, value]) => `${name}=${value}`)]
  return all.length === 0 ? id : `${id}:${all.join(',')}`
}

/** Throws `unsupported` where what is sampled so can never be undone, before any work is done. */
export function checkUndoable(plan: Plan, model: OperationModel, what: string): void {
  const { solver } = samplingOf(plan, model)
  const reason = whyNotUndone(solver, solver.grid(model.schedule(latentShapeAt(model))))
  if (reason === undefined) return
  const text = plan.recipe.solver ?? model.solverText ?? schedulerSolver
  const remedy = `Pass ${setting('solver', solver.lossy ? 'ddim' : endingAboveZero(text))}.`
  throw expected('unsupported', 'a solver that can be undone', what, `\`${solver.name}\``, `${reason} ${remedy}`)
}

/**
 * Says what of the texts the model does not understand: what its text encoders leave out of long ones, as diffusers' pipelines
 * do, and the words that a small model never saw.
 */
export async function* notesOnTexts(
  texts: readonly (string | undefined)[],
  model: OperationModel,
  signal: Signal | undefined,
): Steps<void, Told> {
  for (const text of texts) {
    if (text === undefined) continue
    const { unread } = await model.condition(text, signal)
    if (unread !== undefined)
      yield noted('the prompt', `The prompt is too long and was cut: "${shortened(unread)}" is not read.`)
  }
  const { name, vocabulary } = model
  if (!vocabulary) return
  const strange = [...new Set(texts.flatMap((text) => strangeWords(text ?? '', vocabulary)))]
  if (strange.length === 0) return
  const known = Object.values(vocabulary.words).flat()
  const near = strange.map((word) => nearWord(word, vocabulary)).filter((word) => word !== undefined)
  const guess = near.length === 0 ? '' : ` Did you mean ${near.map((word) => `\`${word}\``).join(', ')}?`
  const text = `${shortened(strange.join(', '))}: not among this model's ${known.length} words.${guess}`
  yield noted(name, text, 'list-words')
}

const mostShown = 80
const shortened = (text: string): string => (text.length <= mostShown ? text : `${text.slice(0, mostShown)}…`)

/** The recipe with what was left open filled in, as files keep it: a solver's own text says its steps. */
export function completed(plan: Plan, model: OperationModel): Recipe {
  const { recipe } = plan
  const { prompt, negative } = recipe
  const { guidance } = samplingOf(plan, model)
  // Not the length of the grid: some schedulers walk more steps than they are asked for.
  const steps = recipe.steps ?? model.defaultSteps ?? defaultSteps
  const own = model.solverText === undefined ? {} : { solver: model.solverText, steps }
  const named = recipe.solver === undefined ? own : recipe
  const specification = named.solver === schedulerSolver ? undefined : specificationOf(named)
  const changed = recipe.solver === undoableScheduler || recipe.solver === roundedScheduler
  return {
    ...(prompt !== undefined && { prompt }),
    ...(negative !== undefined && { negative }),
    guidance,
    ...trueGuidanceOf(recipe),
    ...(changed
      ? { solver: recipe.solver, steps }
      : specification === undefined
        ? { steps }
        : { solver: specification }),
  }
}

/**
 * Where a picture says that it was made otherwise than is assumed here, a sentence for people. What it says is believed in
 * nothing else. Of several plans, which differ by their solvers alone, one may have the solver that made it. `solverSetting` is
 * what names solvers where settings may be said as the file has them: the sentences end with their names.
 */
export function otherOrigin(
  texts: Readonly<Record<string, string>> | undefined,
  plans: readonly Plan[],
  model: OperationModel,
  solverSetting?: 'solver' | 'solvers' | 'steps',
): readonly string[] {
  if (texts?.Software !== 'undiffuse') return []
  const said = recipeOf(texts)
  const assumed = plans.map((plan) => completed(plan, model))
  const [here] = assumed as [Recipe]
  const solversHere = [...new Set(assumed.map(solverWords))]
  const sameSolver = solversHere.find((one) => one === solverWords(said))
  const quoted = (text: string | undefined) => (text ? `“${text}”` : 'none')
  const pairs: readonly (readonly [what: string, said: string, here: string])[] = [
    ['model', texts.model ?? '', model.name],
    ['prompt', quoted(said.prompt), quoted(here.prompt)],
    ['negative prompt', quoted(said.negative), quoted(here.negative)],
    ['guidance', `${said.guidance ?? here.guidance}`, `${here.guidance}`],
    ['solver', solverWords(said), sameSolver ?? solversHere.join(' or ')],
  ]
  const others = pairs.filter(([, of, is]) => of !== is)
  if (others.length === 0) return []
  const differences = others.map(([what, of, is]) => `${what} ${of}, not ${is}`).join('; ')
  const named = { model: 'model', prompt: 'prompt', 'negative prompt': 'negative', guidance: 'guidance' }
  const names = others.map(([what]) =>
    setting(Object.hasOwn(named, what) ? named[what as keyof typeof named] : solverSetting!),
  )
  const remedy = solverSetting === undefined ? '' : ` To go back as it was made, say ${names.join(', ')}.`
  return [`The file says ${differences}. Otherwise than it was made, another noise is found.${remedy}`]
}

/** The same of a file of latents, where this library wrote it: its weights have a note of their own. */
export const otherOriginOfFile = (
  metadata: Readonly<Record<string, string>>,
  plan: Plan,
  model: OperationModel,
): readonly string[] =>
  metadata.model === undefined
    ? []
    : otherOrigin({ ...metadata, Software: 'undiffuse', model: model.name }, [plan], model)

/** A solver's options in one order, its steps among them. */
export function solverWords({ solver = schedulerSolver, steps }: Recipe): string {
  const [id, options = ''] = solver.split(':')
  const all = [...options.split(','), ...(steps === undefined ? [] : [`steps=${steps}`])]
  const sorted = all.filter((option) => option !== '').sort()
  return sorted.length === 0 ? id! : `${id}:${sorted.join(',')}`
}

/** For reports: absent where nothing was said. */
export const trueGuidanceOf = ({ trueGuidance }: Pick<Recipe, 'trueGuidance'>): Pick<Recipe, 'trueGuidance'> =>
  trueGuidance === undefined ? {} : { trueGuidance }

/** Throws `bad-option` where there is no prompt. */
export function requiredPrompt(prompt: string | undefined, remedy: string): string {
  if (prompt !== undefined) return prompt
  throw expected('bad-option', 'a prompt', setting('prompt'), 'none', remedy)
}
