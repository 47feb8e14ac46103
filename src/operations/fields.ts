/**
 * What an operation is told, as data: the fields of methods, and what only whole operations have: files, sizes, methods
 * with options of their own, lists. Values are read and checked once, where they come in: command line, form, request.
 */
import { type Defined, parse } from '../core/define.js'
import { expected } from '../core/errors.js'
import { checkValue, type Field, type IntegerField, readValue, unknownName } from '../core/fields.js'
import type { PictureSize } from '../restorations/index.js'

/** What any field of an operation may say besides its value. */
interface Told {
  /** It must be given. */
  readonly required?: true
  /** What the operation is done to: applications ask for it first. */
  readonly subject?: true
  /** A list of such values. */
  readonly many?: true
  /** Few need it: applications may keep it from their first page. */
  readonly rare?: true
  /** What false means, of a boolean that is true or depends where nothing is said. */
  readonly off?: string
  /** What a value is called where it is asked for: `file`, `weight`. */
  readonly word?: string
  /** Methods that the value may name, for those who list them. */
  readonly methods?: readonly Defined<unknown>[]
}

/** An integer, or one of some words in its place. */
interface IntegerOrWordField extends Omit<IntegerField, 'default'> {
  readonly or: readonly string[]
  readonly default?: number | string
  /** Meant where the field is named without a value. */
  readonly bare?: number
}

/** Width and height in pixels: `128` or `192x128`. */
interface SizeField {
  readonly type: 'size'
  readonly description: string
}

/** A path of the host. */
interface FileField {
  readonly type: 'file'
  readonly description: string
  readonly default?: string | readonly string[]
}

/** A method with its options, as `ddim:steps=20`. */
interface MethodField<M> {
  readonly type: 'method'
  readonly description: string
  readonly default?: string | readonly string[]
  /** Throws `bad-option` for what names no method. */
  read(text: string): M
}

export type OperationField = (Field | IntegerOrWordField | SizeField | FileField | MethodField<unknown>) & Told
export type OperationFields = Readonly<Record<string, OperationField>>

/** A method, and the text that named it: for files and reports. */
export interface Named<M> {
  readonly text: string
  readonly method: M
}

type Single<F> = F extends { readonly type: 'method'; read(text: string): infer M }
  ? Named<M>
  : F extends { readonly type: 'integer'; readonly or: readonly (infer Word)[] }
    ? number | Word
    : F extends { readonly type: 'integer' | 'number' }
      ? number
      : F extends { readonly type: 'boolean' }
        ? boolean
        : F extends { readonly type: 'choice'; readonly choices: readonly (infer Choice)[] }
          ? Choice
          : F extends { readonly type: 'size' }
            ? PictureSize
            : string

type ValueOf<F> = F extends { readonly many: true } ? readonly Single<F>[] : Single<F>

/** Every field's value; `undefined` only for one that has no default and need not be given. */
export type Settings<F extends OperationFields> = {
  readonly [K in keyof F]: F[K] extends { readonly default: unknown } | { readonly required: true }
    ? ValueOf<F[K]>
    : ValueOf<F[K]> | undefined
}

/** A field of one method of a list. */
export const methodField = <M, const T extends { readonly description: string }>(
  methods: readonly Defined<M>[],
  told: T,
) =>
  ({
    type: 'method',
    methods,
    word: 'method:options',
    read: (text: string): M => parse(methods, text),
    ...told,
  }) as const

/** How messages name a setting; applications put their own name for it in its place. */
export const setting = (name: string, value?: string): string =>
  `\`settings.${name}${value === undefined ? '' : ` ${value}`}\``

/**
 * Every setting of an operation: the given one, read and checked, or the default.
 *
 * Text stands for any value, as command lines and forms have it; numbers, booleans, lists and sizes are taken as they are.
 * Throws `bad-option` for names that are unknown, values that do not fit and what is missing.
 *
 * @example readSettings({ steps: { type: 'integer', minimum: 1, default: 50, description: '' } }, { steps: '20' }, 'x').steps // 20
 */
export function readSettings<const F extends OperationFields>(
  fields: F,
  given: Readonly<Record<string, unknown>>,
  id: string,
): Settings<F> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name))
      throw unknownName(`a setting of \`${id}\``, `\`${name}\``, name, Object.keys(fields))
  }
  const read = Object.entries(fields).map(([name, field]) => {
    const value = given[name] ?? ('default' in field ? field.default : undefined)
    if (value === undefined && field.required) {
      throw expected('bad-option', field.description, setting(name), 'nothing', 'Say it.')
    }
    return [name, value === undefined ? undefined : readSetting(field, value, name)]
  })
  return Object.fromEntries(read) as Settings<F>
}

/** One value of a field, or a list of them. Throws `bad-option`. */
export function readSetting(field: OperationField, value: unknown, name: string): unknown {
  if (!field.many) return readOne(field, value, name)
  return (Array.isArray(value) ? value : [value]).map((one) => readOne(field, one, name))
}

function readOne(field: OperationField, value: unknown, name: string): unknown {
  switch (field.type) {
    case 'method':
      return typeof value === 'string'
        ? { text: value.trim(), method: field.read(value.trim()) }
        : namedMethod(value, name)
    case 'size':
      return sizeOf(value, name)
    case 'file':
      if (value === '')
        throw expected('bad-option', 'a path', setting(name), 'an empty text', 'Pass a path, or leave it out.')
      return checkValue({ type: 'string', description: field.description }, value, setting(name))
    default: {
      if ('or' in field && typeof value === 'string' && field.or.includes(value)) return value
      const { default: _, ...plain } = field
      return checkValue(
        plain as Field,
        typeof value === 'string' ? readValue(plain as Field, value) : value,
        setting(name),
      )
    }
  }
}

/** A method of one's own: with its text, or under the name that it has. */
function namedMethod(value: unknown, name: string): Named<unknown> {
  const isObject = typeof value === 'object' && value !== null
  if (isObject && 'method' in value && 'text' in value) return value as Named<unknown>
  if (isObject && 'name' in value && typeof value.name === 'string') return { text: value.name, method: value }
  const what = 'the text of a method, a method with a name, or { text, method }'
  throw expected('bad-option', what, setting(name), value === null ? 'null' : typeof value, 'Pass one of these.')
}

function sizeOf(value: unknown, name: string): PictureSize {
  const [, width, height = width] =
    typeof value === 'string' ? (/^(\d{1,5})(?:[x×](\d{1,5}))?$/.exec(value.trim()) ?? []) : []
  const size = typeof value === 'string' ? { width: Number(width), height: Number(height) } : (value as PictureSize)
  if (size?.width > 0 && size.height > 0) return size
  const remedy = 'Write one side of a square, or width x height.'
  throw expected('bad-option', 'pixels, as 128 or 192x128', setting(name), `\`${String(value)}\``, remedy)
}
