/** The names that settings have on the command line, and texts and errors that use them. */
import { isUndiffuseError, UndiffuseError } from 'undiffuse'
import type { OperationField, OperationFields } from 'undiffuse/operations'

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** `saveMask` is `--save-mask`. */
export const flagOf = (name: string): string => `--${kebab(name)}`

/** A subject in angle brackets, or in square ones where it may be left out. */
export const argumentOf = (name: string, field: OperationField): string => {
  const word = `${field.word ?? name}${field.many ? '...' : ''}`
  return field.required ? `<${word}>` : `[${word}]`
}

/** Text whose settings are named as the command line names them: `settings.saveMask` is `--save-mask`, `settings.recipe false` `--no-recipe`. */
export const inFlags = (text: string, fields: OperationFields): string =>
  text.replace(/`settings\.(\w+)( [^`]*)?`/g, (_, name: string, value = '') => {
    const field = fields[name]
    if (field?.type === 'boolean' && value === ' false') return `\`${flagOf(name).replace('--', '--no-')}\``
    return `\`${field?.subject ? argumentOf(name, field) : `${flagOf(name)}${value}`}\``
  })

/** An error that names settings so. */
export function errorInFlags(error: unknown, fields: OperationFields): unknown {
  if (!isUndiffuseError(error) || error.message === inFlags(error.message, fields)) return error
  const { code, expected, subject, got, remedy, hint } = error
  const named = (text: string) => inFlags(text, fields)
  const parts = { expected: named(expected), subject: named(subject), got: named(got), remedy: named(remedy) }
  return new UndiffuseError(code, { ...parts, ...(hint && { hint }) }, { cause: error })
}
