/**
 * scheduler_config.json of a diffusers folder: the schedule that the network was trained on, what it predicts, the
 * solver that the folder is published with, and the one that it asks for here. The solvers are in src/diffusion/solvers.
 */
import { parse, withOption } from '../core/define.js'
import { expected, isUndiffuseError } from '../core/errors.js'
import type { Prediction } from '../diffusion/denoiser.js'
import type { Solver } from '../diffusion/diffusion.js'
import { gridFields } from '../diffusion/grid-fields.js'
import type { Schedule } from '../diffusion/level.js'
import { type BetaKind, betas, rectifiedFlow, variancePreserving } from '../diffusion/schedules.js'
import {
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  euler,
  flowEuler,
  heun,
  solvers as ours,
} from '../diffusion/solvers/index.js'
import type { ConfigReader } from '../nn/parameters.js'

export interface Scheduler {
  readonly className: string
  readonly schedule: Schedule
  readonly prediction: Prediction
  /** The deterministic solver of the class on its grid; where the class's own is not here, a first-order one. */
  readonly solver: Solver
  /** What the folder asks for in its place; absent where it does not. */
  readonly preferred?: PreferredSolver
}

export interface PreferredSolver {
  /** A method and its options, without steps. */
  readonly specification: string
  readonly solver: Solver
}

type Spacing = 'linspace' | 'leading' | 'trailing' | 'karras' | 'lambda'

const spacingNames = ['linspace', 'leading', 'trailing'] as const

const remedy = 'Use the scheduler_config.json that the model was published with.'

/** The value of a field that must be one of several. */
function choice<T extends string>(config: ConfigReader, field: string, known: readonly T[], fallback: T): T {
  const value = config.string(field, fallback)
  const found = known.find((name) => name === value)
  if (found !== undefined) return found
  throw expected('bad-model', known.join(' or '), `\`${field}\` in \`${config.file}\``, value, remedy)
}

/** Where a class puts its levels, with the class's own default. */
function spacing(config: ConfigReader, fallback: (typeof spacingNames)[number]): { spacing: Spacing; offset: number } {
  const offset = config.integer('steps_offset', 0)
  if (config.boolean('use_karras_sigmas', false)) return { spacing: 'karras', offset }
  if (config.boolean('use_lu_lambdas', false)) return { spacing: 'lambda', offset }
  return { spacing: choice(config, 'timestep_spacing', spacingNames, fallback), offset }
}

/** Steps of the solver; absent is its own default. */
export interface SchedulerOptions {
  readonly steps?: number | undefined
}

type SolverOf = (config: ConfigReader, options: SchedulerOptions) => Solver

const tabulated = (config: ConfigReader, { steps }: SchedulerOptions) =>
  ({
    steps,
    ...spacing(config, 'leading'),
    spread: 'steps',
    end: config.boolean('set_alpha_to_one', true) ? 'zero' : 'cleanest',
  }) as const

const karrasLike = (config: ConfigReader, { steps }: SchedulerOptions) =>
  ({ steps, ...spacing(config, 'linspace'), spread: 'steps', wholeTimes: false, end: 'zero' }) as const

const exponential = (config: ConfigReader, { steps }: SchedulerOptions) => {
  const found = spacing(config, 'linspace')
  const algorithm = choice(
    config,
    'algorithm_type',
    ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver'] as const,
    'dpmsolver++',
  )
  return {
    steps,
    ...found,
    spread: found.spacing === 'karras' || found.spacing === 'lambda' ? 'steps' : 'levels',
    end: config.string('final_sigmas_type', 'zero') === 'zero' ? 'zero' : 'cleanest',
    prediction: algorithm.endsWith('++') ? 'data' : 'noise',
  } as const
}

function multistepSolver(config: ConfigReader, options: SchedulerOptions): Solver {
  const { prediction, ...grid } = exponential(config, options)
  const order = config.integer('solver_order', 2)
  if (order === 1) return dpmSolver1(grid)
  const lowerOrderFinal = config.boolean('lower_order_final', true)
  if (order === 2) {
    const variant = choice(config, 'solver_type', ['midpoint', 'heun'] as const, 'midpoint')
    return dpmSolver2M({ ...grid, prediction, lowerOrderFinal, variant })
  }
  if (order === 3) return dpmSolver3M({ ...grid, prediction, lowerOrderFinal })
  throw expected('bad-model', '1, 2 or 3', `\`solver_order\` in \`${config.file}\``, `${order}`, remedy)
}

/**
 * The solver of each class. PNDM, LMS, UniPC and DEIS keep their grids and take a solver of ours; of stochastic samplers
 * the deterministic part is taken.
 */
const solvers: Readonly<Record<string, SolverOf>> = {
  DDIMScheduler(config, options) {
    refuseClipping(config, true)
    return ddim(tabulated(config, options))
  },
  PNDMScheduler: (config, options) =>
    ddim({ ...tabulated(config, options), end: config.boolean('set_alpha_to_one', false) ? 'zero' : 'cleanest' }),
  DDPMScheduler(config, options) {
    refuseClipping(config, true)
    return ddim(tabulated(config, options))
  },
  DPMSolverMultistepScheduler: multistepSolver,
  DEISMultistepScheduler: multistepSolver,
  UniPCMultistepScheduler: multistepSolver,
  DPMSolverSinglestepScheduler: (config, options) => dpmSolver2S(exponential(config, options)),
  EulerDiscreteScheduler: (config, options) => euler(karrasLike(config, options)),
  EulerAncestralDiscreteScheduler: (config, options) => euler(karrasLike(config, options)),
  LMSDiscreteScheduler: (config, options) => euler(karrasLike(config, options)),
  HeunDiscreteScheduler: (config, options) => heun(karrasLike(config, options)),
  FlowMatchEulerDiscreteScheduler(config, { steps }) {
    const shift = config.number('shift', 1)
    if (shift !== 1 || config.boolean('use_dynamic_shifting', false)) {
      throw expected(
        'unsupported',
        '1',
        `\`shift\` in \`${config.file}\``,
        `${shift}`,
        'Use a flow without a time shift.',
      )
    }
    return flowEuler({ steps, spacing: 'linspace', spread: 'levels', wholeTimes: false })
  },
}

/** The scheduler classes that are understood. */
export const schedulerClasses: readonly string[] = Object.keys(solvers)

/** Clamping estimates is no map that can be undone; published latent models do without. */
function refuseClipping(config: ConfigReader, fallback: boolean): void {
  const field = config.boolean('thresholding', false) ? 'thresholding' : 'clip_sample'
  if (field === 'clip_sample' && !config.boolean('clip_sample', fallback)) return
  const got = 'true, the default where it is absent'
  const how = 'Estimates of latents are not clipped; set it to false, as published latent models do.'
  throw expected('unsupported', 'false', `\`${field}\` in \`${config.file}\``, got, how)
}

const betaKinds: Readonly<Record<string, BetaKind>> = {
  scaled_linear: 'scaled-linear',
  linear: 'linear',
  squaredcos_cap_v2: 'cosine',
}

const predictionNames: Readonly<Record<string, Prediction>> = {
  epsilon: 'epsilon',
  v_prediction: 'v',
  sample: 'sample',
  flow_prediction: 'velocity',
}

function known<T>(config: ConfigReader, field: string, table: Readonly<Record<string, T>>, fallback: string): T {
  return table[choice(config, field, Object.keys(table), fallback)]!
}

function scheduleOf(config: ConfigReader): Schedule {
  for (const field of ['trained_betas', 'rescale_betas_zero_snr'] as const) {
    if (field === 'trained_betas' ? config.has(field) : config.boolean(field, false)) {
      const how = 'Use a model with a published schedule that ends with some signal.'
      throw expected('unsupported', 'none', `\`${field}\` in \`${config.file}\``, 'one', how)
    }
  }
  return variancePreserving(
    betas(known(config, 'beta_schedule', betaKinds, 'linear'), {
      start: config.number('beta_start', 0.0001),
      end: config.number('beta_end', 0.02),
      count: config.integer('num_train_timesteps', 1000),
    }),
  )
}

/**
 * `_solver`, a field of ours: the method by which this model is sampled and inverted here where nothing else is said, as
 * command lines name it (`ddim:spacing=lambda`). diffusers passes fields with _ over and takes the class's own grid.
 */
function preferredSolver(
  config: ConfigReader,
  { steps = gridFields.steps.default }: SchedulerOptions,
): PreferredSolver | undefined {
  if (!config.has('_solver')) return undefined
  const specification = config.string('_solver')
  try {
    return { specification, solver: parse(ours, withOption(specification, `steps=${steps}`)) }
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    throw expected(
      'bad-model',
      'a solver with its options',
      `\`_solver\` in \`${config.file}\``,
      specification,
      error.message,
    )
  }
}

/**
 * Reads a scheduler's configuration; absent fields take diffusers' defaults. `_solver` is ours: see `preferred`.
 *
 * Errors: `bad-model` for an unknown class, naming the known ones, and for values that are not diffusers'; `unsupported`
 * for clipping, own betas, schedules without signal and shifted flows. Source: diffusers 0.27, src/diffusers/schedulers.
 *
 * @example
 * const { schedule, prediction, solver } = schedulerOf(await readConfig(nodeFiles, 'sd21/scheduler/scheduler_config.json'))
 */
export function schedulerOf(config: ConfigReader, options: SchedulerOptions = {}): Scheduler {
  const className = config.string('_class_name')
  const make = Object.hasOwn(solvers, className) ? solvers[className] : undefined
  if (!make) {
    const what = `one of ${schedulerClasses.join(', ')}`
    throw expected('bad-model', what, `\`_class_name\` in \`${config.file}\``, className, remedy)
  }
  const preferred = preferredSolver(config, options)
  const asked = preferred ? { preferred } : {}
  if (className === 'FlowMatchEulerDiscreteScheduler') {
    const schedule = rectifiedFlow({ scale: config.integer('num_train_timesteps', 1000) })
    return { className, schedule, prediction: 'velocity', solver: make(config, options), ...asked }
  }
  const prediction = known(config, 'prediction_type', predictionNames, 'epsilon')
  return { className, schedule: scheduleOf(config), prediction, solver: make(config, options), ...asked }
}
