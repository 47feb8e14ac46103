/**
 * What the reader of a network's class obeys of its configuration, what it knows to be harmless and what it refuses: found by
 * letting it read, for documentation. A new class is here as soon as it is in classes/index.ts.
 */
import { configOf } from '../checkpoints/config.js'
import { isUndiffuseError } from '../core/errors.js'
import type { ConfigReader, WeightSource } from '../nn/parameters.js'
import { networkClasses } from './classes/index.js'
import type { NetworkClass } from './classes/network-class.js'
import { pipelineShapes } from './families/index.js'
import { readPipelineFields } from './pipeline-fields.js'
import type { ConfigFields } from './random/published-configs.js'

export interface ReadField {
  readonly name: string
  /** What an absent field is; undefined where it must be there, or where absent means that a part is missing. */
  readonly default: unknown
  /** The values that it may have, in the words of the refusal of others. */
  readonly values: string
}

export interface FieldReference {
  readonly name: string
  readonly obeyed: readonly ReadField[]
  /** Fields of one value: all others are refused. */
  readonly fixed: readonly ReadField[]
  /** With the reason. */
  readonly harmless: Readonly<Record<string, string>>
}

type Read = (file: ConfigReader) => unknown
type Kind =
  | 'has'
  | 'value'
  | 'number'
  | 'integer'
  | 'integers'
  | 'integerOrIntegers'
  | 'string'
  | 'strings'
  | 'boolean'
  | 'booleans'
  | 'numbers'
  | 'extendedNumber'

/** Values of each kind that a published configuration hardly has. */
const unusual: Readonly<Record<Kind, readonly unknown[]>> = {
  has: ['unusual', 7],
  value: ['unusual', 7],
  number: [7.5, 64, 3],
  extendedNumber: [7.5],
  integer: [7, 64, 3],
  integers: [[64, 64]],
  integerOrIntegers: [7, 64],
  numbers: [[0.5, 0.5]],
  string: ['unusual'],
  strings: [['unusual']],
  boolean: [true, false],
  booleans: [[true]],
}

interface Asked {
  readonly kind: Kind
  readonly default: unknown
  /** Whether it was looked for first: without it, or with null, something is absent. */
  readonly optional: boolean
}

/** Ways of asking that say nothing of a value's type. */
const isVague = (kind: Kind): boolean => kind === 'has' || kind === 'value'

/** Reads `fields`, and says what was asked for and what was called harmless. */
function recorded(fields: ConfigFields, read: Read) {
  const config = configOf('config.json', fields)
  const asked = new Map<string, Asked>()
  let harmless: Readonly<Record<string, string>> = {}
  const noting =
    <T>(kind: Kind, ask: (field: string, fallback?: T) => T) =>
    (field: string, fallback?: T): T => {
      // A field that is looked for first and read then has the kind of the second.
      const before = asked.get(field)
      const optional = before?.optional === true || kind === 'has'
      if (!before || isVague(before.kind)) asked.set(field, { kind, default: fallback, optional })
      return ask(field, fallback)
    }
  read({
    file: config.file,
    has: noting('has', (field) => config.has(field)),
    value: noting('value', (field) => config.value(field)),
    number: noting('number', config.number),
    integer: noting('integer', config.integer),
    integers: noting('integers', config.integers),
    integerOrIntegers: noting('integerOrIntegers', config.integerOrIntegers),
    string: noting('string', config.string),
    strings: noting('strings', config.strings),
    boolean: noting('boolean', config.boolean),
    booleans: noting('booleans', config.booleans),
    numbers: noting('numbers', config.numbers),
    extendedNumber: noting('extendedNumber', config.extendedNumber),
    done(reasons = {}) {
      harmless = { ...harmless, ...reasons }
      config.done(reasons)
    },
  })
  return { asked, harmless }
}

/** What the refusal of a field's value expects in its place; undefined where it is taken, or another field is refused. */
function wantedOf(fields: ConfigFields, field: string, value: unknown, read: Read): string | undefined {
  try {
    read(configOf('config.json', { ...fields, [field]: value }))
    return undefined
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    return error.subject.includes(`\`${field}\``) ? error.expected : undefined
  }
}

const all = <T>(values: readonly (T | undefined)[]): values is readonly T[] =>
  values.every((value) => value !== undefined)

/** A field as its reader takes it. `fixed`: every unusual value is refused, in favour of the same. */
function described(
  fields: ConfigFields,
  name: string,
  asked: Asked,
  read: Read,
): ReadField & { readonly fixed: boolean } {
  const own = fields[name] ?? asked.default
  const others = unusual[asked.kind].filter((value) => value !== own)
  const refusals = others.map((value) => wantedOf(fields, name, value, read))
  const kind = wantedOf(fields, name, {}, read) ?? 'any value'
  const [first] = refusals
  const fixed = all(refusals) && new Set(refusals).size === 1 && (first === `${own}` || first === 'null')
  const values = fixed ? first! : asked.kind === 'string' || asked.kind === 'strings' ? (first ?? kind) : kind
  if (asked.optional && !/\bnull$/.test(values)) {
    return { name, default: asked.default, values: `${values}, or null`, fixed: false }
  }
  return { name, default: asked.default, values, fixed }
}

/** The fields of a reader, over configurations that it reads as they are. */
function fieldReference(name: string, configurations: readonly ConfigFields[], read: Read): FieldReference {
  const found = new Map<string, ReadField & { readonly fixed: boolean; readonly vague: boolean }>()
  let reasons: Readonly<Record<string, string>> = {}
  for (const fields of configurations) {
    const { asked, harmless } = recorded(fields, read)
    reasons = { ...reasons, ...harmless }
    for (const [field, how] of asked) {
      // What is only looked for in one configuration may be read in another.
      const vague = isVague(how.kind)
      const known = found.get(field)
      if (!known || (known.vague && !vague)) found.set(field, { ...described(fields, field, how, read), vague })
    }
  }
  const fieldsFound = [...found.values()]
  return {
    name,
    obeyed: fieldsFound.filter(({ fixed }) => !fixed),
    fixed: fieldsFound.filter(({ fixed }) => fixed),
    harmless: Object.fromEntries(Object.entries(reasons).filter(([field]) => !found.has(field))),
  }
}

const noWeights: WeightSource = {
  has: () => true,
  get: (name) => {
    throw new Error(`Nobody asks for ${name} where a configuration is read.`)
  },
}

const classOf = (config: ConfigFields): unknown =>
  config._class_name ?? (config.architectures as string[] | undefined)?.[0]

/** Every configuration of a network that a family publishes. */
const published: readonly ConfigFields[] = Object.values(pipelineShapes).flatMap(({ vae, denoiser, textEncoders }) => [
  vae,
  denoiser.config,
  ...textEncoders.map(({ config }) => config),
])

function readerOf({ autoencoder, network }: NetworkClass): Read {
  if (autoencoder) return (file) => autoencoder.definition(file, noWeights)
  return (file) => network?.(file, noWeights)
}

/** The classes of networks and model_index.json, with their fields. */
export const networkReference = (): readonly (FieldReference & {
  readonly role: string
  readonly readsGguf: boolean
})[] =>
  networkClasses.map((entry) => {
    const own = published.filter((config) => entry.classNames.includes(classOf(config) as string))
    const configurations = own.length > 0 ? own : [{ _class_name: entry.classNames[0] }]
    const fields = fieldReference(entry.classNames.join(', '), configurations, readerOf(entry))
    return { ...fields, role: entry.role, readsGguf: entry.originalNames !== undefined }
  })

export function pipelineReference(): FieldReference {
  const read = (file: ConfigReader) => readPipelineFields(file, { guidance: 1, zeroNegative: false })
  const { obeyed, ...rest } = fieldReference('model_index.json', [{}], read)
  const own = ({ name, values }: ReadField) => ({
    name,
    values: `${values}; absent: the family's own`,
    default: undefined,
  })
  return { ...rest, obeyed: obeyed.map(own) }
}
