/**
 * What one option of a method is: its type, default, range, unit and meaning, as data. Checks values against it and
 * reads them from text. The words are JSON Schema's where it has them.
 */
import { expected, gotText, type UndiffuseError } from './errors.js'
import { nearest } from './nearest.js'

interface NumericRange {
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly unit?: string
}

/** A field without a default may be left out; the method is then given `undefined`, and the description says why. */
interface Described<T> {
  readonly default?: T
  readonly description: string
}

export interface NumberField extends Described<number>, NumericRange {
  readonly type: 'number'
}
export interface IntegerField extends Described<number>, NumericRange {
  readonly type: 'integer'
}
export interface BooleanField extends Described<boolean> {
  readonly type: 'boolean'
}
export interface StringField extends Described<string> {
  readonly type: 'string'
}
export interface ChoiceField extends Described<string> {
  readonly type: 'choice'
  readonly choices: readonly string[]
}

export type Field = NumberField | IntegerField | BooleanField | StringField | ChoiceField
export type Fields = Readonly<Record<string, Field>>
export type OptionValue = number | boolean | string

type ValueOf<F extends Field> = F extends { type: 'number' | 'integer' }
  ? number
  : F extends { type: 'boolean' }
    ? boolean
    : F extends { type: 'choice'; choices: readonly (infer Choice)[] }
      ? Choice
      : string

/** What a method is made from: every field's value, `undefined` only for a field without a default. */
export type Options<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends { readonly default: OptionValue } ? ValueOf<F[K]> : ValueOf<F[K]> | undefined
}

/** What a caller passes: any of the fields. */
export type GivenOptions<F extends Fields> = { readonly [K in keyof F]?: ValueOf<F[K]> | undefined }

/** Every field's value: the given one, checked, or the default. Throws `bad-option`, naming the nearest known option. */
export function resolveOptions(
  fields: Fields,
  given: Readonly<Record<string, unknown>>,
  id: string,
): Readonly<Record<string, OptionValue | undefined>> {
  if (typeof given !== 'object' || given === null) {
    const known = Object.keys(fields)
    const remedy = known.length === 0 ? 'It has no options.' : `Pass an object, such as \`{ ${known[0]}: … }\`.`
    throw expected('bad-option', 'an object of options', `\`${id}\``, describeValue(given), remedy)
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name))
      throw unknownName(`an option of \`${id}\``, `\`${name}\``, name, Object.keys(fields))
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const value = given[name]
      if (value === undefined) return [name, field.default]
      const meant = accepts(field, value) ? undefined : choosing(fields, value)
      const guess = meant === undefined ? '' : ` Did you mean \`${meant}=${value}\`?`
      return [name, checkValue(field, value, `\`${id}:${name}\``, guess)]
    }),
  )
}

/** The field that has this value among its choices. */
const choosing = (fields: Fields, value: unknown): string | undefined =>
  Object.entries(fields).find(([, field]) => field.type === 'choice' && accepts(field, value))?.[0]

/** A `bad-option` error about a name, with the nearest known name or all of them as the remedy. */
export function unknownName(what: string, name: string, word: string, known: readonly string[]): UndiffuseError {
  const guess = nearest(word, known)
  const all = known.length === 0 ? 'It has none.' : `Known: ${known.join(', ')}.`
  return expected('bad-option', 'a known name', what, name, guess ? `Did you mean \`${guess}\`? ${all}` : all)
}

/** The value, where it is one of the field. Throws `bad-option` for any other; `name` is what messages call the field, `guess` ends them. */
export function checkValue(field: Field, value: unknown, name: string, guess = ''): OptionValue {
  if (!accepts(field, value)) {
    const isNumeric = field.type === 'number' || field.type === 'integer'
    // A command line passes words as text. Only code passes a number as text.
    const looksRight = isNumeric && typeof value === 'string' && typeof readValue(field, value) === 'number'
    const got = looksRight ? gotText(value) : describeValue(value)
    throw expected('bad-option', describeField(field), name, got, `${remedyFor(field, value)}${guess}`)
  }
  return value
}

function accepts(field: Field, value: unknown): value is OptionValue {
  switch (field.type) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'string':
      return typeof value === 'string'
    case 'choice':
      return typeof value === 'string' && field.choices.includes(value)
    case 'number':
      return Number.isFinite(value) && inRange(field, value as number)
    case 'integer':
      return Number.isSafeInteger(value) && inRange(field, value as number)
  }
}

const inRange = (range: NumericRange, value: number): boolean =>
  value >= (range.minimum ?? Number.NEGATIVE_INFINITY) &&
  value <= (range.maximum ?? Number.POSITIVE_INFINITY) &&
  value > (range.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
  value < (range.exclusiveMaximum ?? Number.POSITIVE_INFINITY)

/** The values a field takes, in words: `an integer, at least 1`. */
export function describeField(field: Field): string {
  switch (field.type) {
    case 'boolean':
      return 'true or false'
    case 'string':
      return 'a text'
    case 'choice':
      return field.choices.join(', ').replace(/, ([^,]*)$/, ' or $1')
    default: {
      const kind = field.type === 'integer' ? 'an integer' : 'a finite number'
      const unit = field.unit === undefined ? '' : ` (${field.unit})`
      return `${kind}${unit}${describeRange(field)}`
    }
  }
}

function describeRange({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: NumericRange): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  const limits = [
    minimum !== undefined && `at least ${minimum}`,
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    maximum !== undefined && `at most ${maximum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
  ].filter((limit) => limit !== false)
  return limits.map((limit) => `, ${limit}`).join('')
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return `\`${value}\``
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? JSON.stringify(value) : `an object of ${Object.keys(value).join(', ') || 'nothing'}`
}

/** The name of a method that was made, where its name was asked for. */
const nameOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'name' in value ? value.name : value

function remedyFor(field: Field, value: unknown): string {
  const name = nameOf(value)
  const guess = field.type === 'choice' && typeof name === 'string' ? nearest(name, field.choices) : undefined
  if (guess !== undefined && name !== value) return `Pass the name alone: '${guess}'.`
  if (guess !== undefined) return `Did you mean \`${guess}\`?`
  return field.default === undefined ? 'Leave it out or correct it.' : `The default is ${field.default}.`
}

/** A field's value from text, as in `iterations=50`; an invalid value comes back as text. */
export function readValue(field: Field, text: string): OptionValue {
  switch (field.type) {
    case 'number':
    case 'integer':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    default:
      return text
  }
}
