/**
 * Fields of a checkpoint's config.json, read with the type they must have. What a network makes of them is the
 * network's business (src/nn).
 */
import { expected } from '../core/errors.js'
import type { ConfigReader } from '../nn/parameters.js'
import type { Files } from './files.js'
import { describe, type JsonObject, readJsonObject } from './json.js'

const isString = (value: unknown): value is string => typeof value === 'string'
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const isExtendedNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value)

/** Larger than any size of a network: what is made of a larger one would fill any machine before the weights are looked at. */
const largestInteger = 2 ** 24
const isInteger = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= largestInteger
const anInteger = `an integer from 0 to ${largestInteger}`
const isListOf =
  <T>(isOne: (value: unknown) => value is T) =>
  (value: unknown): value is readonly T[] =>
    Array.isArray(value) && value.every(isOne)
const isIntegerOrIntegers = (value: unknown): value is number | readonly number[] =>
  isInteger(value) || isListOf(isInteger)(value)

/** What libraries write into every configuration beside its contents. */
export const everywhereHarmless: Readonly<Record<string, string>> = {
  _class_name: 'names the class, which was read to choose the reader',
  _diffusers_version: 'the version that wrote the file',
  _name_or_path: 'where the writer had the model from',
  _commit_hash: 'where the writer had the model from',
  _use_default_values: 'which fields were left at their defaults; they are stated',
}

/**
 * Reads a configuration file; throws `bad-model` when it is missing, above 16 MB, or not one JSON object.
 *
 * @example (await readConfig(nodeFiles, 'vae/config.json')).integers('block_out_channels')
 */
export const readConfig = async (files: Files, path: string): Promise<ConfigReader> =>
  configOf(path, await readJsonObject(files, path))

/**
 * Typed readers over an object that came from `file`. Numbers are finite, integers from 0 to 2²⁴; an absent field
 * takes the default and is an error without; null is no value, as Python's None is not the default: ask `has` where it may stand. Errors are `bad-model` and name file, field, what was expected and found.
 */
export function configOf(file: string, fields: JsonObject): ConfigReader {
  const asked = new Set<string>()
  const reader =
    <T>(what: string, fits: (value: unknown) => value is T) =>
    (field: string, fallback?: T): T => {
      asked.add(field)
      const stated = Object.hasOwn(fields, field) ? fields[field] : undefined
      const value = stated === undefined ? fallback : stated
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
    has(field) {
      asked.add(field)
      return Object.hasOwn(fields, field) && fields[field] !== null
    },
    value(field) {
      asked.add(field)
      return Object.hasOwn(fields, field) ? fields[field] : undefined
    },
    number: reader('a finite number', isNumber),
    integer: reader(`${anInteger}`, isInteger),
    integers: reader(`a list of integers from 0 to ${largestInteger}`, isListOf(isInteger)),
    integerOrIntegers: reader(`${anInteger} or a list of them`, isIntegerOrIntegers),
    string: reader('a string', isString),
    strings: reader('a list of strings', isListOf(isString)),
    boolean: reader('true or false', isBoolean),
    booleans: reader('a list of true and false', isListOf(isBoolean)),
    numbers: reader('a list of finite numbers', isListOf(isNumber)),
    extendedNumber: reader('a number', isExtendedNumber),
    done(harmless = {}) {
      for (const [field, value] of Object.entries(fields)) {
        if (asked.has(field) || Object.hasOwn(harmless, field) || Object.hasOwn(everywhereHarmless, field)) continue
        throw expected(
          'unsupported',
          'only fields that are understood',
          `\`${file}\``,
          `\`${field}\`: ${describe(value)}`,
          'Take the field out if it does not matter to this model; what it would change is not known here.',
        )
      }
    },
  }
}
