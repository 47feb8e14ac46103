/**
 * One description of a method's options, from which come the library function with inferred types, the command-line
 * flag, a form and the reference page. Not a registry: a definition is a value, and lists of them are written out.
 */
import { expected } from './errors.js'
import { type Fields, type GivenOptions, type Options, readValue, resolveOptions, unknownName } from './fields.js'

/** What a method is, for everything that lists, documents or makes it without knowing it. */
export interface Definition<T> {
  /** kebab-case, the same as its file and its name on the command line. */
  readonly id: string
  readonly title: string
  /** Paper, equation or algorithm it follows. */
  readonly source: string
  /** Names that papers give it, with the text that makes it. */
  readonly also?: Readonly<Record<string, string>>
  readonly fields: Fields
  /** Makes it from untyped options, for command lines and services. Throws `bad-option`. */
  make(options?: Readonly<Record<string, unknown>>): T
}

/** Anything that carries a definition: what lists of methods hold. */
export interface Defined<T> {
  readonly definition: Definition<T>
}

/** What a factory makes. */
export type Made<M extends Defined<unknown>> = M extends Defined<infer T> ? T : never

/** A function that makes a method from its options, with its description attached. */
export interface Factory<F extends Fields, T> extends Defined<T> {
  (options?: GivenOptions<F>): T
}

/**
 * Makes a method's factory from the description of its options.
 *
 * The factory fills in defaults, checks types and ranges and throws `bad-option` for what does not fit; an unknown
 * option is answered with the nearest known one. Types of options are inferred from `fields`.
 *
 * @example
 * const relax = define({
 *   id: 'relax', title: 'Relaxation', source: 'textbook',
 *   fields: { rho: { type: 'number', default: 1, exclusiveMinimum: 0, description: 'Step size.' } },
 *   make: ({ rho }) => (x: number) => x - rho * x,
 * })
 * relax({ rho: 0.5 })(8) // 4
 */
export function define<const F extends Fields, T>(description: {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly also?: Readonly<Record<string, string>>
  readonly fields: F
  readonly make: (options: Options<F>) => T
}): Factory<F, T> {
  const { id, title, source, also, fields } = description
  const make = (options: Readonly<Record<string, unknown>> = {}): T =>
    description.make(resolveOptions(fields, options, id) as Options<F>)
  return Object.assign((options?: GivenOptions<F>) => make(options), {
    definition: { id, title, source, ...(also && { also }), fields, make },
  })
}

/**
 * Makes a method from a specification in text: `id` or `id:name=value,name=value`.
 *
 * A boolean option may stand without a value, which means true. Values contain no comma. Throws `bad-option` for an
 * unknown id, an unknown or repeated option, or a value that does not fit.
 *
 * @example parse([encoderOnly, gradientFree], 'gradient-free:iteration=adam,iterations=50')
 */
export function parse<M extends Defined<unknown>>(methods: M | readonly M[], specification: string): Made<M> {
  const known = ('definition' in methods ? [methods] : methods).map(
    ({ definition }) => definition as Definition<Made<M>>,
  )
  const [id = '', ...rest] = specification.split(':')
  const definition = known.find((candidate) => candidate.id === id.trim())
  if (!definition && id.includes(',')) {
    const remedy = 'Name several one by one: a comma stands between the options of one method.'
    throw expected('bad-option', 'one known name', 'a method', `\`${specification}\``, remedy)
  }
  const elsewhere = known.flatMap(({ also }) => also?.[id.trim().toLowerCase()] ?? [])
  if (!definition && elsewhere.length > 0) {
    const remedy = `Here it is ${elsewhere.map((one) => `\`${one}\``).join(' or ')}.`
    throw expected('bad-option', 'a known name', 'a method', `\`${specification}\``, remedy)
  }
  if (!definition) {
    throw unknownName(
      'a method',
      `\`${specification}\``,
      id.trim(),
      known.map((candidate) => candidate.id),
    )
  }
  return definition.make(readOptions(definition, rest.join(':')))
}

/** Between methods; the one in `1e+3` is followed by a digit. */
const plus = /\+(?=\s*[a-z])/i

/**
 * Makes several methods from text: specifications joined by `+`, in their order. Throws as `parse`.
 *
 * @example parseAll(attacks, 'jpeg:quality=50+crop:share=0.75')
 */
export const parseAll = <M extends Defined<unknown>>(methods: M | readonly M[], text: string): Made<M>[] =>
  text.split(plus).map((part) => parse(methods, part.trim()))

/**
 * A specification with one option more. An option that is there already is one given twice, which `parse` refuses.
 *
 * @example withOption('ddim:spacing=lambda', 'steps=20') // 'ddim:spacing=lambda,steps=20'
 */
export const withOption = (specification: string, option: string): string =>
  `${specification}${specification.includes(':') ? ',' : ':'}${option}`

function readOptions({ id, fields }: Definition<unknown>, text: string): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const equals = pair.indexOf('=')
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim()
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) throw unknownName(`an option of \`${id}\``, `\`${pair.trim()}\``, name, Object.keys(fields))
    if (Object.hasOwn(options, name)) {
      throw expected('bad-option', 'an option once', `\`${id}:${name}\``, 'it twice', 'Leave one of them out.')
    }
    if (equals < 0 && field.type !== 'boolean') {
      throw expected('bad-option', 'a value', `\`${id}:${name}\``, 'none', `Write \`${name}=…\`.`)
    }
    options[name] = equals < 0 ? true : readValue(field, pair.slice(equals + 1).trim())
  }
  return options
}
