/**
 * What a scheduler's class obeys of its configuration, as data: one description of each field, from which come the reader,
 * the page in docs and the fuzz test. Not what is made of the values.
 */
import { describe } from '../../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../../core/errors.js'
import type { Prediction } from '../../../diffusion/denoiser.js'
import type { Solver } from '../../../diffusion/diffusion.js'
import type { Schedule } from '../../../diffusion/level.js'
import type { ConfigReader } from '../../../nn/parameters.js'

export interface Field<T> {
  /** The values it takes, in words. */
  readonly values: string
  /** The class's own, where the file says nothing. */
  readonly default: T
  /** Whether null is a value of it. */
  readonly takesNull?: boolean
  read(config: ConfigReader, name: string): T
}

export type Fields = Readonly<Record<string, Field<unknown>>>
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

/** Every field's value. A null that the field does not have is refused: it is another value there than the default. */
export const readFields = <F extends Fields>(config: ConfigReader, fields: F): Values<F> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      if (config.value(name) === null && !field.takesNull) throw wrong(config, name, field.values, null)
      return [name, field.read(config, name)]
    }),
  ) as Values<F>

const remedy = 'Use the scheduler_config.json that the model was published with.'

const told = (value: unknown): string => (typeof value === 'string' ? value : describe(value))

const wrong = (config: ConfigReader, name: string, values: string, got: unknown): UndiffuseError =>
  expected('bad-model', values, `\`${name}\` in \`${config.file}\``, told(got), remedy)

/** A value that diffusers reads and that is not reproduced here, with the reason. */
export const refusedValue = (
  config: ConfigReader,
  name: string,
  values: string,
  got: unknown,
  why: string,
): UndiffuseError => expected('unsupported', values, `\`${name}\` in \`${config.file}\``, told(got), why)

interface Range {
  readonly minimum?: number
  readonly maximum?: number
}

const within = (value: number, { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: Range) =>
  value >= minimum && value <= maximum

const ranged = (kind: string, { minimum, maximum }: Range): string => {
  if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`
  return minimum === undefined ? kind : `${kind}, at least ${minimum}`
}

export function number(fallback: number, range: Range = {}): Field<number> {
  const values = ranged('a finite number', range)
  return {
    values,
    default: fallback,
    read(config, name) {
      const value = config.number(name, fallback)
      if (within(value, range)) return value
      throw wrong(config, name, values, value)
    },
  }
}

export function integer(fallback: number, range: Range): Field<number> {
  const values = ranged('an integer', range)
  return {
    values,
    default: fallback,
    read(config, name) {
      const value = config.number(name, fallback)
      if (Number.isSafeInteger(value) && within(value, range)) return value
      throw wrong(config, name, values, value)
    },
  }
}

/** A number, or minus infinity. */
export const numberOrNone = (fallback: number): Field<number> => ({
  values: 'a number or -Infinity',
  default: fallback,
  read: (config, name) => config.extendedNumber(name, fallback),
})

/** Null is false, as in Python's conditions. */
export const boolean = (fallback: boolean): Field<boolean> => ({
  values: 'true or false',
  default: fallback,
  takesNull: true,
  read: (config, name) => config.value(name) !== null && config.boolean(name, fallback),
})

export function choice<const T extends string>(choices: readonly T[], fallback: NoInfer<T>): Field<T> {
  const values = choices.join(', ').replace(/, ([^,]*)$/, ' or $1')
  return {
    values,
    default: fallback,
    read(config, name) {
      const value = config.string(name, fallback)
      const found = choices.find((one) => one === value)
      if (found !== undefined) return found
      throw wrong(config, name, values, value)
    },
  }
}

/** A field that may be left out, read by another. */
export const optional = <T>(field: Field<T>): Field<T | undefined> => ({
  values: `${field.values}, or null`,
  default: undefined,
  takesNull: true,
  read: (config, name) => (config.has(name) ? field.read(config, name) : undefined),
})

export const numbers: Field<readonly number[]> = {
  values: 'a list of numbers',
  default: [],
  read: (config, name) => config.numbers(name, []),
}

/** A field with one value that is understood; `why` says what others would be. */
export const only = <const T extends string | boolean | null>(value: T, why: string): Field<T> => ({
  values: `${value}`,
  default: value,
  takesNull: true,
  read(config, name) {
    if (!config.has(name) || config.value(name) === value) return value
    throw refusedValue(config, name, `${value}`, config.value(name), why)
  },
})

/** What `set_timesteps` of a scheduler is called with. */
export interface SchedulerCall {
  /** Default 50. */
  readonly steps?: number | undefined
  /** In place of the class's own spacing, where it takes them. */
  readonly timesteps?: readonly number[] | undefined
  readonly sigmas?: readonly number[] | undefined
  /** Of a flow whose time shift depends on the size of the latent. */
  readonly mu?: number | undefined
}

export interface MadeScheduler {
  readonly schedule: Schedule
  readonly prediction: Prediction
  readonly solver: Solver
  /** Of flows whose shift depends on how many tokens the latent has. */
  readonly dynamic?: DynamicShift
}

export interface DynamicShift {
  /** Where the class's configuration puts so many tokens between its two shifts. */
  mu(tokens: number): number
  /** The schedule of a mu. */
  schedule(mu: number): Schedule
}

/** A class of diffusers: its fields, and what is made of them. */
export interface SchedulerClass {
  readonly name: string
  /** The id of the solver that it is. */
  readonly solver: string
  readonly fields: Fields
  make(config: ConfigReader, call: SchedulerCall): MadeScheduler
}

export const schedulerClass = <F extends Fields>({
  make,
  ...rest
}: {
  readonly name: string
  readonly solver: string
  readonly fields: F
  readonly make: (values: Values<F>, call: SchedulerCall, config: ConfigReader) => MadeScheduler
}): SchedulerClass => ({ ...rest, make: (config, call) => make(readFields(config, rest.fields), call, config) })
