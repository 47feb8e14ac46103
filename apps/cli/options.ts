/** The fields of an operation as options of a command. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { describeField, type Field } from 'undiffuse'
import { type OperationField, type OperationFields, readSetting } from 'undiffuse/operations'
import { rareOptions } from './help.js'
import { topicOf } from './methods.js'
import { argumentOf, flagOf } from './setting-names.js'
import { takesMethods } from './subjects-first.js'

const words: Readonly<Record<OperationField['type'], string>> = {
  integer: 'n',
  number: 'x',
  boolean: '',
  string: 'text',
  choice: 'which',
  size: 'pixels',
  file: 'file',
  method: 'method:options',
}

const wordOf = (field: OperationField): string => field.word ?? words[field.type]

/** What is asked for in angle brackets, or in square ones where it may be left out. */
function placeholderOf(field: OperationField): string {
  if (field.type === 'boolean') return ''
  if ('bare' in field) return ` [${wordOf(field)}]`
  return ` <${wordOf(field)}${field.many ? (field.type === 'file' ? ',…' : '...') : ''}>`
}

/** What a number or a size must be, as commander's sentence goes on. */
function wanted(field: OperationField): string {
  if (field.type === 'size') return 'It must be a size in pixels, as 128 or 192x128 (width x height).'
  if (field.type !== 'integer' && field.type !== 'number') return 'It does not fit.'
  if (field.exclusiveMinimum !== undefined && field.exclusiveMaximum !== undefined) {
    return `It must be a number above ${field.exclusiveMinimum} and below ${field.exclusiveMaximum}.`
  }
  const { default: _, ...plain } = field
  const kind = describeField(plain as Field)
    .replace('an integer', 'a whole number')
    .replace(', at least', ' of at least')
    .replace(/, (?=above|below)/, ' ')
  const others = 'or' in field ? field.or.map((word) => `, or \`${word}\``).join('') : ''
  return `It must be ${kind}${others}.`
}

const isNumeric = ({ type }: OperationField): boolean => type === 'integer' || type === 'number' || type === 'size'

/** What a field means, and where the methods that it may name are listed. */
function describedOf({ description, methods }: OperationField): string {
  const topic = methods && topicOf(methods)
  return topic === undefined ? description : `${description}; see \`undiffuse help ${topic}\``
}

function optionOf(name: string, field: OperationField): Option {
  const option = new Option(
    `${name === 'output' ? '-o, ' : ''}${flagOf(name)}${placeholderOf(field)}`,
    describedOf(field),
  )
  if (field.rare) option.helpGroup(rareOptions)
  if (field.methods) {
    takesMethods(
      option,
      field.methods.map(({ definition }) => definition.id),
    )
  }
  if (field.type === 'choice') option.choices(field.choices)
  if (isNumeric(field) && !field.many) {
    option.argParser((text: string) => {
      try {
        return readSetting(field, text, name)
      } catch {
        throw new InvalidArgumentError(wanted(field))
      }
    })
  }
  // Paths may be separated by commas, and the option be given again.
  if (field.type === 'file' && field.many) {
    option.argParser((text: string, before: readonly string[] = []) => [
      ...before,
      ...text.split(',').filter((path) => path !== ''),
    ])
  }
  if ('bare' in field && field.bare !== undefined) option.preset(`${field.bare}`)
  if ('default' in field && field.default !== undefined) option.default(field.default)
  return option.makeOptionMandatory(field.required === true)
}

/** A switch that is on unless it is turned off has the flag that does so; one that depends has both. */
function switchOrOption(name: string, field: OperationField): readonly Option[] {
  if (field.off === undefined) return [optionOf(name, field)]
  const off = new Option(flagOf(name).replace('--', '--no-'), field.off)
  if (field.rare) off.helpGroup(rareOptions)
  return 'default' in field && field.default === true ? [off] : [optionOf(name, field), off]
}

/** Adds an argument for the subject of an operation and an option for every other field. */
export function addFields(command: Command, fields: OperationFields): void {
  for (const [name, field] of Object.entries(fields)) {
    if (field.subject) command.argument(argumentOf(name, field), field.description)
    else for (const option of switchOrOption(name, field)) command.addOption(option)
  }
}

/** The settings that a command line gives: its arguments and options, without the command's own. */
export function givenSettings(
  fields: OperationFields,
  subjects: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(fields).filter((name) => fields[name]!.subject)
  const said = names.map((name, i) => [name, subjects[i]] as const)
  return Object.fromEntries([...said, ...Object.entries(options).filter(([name]) => Object.hasOwn(fields, name))])
}
