/**
 * From a picture, a latent or a state back to the noise: decoder inversion, then the solver walked backwards, with what
 * each is exact given. The methods are in src/autoencoder and src/diffusion/inverters.
 */

import type { DecoderInverter } from '../autoencoder/autoencoder.js'
import { expected, gotText } from '../core/errors.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import type { Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type {
  Diffusion,
  Inverter,
  RootCheck,
  Solver,
  State,
  StepInversion,
  Trajectory,
} from '../diffusion/diffusion.js'
import { automatic } from '../diffusion/inverters/automatic.js'
import { reversible } from '../diffusion/inverters/reversible.js'
import type { Grid } from '../diffusion/level.js'
import { roundingDb } from '../diffusion/rounded.js'
import { gridFor } from '../diffusion/solver-check.js'
import type { Outcome, Solution } from '../iterations/parts/solve.js'
import {
  checkTensor,
  formatShape,
  isFinite as isFiniteTensor,
  isTensor,
  type Shape,
  type Tensor,
} from '../math/tensor.js'
import { counted } from '../model/counted.js'
import type { Guidance } from '../model/guidance.js'
import { checkRoom } from '../model/memory.js'
import type { DiffusionModel } from '../model/model.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { autoencoderOf } from '../model/views.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { type VerbEvaluations, verbEvaluations } from './evaluations.js'
import { type LatentInversion, latentInversion } from './invert-decoder.js'
import type { NoiseProblem, NoiseRefiner } from './most-probable.js'
import {
  denoises,
  guidanceOf,
  promptedDenoiser,
  type Sampling,
  samplingNames,
  sharedNames,
  toNoise,
} from './sampling.js'
import { defaultChunk, sideBySide } from './side-by-side.js'

/** What is inverted: a picture, a latent, or the state at the clean end with the memory that its solver left there. */
export type InversionSource = { readonly image: Tensor } | { readonly latent: Tensor } | { readonly state: State }

export interface InvertOptions extends Sampling {
  /** Default `automatic()`. */
  readonly inverter?: Inverter | undefined
  /** How a picture's latent is found. Default `automaticDecoder()`. */
  readonly decoder?: DecoderInverter | undefined
  /** What makes the noise of a picture more probable once it is found; costly. Default: nothing. */
  readonly refine?: NoiseRefiner | undefined
}

/** How one step of the grid was undone. */
export interface InvertedStep {
  /** What the network is told at the noisier and the cleaner end. */
  readonly fromTime: number
  readonly toTime: number
  readonly residual: number
  readonly outcome: Outcome
  readonly iterations: number
  readonly evaluations: number
  /** What solved it, where the first way did not: `newton-krylov` or `continuation`. */
  readonly by?: string
  /** Whether other roots were found, or may be there and were not looked for. */
  readonly roots?: RootCheck
  /** How much the step drew iterates together at its worst; 1 and more does not. Absent where it is not known. */
  readonly contraction?: number
}

/**
 * What the noise is exact given: sampled again with the same prompt, guidance and solver, it makes the picture's 8 bits
 * (`given-image`), the latent (`given-latent`), the latent where the solver's memory is kept too (`given-memory`), or it
 * need not (`no`). Up to the iterations' tolerances and the rounding of the networks.
 */
export type Exactness = 'given-image' | 'given-latent' | 'given-memory' | 'no'

/** How a refiner ended: the objective is −log of the noise's probability given the picture, up to a constant. */
export interface Refinement {
  readonly name: string
  readonly objective: { readonly before: number; readonly after: number }
  readonly outcome: Outcome
  /** The objective at the start and after each round. */
  readonly history: readonly number[]
}

export interface NoiseInversion {
  /** Of unit variance: x at the noisy end, up to the scale of its level. */
  readonly noise: Tensor
  readonly latent: Tensor
  /** What the noise is exact given, of everything that was given: `no` where a picture's latent does not decode to its 8 bits. */
  readonly exact: Exactness
  /** The same with the latent taken as given: `given-latent` where all steps were undone and the picture alone is not enough. */
  readonly noiseExact: Exactness
  /** Of a solver that rounds its states: how near the noise can be to the one that was used, in dB of its power. */
  readonly roundingDb?: number
  /** The worst of the steps'. */
  readonly outcome: Outcome
  /** What to do about steps that were not undone; absent where all were. */
  readonly remedy?: string
  /**
   * Whether other noises lead to the same latent, the least certain of what the steps say: `not tried` where some may have several
   * roots and restarts did not look for them. Absent where all contract.
   */
  readonly roots?: RootCheck['answer']
  /** How the latent was found, where a picture was given. */
  readonly decoder?: LatentInversion
  /** Where it was refined: `latent` and `states` are then those that the noise leads to. */
  readonly refinement?: Refinement
  readonly grid: Grid
  /** One for each level, noisiest first: `states[0]` is what `reconstruct` takes where the solver has a memory. */
  readonly states: readonly State[]
  /** In the order of the grid: the first leads away from the noisiest level. */
  readonly steps: readonly InvertedStep[]
  readonly evaluations: VerbEvaluations
  readonly guidance: number
  readonly solver: string
  readonly inverter: string
}

/**
 * Finds the noise that a picture, a latent or a state was made from.
 *
 * A picture's latent is found first (`decoder`); then `inverter` walks the solver's grid from the clean end to the noisy
 * one. Shapes: as `generate`. Cost: the decoder inversion's, and the inverter's evaluations, twice with guidance above 1.
 * Exact: see `exact`; not converging is an outcome. Errors: `unsupported` where the inverter cannot undo the solver, with
 * its reason; `bad-shape` and `bad-option` for what does not fit the model, or memory; `not-finite` for a source that is not, and for
 * a network that answers so anywhere but where an iteration blew up; those of the model, and the signal's reason.
 *
 * @example
 * const { noise, exact } = await invert({ image }, { model, prompt, solver: ddim({ steps: 50 }) })
 */
export const invert = (source: InversionSource, options: InvertOptions): Task<NoiseInversion> =>
  new Task(checkedInversion(source, options), options?.signal)

export type PromptedSource = InversionSource & Pick<InvertOptions, 'prompt' | 'negativePrompt'>

export interface InvertAllOptions extends InvertOptions {
  /** Inverted at the same time: memory grows with it, time shrinks little on a CPU. Default 4. */
  readonly chunk?: number
}

/**
 * The same for several sources, which may have prompts of their own; results in their order.
 *
 * The sources of a chunk share every network run. A network's batch may round otherwise than a single run: results agree
 * with those alone up to float32. Errors: as `invert`, the first of any; `bad-option` for a chunk below 1.
 *
 * @example
 * const found = await invertAll([{ image: a, prompt: 'a cat' }, { image: b, prompt: 'a dog' }], { model })
 */
export const invertAll = (
  sources: readonly PromptedSource[],
  options: InvertAllOptions,
): Task<readonly NoiseInversion[]> => new Task(inversions(sources, options), options?.signal)

export const inversionNames: OptionNames<InvertAllOptions> = {
  ...samplingNames,
  inverter: true,
  decoder: true,
  refine: true,
  chunk: true,
}

const sourceNames = { image: true, latent: true, state: true } as const
const promptedNames = { ...sourceNames, prompt: true, negativePrompt: true } as const

async function* checkedInversion(source: InversionSource, options: InvertOptions): Steps<NoiseInversion> {
  const { chunk: _, ...names } = inversionNames
  checkVerbOptions(options, names, 'invert', sharedNames)
  checkSources([source], 'invert', sourceNames)
  return yield* inversion(source, options)
}

async function* inversions(
  sources: readonly PromptedSource[],
  asked: InvertAllOptions,
): Steps<readonly NoiseInversion[]> {
  checkVerbOptions(asked, inversionNames, 'invertAll', sharedNames)
  checkSources(sources, 'invertAll')
  const { model, chunk = defaultChunk, ...options } = asked
  return yield* sideBySide(model, sources, chunk, (source, view) => {
    const { prompt = options.prompt, negativePrompt = options.negativePrompt, ...rest } = source
    return inversion(rest as InversionSource, { ...options, prompt, negativePrompt, model: view })
  })
}

/** What a source that is not one has. */
function gotSource(source: unknown, given: readonly (readonly [name: string, value: unknown])[], x: unknown): string {
  if (given.length > 1) return given.map(([name]) => `\`${name}\``).join(' and ')
  if (isTensor(source)) return 'a tensor alone'
  if (given.length === 0) return 'none of these'
  return x instanceof Uint8Array ? 'bytes' : gotText(x)
}

/** Throws `bad-option` for an invalid list of sources: code without types may pass a tensor, or the path of a picture. */
export function checkSources(
  sources: readonly PromptedSource[],
  what: string,
  names: OptionNames<Record<string, unknown>> = promptedNames,
): void {
  const remedy = 'Pass `{ image }` of `readImage`, or of `decodeImage` for bytes, `{ latent }` or `{ state }`.'
  if (!Array.isArray(sources)) {
    const got = isTensor(sources) ? 'a tensor' : `a value of type ${typeof sources}`
    throw expected('bad-option', 'a list of sources', `\`${what}\``, got, `${remedy} One picture is \`[{ image }]\`.`)
  }
  const subject = `a source of \`${what}\``
  for (const source of sources as readonly (Partial<Record<string, unknown>> | undefined)[]) {
    const given = Object.entries(source ?? {}).filter(([name, value]) => name in sourceNames && value !== undefined)
    const [[name, value] = []] = given
    const x = name === 'state' ? (value as State | null)?.x : value
    if (given.length !== 1 || !isTensor(x)) {
      const got = gotSource(source, given, x)
      throw expected('bad-option', 'one tensor as `image`, `latent` or `state`', subject, got, remedy)
    }
    checkTensor(x, `\`${name}\` of ${subject}`)
    if ('notes' in source! && !('notes' in names)) {
      const got = 'everything that `readImage` resolves to'
      throw expected('bad-option', '`{ image }` alone', subject, got, 'Pass `{ image }` of it.')
    }
    checkOptionNames(source!, names, `a source of ${what}`)
  }
}

/** The steps of `invert`, for work that it is a part of. */
export async function* inversion(source: InversionSource, options: InvertOptions): Steps<NoiseInversion> {
  const { solver: told = options.model.solver, decoder, signal } = options
  // Rounding is not undone: what it rounds is.
  const solver = told.unrounded ?? told
  const inverter = options.inverter ?? automatic()
  const guidance = guidanceOf(options)
  const schedule = options.model.schedule(latentShapeOf(source, options.model))
  const grid = gridFor(solver, schedule)
  checkAccepted(inverter, solver, grid)
  checkSource(source, options.model, grid)
  if (options.refine) checkRefinable(options.refine, source, solver)
  const autoencoding = 'image' in source ? { encode: 1, decode: 1 } : {}
  checkRoom(
    options.model,
    { ...autoencoding, ...denoises(options.model, { ...options, guidance }) },
    latentShapeOf(source, options.model),
  )

  const { model, counts } = counted(options.model)
  const found = 'image' in source ? yield* latentInversion(source.image, { model, decoder, signal }) : undefined
  const latent = found?.latent ?? ('state' in source ? source.state.x : (source as { latent: Tensor }).latent)

  const denoiser = await promptedDenoiser(model, { ...options, guidance }, signal)
  const diffusion: Diffusion = { grid, schedule, ...denoiser }
  const clean = 'state' in source ? source.state : { index: grid.length - 1, x: latent, memory: [] }
  const { states, solutions } = checkTrajectory(yield* inverter.invert(clean, solver, diffusion), inverter, grid)
  checkFound(states, inverter)
  const outcome = worst(solutions)
  const inverted = {
    noise: toNoise(states[0]!.x, grid),
    latent,
    exact: isSolved(solutions) && !told.unrounded ? exactness(source, solver, found) : 'no',
    states,
  } as const
  const refined =
    options.refine && 'image' in source
      ? yield* refinement(options.refine, inverted.noise, {
          image: source.image,
          diffusion,
          solver,
          autoencoder: autoencoderOf(model, signal),
        })
      : undefined
  return {
    ...(refined ?? inverted),
    noiseExact: told.unrounded
      ? 'no'
      : noiseExactness((refined ?? inverted).exact, found !== undefined && (isSolved(solutions) || !!refined)),
    // As many states as were rounded: of the clean one, which is given rounded, nobody knows what was cut off.
    ...(told.unrounded && { roundingDb: roundingDb(states.slice(0, -1)) }),
    outcome,
    ...(outcome !== 'converged' && { remedy: remedyOf(solutions, solver, guidance, inverter) }),
    ...rootsOf(solutions),
    ...(found && { decoder: found }),
    grid,
    steps: solutions.map(({ residual, outcome, iterations, evaluations, by, roots, contraction }, i) => ({
      fromTime: grid[i]!.t,
      toTime: grid[i + 1]!.t,
      residual,
      outcome,
      iterations,
      evaluations,
      ...(by !== undefined && { by }),
      ...(roots && { roots }),
      ...(contraction !== undefined && { contraction }),
    })),
    evaluations: verbEvaluations(counts()),
    guidance,
    solver: solver.name,
    inverter: inverter.name,
  }
}

/** What a refiner makes of a noise, as an inversion tells it. */
async function* refinement(
  refiner: NoiseRefiner,
  start: Tensor,
  problem: NoiseProblem,
): Steps<Pick<NoiseInversion, 'noise' | 'latent' | 'exact' | 'states'> & { readonly refinement: Refinement }> {
  const { noise, states, picture, objective, history, outcome } = yield* refiner.refine(start, problem)
  const isSame = psnrDb(round8(picture), round8(problem.image)) === Number.POSITIVE_INFINITY
  return {
    noise,
    states,
    latent: states.at(-1)!.x,
    exact: isSame ? 'given-image' : 'no',
    refinement: { name: refiner.name, objective, outcome, history },
  }
}

/** Where every step was undone: inverters converge only when the noise alone makes the state they were given. */
function exactness(source: InversionSource, solver: Solver, found: LatentInversion | undefined): Exactness {
  if (found) return found.exact
  return 'state' in source && solver.unstep && source.state.memory.length > 0 ? 'given-memory' : 'given-latent'
}

/** A picture whose decoder is not undone exactly may still have a noise that is exact given the latent that was found. */
const noiseExactness = (exact: Exactness, isSolvedFromPicture: boolean): Exactness =>
  exact === 'no' && isSolvedFromPicture ? 'given-latent' : exact

/** Whether every step was undone: some methods stop early, content with more than rounding. */
const isSolved = (solutions: readonly Solution[]): boolean =>
  solutions.every(({ outcome, residual }) => outcome === 'converged' && residual < roundingResidual)

const certainty: readonly RootCheck['answer'][] = ['several roots', 'none found', 'not tried', 'unique as far as tried']

function rootsOf(solutions: readonly StepInversion[]): Pick<NoiseInversion, 'roots'> {
  const roots = certainty.find((answer) => solutions.some((one) => one.roots?.answer === answer))
  return roots === undefined ? {} : { roots }
}

const severity: readonly Outcome[] = ['converged', 'exhausted', 'diverged']

const worst = (solutions: readonly Solution[]): Outcome =>
  severity[Math.max(0, ...solutions.map(({ outcome }) => severity.indexOf(outcome)))]!

/**
 * Whether steps were to be solved and some were not, by more than rounding: what was found may then be any noise, and says
 * nothing of the one that was used. Naive inversion solves nothing, and loses nothing so.
 */
export const isLost = ({ steps }: Pick<NoiseInversion, 'steps'>): boolean =>
  steps.some(
    ({ outcome, residual }) =>
      outcome === 'diverged' ||
      (outcome === 'exhausted' && residual >= roundingResidual && residual < Number.POSITIVE_INFINITY),
  )

/** Residuals below this, in units of the noise, are rounding that the network does not allow to mend. */
const roundingResidual = 1e-3

/** From this on a step's map draws points no longer together: it may have several roots, or none. */
const mayTurn = 1

/** Inverters that take a solver's own way back. */
const closedForms: readonly string[] = [automatic.definition.id, reversible.definition.id]

/** What to do about steps that were not undone; whoever tells one asks here. */
function remedyOf(
  solutions: readonly StepInversion[],
  { name, unstep }: Solver,
  guidance: Guidance,
  inverter: Inverter,
): string {
  const unsolved = solutions.filter(({ outcome }) => outcome !== 'converged')
  if (unsolved.some(({ residual }) => residual === Number.POSITIVE_INFINITY))
    return 'Use `automatic`, which solves each step.'
  if (unstep && closedForms.every((id) => id !== inverter.name))
    return 'This solver is undone in closed form, by what it remembered: use `automatic` or `reversible`.'
  const isRounding = ({ residual, contraction = 0 }: StepInversion) =>
    residual < roundingResidual && contraction < mayTurn
  if (unsolved.every(isRounding)) {
    return 'What is left is near the rounding of the network, and no other inverter mends it. Computing in 64 bits helps only a picture that was made in 64 bits.'
  }
  const tries = inverter.name === automatic.definition.id
  const others = tries ? '' : ' Another iteration may solve some, as `automatic` tries.'
  const gentler = guidance === 1 ? 'in more steps' : 'with less guidance'
  const made = name.includes('heun') ? gentler : `by Heun or ${gentler}`
  return `Such steps may have no root, and the noise may not be found.${others} Pictures that are to be inverted are best made ${made}: docs/noise-inversion.md#strong-guidance.`
}

/** Inverters may be anybody's: throws `bad-option` where what one returns is no trajectory over the grid. */
function checkTrajectory(given: Trajectory, { name }: Inverter, grid: Grid): Trajectory {
  const steps = grid.length - 1
  const { states, solutions } = given ?? {}
  const isState = (state: State) => Array.isArray(state?.memory) && state.x?.data !== undefined
  const areMany = Array.isArray(states) && states.length === steps + 1
  const isWhole = areMany && Array.isArray(solutions) && solutions.length === steps
  const wrongState = isWhole ? states.findIndex((one) => !isState(one)) : -1
  const wrongs = isWhole ? solutions.map(wrongOf) : []
  const wrongStep = wrongs.findIndex((wrong) => wrong !== undefined)
  if (isWhole && wrongState < 0 && wrongStep < 0) return given
  const what = `${steps + 1} \`states\` { index, x, memory } and ${steps} \`solutions\` { outcome, residual, … }`
  const counts = `${countOf(states)} states and ${countOf(solutions)} solutions`
  const got = !isWhole
    ? counts
    : wrongState >= 0
      ? `\`states[${wrongState}]\` without a tensor \`x\` and a list \`memory\``
      : `\`solutions[${wrongStep}]${wrongs[wrongStep]}`
  throw expected('bad-option', what, `what the inverter \`${name}\` returns`, got, 'Return a `Trajectory`.')
}

/** What is wrong with a solution, for people; undefined where nothing is. */
function wrongOf(one: StepInversion): string | undefined {
  if (one === null || typeof one !== 'object') return '`, not an object'
  if (!severity.includes(one.outcome)) return `.outcome\` = \`${one.outcome}\` (known: ${severity.join(', ')})`
  return typeof one.residual === 'number' ? undefined : '.residual`, not a number'
}

const countOf = (list: unknown): string => (Array.isArray(list) ? `${list.length}` : 'no list of')

/** Inverters return what is finite or throw; whatever they were told, nothing else leaves. */
function checkFound(states: readonly State[], { name }: Inverter): void {
  if (states.every(({ x, memory }) => [x, ...memory].every(isFiniteTensor))) return
  const remedy = 'Use less guidance or 32 bits; if it stays, the weights are damaged.'
  throw expected('not-finite', 'finite numbers', `the noise found by \`${name}\``, 'NaN or infinity', remedy)
}

function checkAccepted(inverter: Inverter, solver: Solver, grid: Grid): void {
  const answer = inverter.accepts(solver, grid)
  if (answer === true) return
  throw expected('unsupported', 'a solver that it can undo', `\`${inverter.name}\``, `\`${solver.name}\``, answer)
}

function checkRefinable(refiner: NoiseRefiner, source: InversionSource, solver: Solver): void {
  const name = `\`${refiner.name}\``
  if (!('image' in source)) {
    throw expected('bad-option', 'a picture', name, 'a latent', 'Only what a picture leaves open can be refined.')
  }
  const answer = refiner.accepts(solver)
  if (answer !== true) throw expected('unsupported', 'a solver with a derivative', name, `\`${solver.name}\``, answer)
}

/** The shape of the latent of a source; throws `bad-shape` for a picture that the model cannot take. */
export const latentShapeOf = (source: InversionSource, { layout }: Pick<DiffusionModel, 'layout'>): Shape =>
  'image' in source
    ? layout.latentShape(source.image.shape)
    : 'state' in source
      ? source.state.x.shape
      : source.latent.shape

function checkSource(source: InversionSource, model: DiffusionModel, grid: Grid): void {
  const given = 'image' in source ? source.image : 'state' in source ? source.state.x : source.latent
  const what = 'image' in source ? 'the picture' : 'state' in source ? 'the state' : 'the latent'
  model.layout.check(latentShapeOf(source, model))
  if (!isFiniteTensor(given)) {
    throw expected('not-finite', 'finite numbers', what, 'NaN or infinity', 'Check what made it.')
  }
  if ('state' in source && source.state.index !== grid.length - 1) {
    const got = `level ${source.state.index} of a state of ${formatShape(given.shape)}`
    throw expected('bad-option', `level ${grid.length - 1}, the cleanest,`, what, got, 'Pass the last state of a run.')
  }
}
