/** What a text may be: code that no types were checked of may pass anything. */
import { expected } from './errors.js'

/** Throws `bad-option` for anything but text and nothing; `name` is what messages call it. */
export function checkText(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
  throw expected('bad-option', 'text', `\`${name}\``, got, 'Pass a string, or leave it out for the empty text.')
}
