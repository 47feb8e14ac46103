/**
 * scheduler_config.json of a diffusers folder: the schedule that the network was trained on, what it predicts, the
 * solver that the folder is published with, and the one that it asks for here. The classes are in schedulers/classes.
 */
import { parse, withOption } from '../core/define.js'
import { expected, isUndiffuseError } from '../core/errors.js'
import type { Solver } from '../diffusion/diffusion.js'
import { gridFields } from '../diffusion/grid-fields.js'
import { solvers } from '../diffusion/solvers/index.js'
import type { ConfigReader } from '../nn/parameters.js'
import { classes, readClasses, unreadReasons } from './schedulers/classes/index.js'
import type { MadeScheduler, SchedulerCall, SchedulerClass } from './schedulers/shared/fields.js'

export type { DynamicShift } from './schedulers/shared/fields.js'

export interface Scheduler extends MadeScheduler {
  readonly className: string
  /** What the folder asks for in place of its class's solver; absent where it does not. */
  readonly preferred?: PreferredSolver
  /** Steps where nothing is said, if they are not those of every solver. */
  readonly defaultSteps?: number
}

export interface PreferredSolver {
  /** A method and its options, without steps. */
  readonly specification: string
  readonly solver: Solver
}

/** As `set_timesteps` takes them; without `mu` the schedule of a flow that needs one is made by `dynamic`. */
export type SchedulerOptions = SchedulerCall

const remedy = 'Use the scheduler_config.json that the model was published with.'

/** The scheduler classes that are understood. */
export const schedulerClasses: readonly string[] = [...classes.keys()]

/** Fields of classes that are not read here at all. */
const fieldsOfOthers = [
  'set_alpha_to_zero',
  'variance_type',
  'fixed_small',
  'sigma_data',
  'sigma_schedule',
  'rho',
  'original_inference_steps',
  'timestep_scaling',
  'gamma',
  'snr_shift_scale',
  'tau_func',
  'predictor_order',
  'corrector_order',
  'noise_sampler_seed',
  // Of the first versions.
  'predict_epsilon',
  'tensor_format',
]

/** Fields that a class does not have and another one has: diffusers hands them from file to file and ignores them. */
export function foreignFields({ fields }: SchedulerClass): Readonly<Record<string, string>> {
  const all = [...classes.values()].flatMap((each) => Object.keys(each.fields))
  const foreign = [...new Set([...all, ...fieldsOfOthers])].filter((name) => !Object.hasOwn(fields, name))
  return Object.fromEntries(foreign.map((name) => [name, 'a field of another scheduler, which this class ignores']))
}

/** The classes and their fields, for documentation: those that are reproduced, and the reasons of those that are not. */
export const schedulerReference = { readClasses, unreadReasons, foreignFields }

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
    return { specification, solver: parse(solvers, withOption(specification, `steps=${steps}`)) }
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
 * Reads a scheduler's configuration as diffusers reads it: each class's own grid, solver and defaults. `_solver` is ours:
 * see `preferred`.
 *
 * The grid of `solver` is made when it is asked for, on the schedule of this scheduler. Errors: `bad-model` for an unknown
 * class, naming the known ones, and for values that are not diffusers'; `unsupported` for a field that is not understood,
 * with its value, for values that are not reproduced, and from the grid of a class whose solver is not here.
 * Source: diffusers 0.42, src/diffusers/schedulers.
 *
 * @example
 * const { schedule, prediction, solver } = schedulerOf(await readConfig(nodeFiles, 'sd21/scheduler/scheduler_config.json'))
 */
export function schedulerOf(config: ConfigReader, options: SchedulerOptions = {}): Scheduler {
  const className = config.string('_class_name')
  const found = classes.get(className)
  if (!found) {
    const what = `one of ${schedulerClasses.join(', ')}`
    throw expected('bad-model', what, `\`_class_name\` in \`${config.file}\``, className, remedy)
  }
  const preferred = preferredSolver(config, options)
  const made = found.make(config, options)
  config.done(foreignFields(found))
  const { mu } = options
  const schedule = mu !== undefined && made.dynamic ? made.dynamic.schedule(mu) : made.schedule
  return { className, ...made, schedule, ...(preferred && { preferred }) }
}
