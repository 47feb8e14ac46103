/** How a picture is made or was made: what command lines say of it, and files remember, so that nobody says it twice. */
import type { Command } from 'commander'
import {
  endingWithNoise,
  expected,
  type OpenDiffusionModel,
  parse,
  type Solver,
  solvers,
  whyNotUndone,
  withOption,
} from 'undiffuse'
import { describeMethods } from './methods.js'
import { finiteNumber, integerAtLeast } from './numbers.js'

export interface Recipe {
  readonly prompt?: string
  readonly negative?: string
  readonly guidance?: number
  /** A method and its options, or `scheduler`: what the model's scheduler names. Absent is the model's own. */
  readonly solver?: string
  readonly steps?: number
}

/** The solver of the model's scheduler, on the grid that the model was published with. */
export const schedulerSolver = 'scheduler'
/** The same on a grid that can be undone: without a step to sigma = 0. */
const undoableScheduler = `${schedulerSolver}:end=cleanest`
const defaultSteps = 50

export const promptOption = ['--prompt <text>', 'what the picture shows (default: nothing is known)'] as const

/** The options that every command takes which samples or inverts; a solver where it is not the model's own. */
export const addRecipeOptions = (command: Command, defaultSolver?: string): Command =>
  command
    .option('--negative <text>', 'what guidance leads away from')
    .option(
      '--guidance <weight>',
      "1 follows the prompt alone (default: the model's with a prompt, 1 without)",
      finiteNumber,
    )
    .option(
      '--solver <method:options>',
      `how to sample, see below${defaultSolver === undefined ? " (default: the model's own)" : ''}`,
      defaultSolver,
    )
    .option('--steps <n>', 'of the solver (default: 50)', integerAtLeast(1))

export const solverHelp = (): string =>
  `${describeMethods('Solvers (method:option=value,...), with `--steps` for their steps:', solvers)}
  ${schedulerSolver}: the one of the model's scheduler_config.json, on its grid
  ${undoableScheduler}: the same without its step to sigma = 0, so that it can be undone`

/** As a file's metadata holds it. */
export const recipeMetadata = ({ prompt, negative, guidance, solver, steps }: Recipe): Record<string, string> => ({
  ...(prompt !== undefined && { prompt }),
  ...(negative !== undefined && { negativePrompt: negative }),
  ...(guidance !== undefined && { guidance: `${guidance}` }),
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
  const [guidance, steps] = [number('guidance'), number('steps')]
  return {
    ...(prompt !== undefined && { prompt }),
    ...(negativePrompt !== undefined && { negative: negativePrompt }),
    ...(guidance !== undefined && Number.isFinite(guidance) && { guidance }),
    ...(solver !== undefined && { solver }),
    ...(steps !== undefined && Number.isSafeInteger(steps) && { solver: solver ?? schedulerSolver, steps }),
  }
}

/** What is said, and where nothing is said what is remembered. A solver and its steps go together. */
export function withRemembered(said: Recipe, remembered: Recipe): Recipe {
  const { solver, steps, ...others } = remembered
  const { prompt, negative, guidance } = { ...others, ...said }
  const how = said.solver === undefined && said.steps === undefined ? remembered : said
  return {
    ...(prompt !== undefined && { prompt }),
    ...(negative !== undefined && { negative }),
    ...(guidance !== undefined && { guidance }),
    ...(how.solver !== undefined && { solver: how.solver }),
    ...(how.steps !== undefined && { steps: how.steps }),
  }
}

/** `ddim` and 20 → `ddim:steps=20`; steps that are there already are refused by `parse`, as an option given twice. */
function specificationOf({ solver, steps }: Recipe): string | undefined {
  if (solver === undefined || steps === undefined) return solver
  return withOption(solver, `steps=${steps}`)
}

/** The solver that is named; undefined where the model says it. Throws `bad-option` before anything is opened. */
export function namedSolver(recipe: Recipe): Solver | undefined {
  if (recipe.solver === schedulerSolver || recipe.solver === undoableScheduler) return undefined
  const specification = specificationOf(recipe)
  return specification === undefined ? undefined : parse(solvers, specification)
}

/** With what a verb is called. */
export interface Sampling {
  readonly prompt: string | undefined
  readonly negativePrompt: string | undefined
  readonly guidance: number
  readonly solver: Solver
}

export function samplingOf(recipe: Recipe, model: OpenDiffusionModel): Sampling {
  const { prompt, negative, guidance = prompt === undefined ? 1 : model.guidance } = recipe
  return { prompt, negativePrompt: negative, guidance, solver: namedSolver(recipe) ?? ownSolver(recipe, model) }
}

function ownSolver({ solver }: Recipe, model: OpenDiffusionModel): Solver {
  if (solver === undoableScheduler) return endingWithNoise(model.schedulerSolver)
  return solver === schedulerSolver ? model.schedulerSolver : model.solver
}

/** Throws `unsupported` where what is sampled so can never be undone, before any work is done. */
export function checkUndoable(recipe: Recipe, model: OpenDiffusionModel, what: string): void {
  const { solver } = samplingOf(recipe, model)
  const reason = whyNotUndone(solver, solver.grid(model.schedule))
  if (reason === undefined) return
  const [id] = (recipe.solver ?? model.solverText ?? schedulerSolver).split(':')
  const remedy = solver.lossy ? 'Pass `--solver ddim`.' : `Pass \`--solver ${id}:end=cleanest\`.`
  throw expected('unsupported', 'a solver that can be undone', what, `\`${solver.name}\``, `${reason} ${remedy}`)
}

/** The recipe with what was left open filled in, as files keep it: a solver's own text says its steps. */
export function completed(recipe: Recipe, model: OpenDiffusionModel): Recipe {
  const { prompt, negative } = recipe
  const { guidance } = samplingOf(recipe, model)
  // Not the length of the grid: some schedulers walk more steps than they are asked for.
  const steps = recipe.steps ?? defaultSteps
  const own = model.solverText === undefined ? {} : { solver: model.solverText, steps }
  const named = recipe.solver === undefined ? own : recipe
  const specification = named.solver === schedulerSolver ? undefined : specificationOf(named)
  const undoable = recipe.solver === undoableScheduler ? { solver: undoableScheduler, steps } : undefined
  return {
    ...(prompt !== undefined && { prompt }),
    ...(negative !== undefined && { negative }),
    guidance,
    ...(undoable ?? (specification === undefined ? { steps } : { solver: specification })),
  }
}

/** Throws `bad-option` where there is no prompt. */
export function requiredPrompt(prompt: string | undefined, otherwise: string): string {
  if (prompt !== undefined) return prompt
  throw expected('bad-option', 'a prompt', 'undiffuse', 'none', otherwise)
}
