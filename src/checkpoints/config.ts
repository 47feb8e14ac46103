/**
 * Fields of a checkpoint's config.json, read with the type they must have. What a network makes of them is the
 * network's business (src/nn).
 */
import { expected } from '../core/errors.js'
import type { Files } from './files.js'
import { describe, type JsonObject, readJsonObject } from './json.js'

/**
 * Readers of one configuration. An absent or null field takes the default; without a default it is an error. Every
 * error is `bad-model` and names file, field, what was expected and what the file says.
 */
export interface Config {
  readonly file: string
  has(field: string): boolean
  /** A finite number. */
  number(field: string, fallback?: number): number
  /** A non-negative integer. */
  integer(field: string, fallback?: number): number
  /** A list of non-negative integers. */
  integers(field: string, fallback?: readonly number[]): readonly number[]
  string(field: string, fallback?: string): string
  strings(field: string, fallback?: readonly string[]): readonly string[]
  boolean(field: string, fallback?: boolean): boolean
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isListOf =
  <T>(isOne: (value: unknown) => value is T) =>
  (value: unknown): value is readonly T[] =>
    Array.isArray(value) && value.every(isOne)

/**
 * Reads a configuration file; throws `bad-model` when it is missing, above 16 MB, or not one JSON object.
 *
 * @example (await readConfig(nodeFiles, 'vae/config.json')).integers('block_out_channels')
 */
export const readConfig = async (files: Files, path: string): Promise<Config> =>
  configOf(path, await readJsonObject(files, path))

/** Typed readers over an object that came from `file`. */
export function configOf(file: string, fields: JsonObject): Config {
  const reader =
    <T>(what: string, fits: (value: unknown) => value is T) =>
    (field: string, fallback?: T): T => {
      const stated = Object.hasOwn(fields, field) ? fields[field] : undefined
      const value = stated ?? fallback ?? stated
      if (fits(value)) return value
      throw expected(
        'bad-model',
        what,
        `\`${field}\` in \`${file}\``,
        describe(value),
        'Use the configuration that the weights were published with.',
      )
    }
  return {
    file,
    has: (field) => Object.hasOwn(fields, field) && fields[field] !== null,
    number: reader('a finite number', isNumber),
    integer: reader('a non-negative integer', isInteger),
    integers: reader('a list of non-negative integers', isListOf(isInteger)),
    string: reader('a string', isString),
    strings: reader('a list of strings', isListOf(isString)),
    boolean: reader('true or false', isBoolean),
  }
}
